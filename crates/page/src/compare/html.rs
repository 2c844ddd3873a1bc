//! A comparison as a page: the figures with their intervals, and the curves of all runs over each other.

use maud::{Markup, html};
use recorder::{Outcome, Phase};

use super::estimate::Selection;
use super::text::{change, interval, schedule, told};
use super::{Comparison, Row, Verdict, letter};
use crate::chart::{self, COLUMNS_MAX, Curve, Line, Panel, Scale};
use crate::counts::Counts;
use crate::html::{badge, document, scrolling};
use crate::log::Second;
use crate::run::{Arm, Mood};
use crate::words::seconds;

pub(super) fn page(comparison: &Comparison) -> Markup {
    let names: Vec<&str> = comparison.runs.iter().map(|run| run.from.as_str()).collect();
    let title = names.join(" against ");
    let body = html! {
        header {
            p.kicker { "A comparison of " (comparison.runs.len()) " runs" }
            h1 { (title) }
            p.verdict { (comparison.sentence()) }
            p class=(if comparison.same_schedule { "" } else { "warning" }) { (schedule(comparison)) }
            (runs(comparison))
        }
        @for pair in &comparison.pairs { (pictures(comparison, pair)) }
        (figures(comparison))
        section {
            h2 { "How to read it" }
            ul {
                li { "Intervals hold the true figure with a confidence of 95 %, from the differences between the seconds of a run. A change is beyond noise if its interval excludes \"no change\"." }
                li { "One run each cannot show what two runs on the same machine differ by anyway: compare a run with its own repetition to see that." }
                li { "Of " (comparison.rows.len()) " figures about " (comparison.rows.len().div_ceil(20)) " would differ by chance alone." }
            }
        }
    };
    document(&format!("Comparison: {title}"), &body)
}

fn runs(comparison: &Comparison) -> Markup {
    let head = ["", "from", "run", "schedule", "validity"];
    let table = html! {
        table {
            thead { tr { @for head in head { @if head.is_empty() { td {} } @else { th scope="col" { (head) } } } } }
            tbody {
                @for (index, run) in comparison.runs.iter().enumerate() {
                    tr {
                        th scope="row" {
                            (run.letter) " "
                            svg.swatch.small viewBox="0 0 20 14" aria-hidden="true" focusable="false" {
                                path class={ "line r" (index) } d="M0 7H20" {}
                            }
                        }
                        td { (run.from) }
                        td { (run.name) }
                        td { code { (run.schedule_hash.chars().take(12).collect::<String>()) } }
                        td { @if run.invalid.is_empty() { "valid" } @else { strong.bad { "INVALID: " (run.invalid.join("; ")) } } }
                    }
                }
            }
        }
    };
    scrolling("The runs", &table)
}

/// The arms of a pair, in the order of the runs.
fn arms<'a>(comparison: &'a Comparison, pair: &[usize]) -> Vec<&'a Arm> {
    comparison.entrants.iter().zip(pair).map(|(entrant, place)| &entrant.run.arms[*place]).collect()
}

fn pictures(comparison: &Comparison, pair: &[usize]) -> Markup {
    let arms = arms(comparison, pair);
    let Some(first) = arms.first() else { return html! {} };
    let scale = Scale::of(arms.iter().map(|arm| &arm.log));
    let end = arms.iter().map(|arm| arm.log.end()).fold(0.0, f64::max);
    let id = format!("c-{}", pair.first().copied().unwrap_or_default());
    let columns = first.log.columns(COLUMNS_MAX);
    let width = columns.first().map_or(1.0, |column| column.length);
    let lines: Vec<Line> = arms.iter().enumerate().map(|(index, arm)| line(index, arm, &columns)).collect();
    let over_time = format!("{}: 99th percentile over time, of each run", first.name);
    let curves = format!("{}: percentile curves of all requests that were sent, of each run", first.name);
    let panels: Vec<Panel<'_>> = Phase::ALL.into_iter().map(|phase| panel(phase, &arms)).collect();
    html! {
        section.pictures {
            div.whole {
                h2 { (first.name) }
                figure {
                    h3 { "99th percentile per " (seconds(width)) }
                    (chart::timeline(&id, (&over_time, "The figures are in the table below."), first, &columns, &lines, (scale, end)))
                    figcaption { p { "Phases and faults are those of A." } }
                }
            }
            figure {
                h3 { "How many waited how long" }
                (chart::curves(&format!("{id}-curves"), (&curves, "The figures are in the table below."), &panels, scale))
            }
        }
    }
}

/// The 99th percentile of `arm` in the columns of the first.
fn line(index: usize, arm: &Arm, columns: &[Second]) -> Line {
    let p99 = |column: &Second| {
        let within = arm
            .log
            .seconds
            .iter()
            .filter(|it| it.at >= column.at - 1e-9 && it.at < column.at + column.length - 1e-9);
        Counts::merged(within.map(Second::sent).collect::<Vec<_>>().iter()).quantile_ms(0.99)
    };
    Line {
        name: letter(index).to_string(),
        class: format!("r{index}"),
        points: columns.iter().map(p99).collect(),
    }
}

fn panel(phase: Phase, arms: &[&Arm]) -> Panel<'static> {
    let of_it = arms.iter().map(|arm| Selection::of(arm, phase, Outcome::was_sent).all().clone());
    let curves = of_it.enumerate().filter(|(_, counts)| counts.total() > 0);
    Panel {
        name: phase.name(),
        curves: curves.map(|(index, counts)| Curve { class: format!("r{index}"), counts }).collect(),
    }
}

fn figures(comparison: &Comparison) -> Markup {
    let table = html! {
        table {
            thead {
                tr {
                    @for head in ["arm", "phase", "figure"] { th scope="col" { (head) } }
                    @for head in ["A", "other run", "change"] { th.n scope="col" { (head) } }
                    th scope="col" { "verdict" }
                }
            }
            tbody { @for row in &comparison.rows { (figure_row(row)) } }
        }
    };
    html! {
        section {
            h2 { "Every figure" }
            p { "Each run is held against A. Below each figure stands the interval that holds it with a confidence of 95 %." }
            (scrolling("Every figure", &table))
        }
    }
}

fn figure_row(row: &Row) -> Markup {
    let (first, first_interval) = told(row.unit, row.first);
    let (other, other_interval) = told(row.unit, row.other);
    let mood = match row.verdict {
        Verdict::Better => Some(Mood::Good),
        Verdict::Worse => Some(Mood::Bad),
        Verdict::Different => Some(Mood::Neutral),
        Verdict::WithinNoise => None,
    };
    html! {
        tr {
            th scope="row" { (row.arm) }
            td { (row.phase) }
            td { (row.what) }
            td.n { (first) span.range { (first_interval) } }
            td.n { (row.letter) ": " (other) span.range { (other_interval) } }
            td.n { (change(row)) span.range { (interval(row)) } }
            td {
                @match mood {
                    Some(mood) => (badge(&row.verdict.words().to_lowercase(), mood)),
                    None => (row.verdict.words()),
                }
            }
        }
    }
}
