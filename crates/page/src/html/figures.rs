//! The pictures of a run, each with what it says in words and the numbers as a table.

use std::collections::BTreeMap;

use maud::{Markup, html};
use recorder::{Outcome, Phase};

use super::{scrolling, swatch};
use crate::chart::{self, COLUMNS_MAX, Curve, LEVELS, Line, Panel, Scale};
use crate::counts::Counts;
use crate::log::Second;
use crate::run::{Arm, Lane, Run};
use crate::words::{self, grouped, percent, seconds, time};

/// The percentiles of the first picture: name, class and share.
const PERCENTILES: [(&str, &str, f64); 3] =
    [("p50", "p50", 0.5), ("p99", "p99", 0.99), ("p99.9", "p999", 0.999)];

/// An arm as it is drawn.
struct Drawn<'a> {
    arm: &'a Arm,
    /// Unique on the page.
    id: String,
    columns: Vec<Second>,
}

/// All pictures, by subject, and in each one for every arm.
pub(super) fn all(run: &Run) -> Markup {
    let drawn: Vec<Drawn<'_>> = run
        .arms
        .iter()
        .enumerate()
        .filter(|(_, arm)| !arm.log.seconds.is_empty())
        .map(|(index, arm)| Drawn { arm, id: format!("a{index}"), columns: arm.log.columns(COLUMNS_MAX) })
        .collect();
    let scale = Scale::of(run.arms.iter().map(|arm| &arm.log));
    let end = run.arms.iter().map(|arm| arm.log.end()).fold(0.0, f64::max);
    if drawn.is_empty() {
        return html! {
            section {
                h2 { "No pictures" }
                p { "There is no interval log beside this result, so nothing can be drawn over time; run it again to have one." }
            }
        };
    }
    let width = drawn.iter().filter_map(|it| it.columns.first()).map(|it| it.length).fold(0.0, f64::max);
    let legend = legend(&drawn);
    let waited = html! {
        p { "Response times by the moment of their intended start, in steps of " (seconds(width)) ", on a logarithmic axis that is the same in all pictures." }
    };
    let curves = html! {
        p { "To the right, ever fewer: at 99 % the line is as high as all but the slowest hundredth waited. The numbers are in the "
            a href="#numbers" { "table of all numbers" } "." }
        (legend)
    };
    html! {
        (pictures("How long customers waited", &waited, drawn.iter().map(|it| waits(it, scale, end))))
        (pictures("How requests ended", &legend, drawn.iter().map(|it| endings(it, end))))
        (pictures("How many waited how long", &curves, drawn.iter().map(|it| percentiles(it, scale))))
        (pictures("Where the requests are", &heat_legend(), drawn.iter().map(|it| heat(it, scale, end))))
    }
}

/// A section of pictures. On paper its head is on the page of the first.
fn pictures(title: &str, explained: &Markup, mut figures: impl Iterator<Item = Markup>) -> Markup {
    html! {
        section.pictures {
            div.whole { h2 { (title) } (explained) @if let Some(first) = figures.next() { (first) } }
            @for it in figures { (it) }
        }
    }
}

fn waits(it: &Drawn<'_>, scale: Scale, end: f64) -> Markup {
    let arm = it.arm;
    let merged: Vec<Counts> = it.columns.iter().map(Second::sent).collect();
    let lines = PERCENTILES.map(|(name, class, quantile)| Line {
        name: name.to_owned(),
        class: class.to_owned(),
        points: merged.iter().map(|counts| counts.quantile_ms(quantile)).collect(),
    });
    let title = format!("{}: response times over time", arm.name);
    let told = told(arm);
    let id = format!("{}-wait", it.id);
    html! {
        figure.read {
            h3 { (arm.name) }
            (chart::timeline(&id, (&title, &told), arm, &it.columns, &lines, (scale, end)))
            figcaption {
                p { (told) (unsent(it)) }
                (happened(arm))
            }
            p.readout hidden { "Point at the picture, or use the arrow keys on it, to read a moment." }
            details {
                summary { "The same as a table: " (arm.name) }
                (scrolling(&format!("{}: table over time", arm.name), &table(it, &merged)))
            }
        }
    }
}

/// Where there is no line, and why.
fn unsent(it: &Drawn<'_>) -> String {
    match it.columns.iter().map(|column| column.count(Outcome::UnsentCap)).sum::<u64>() {
        0 => String::new(),
        count => format!(
            " {} never sent, because too many were in flight, and have no response time: where nothing was sent there is no line.",
            if count == 1 {
                "One request was".to_owned()
            } else {
                format!("{} requests were", grouped(count))
            }
        ),
    }
}

/// The picture in a sentence.
fn told(arm: &Arm) -> String {
    let p99 = |phase: Phase| {
        let of_phase = arm.log.seconds.iter().flat_map(|second| &second.cells);
        Counts::merged(
            of_phase
                .filter(|((it, outcome), _)| *it == phase && outcome.was_sent())
                .map(|(_, counts)| counts),
        )
        .quantile_ms(0.99)
    };
    let phases = [
        (Phase::Before, "before the fault"),
        (Phase::Outage, "in the outage"),
        (Phase::Recovery, "after it"),
    ];
    let told: Vec<String> = phases
        .into_iter()
        .filter_map(|(phase, when)| Some(format!("{} {when}", time(p99(phase)?))))
        .collect();
    match told.as_slice() {
        [only] => format!("99 % waited for at most {}.", only.trim_end_matches(" before the fault")),
        _ => format!("99 % waited for at most {}.", told.join(", ")),
    }
}

/// What was broken, healed and switched, as a list with the numbers of the picture.
fn happened(arm: &Arm) -> Markup {
    html! {
        @if !arm.marks.is_empty() {
            ol.marks {
                @for mark in &arm.marks {
                    li { (seconds(mark.at)) " – " (mark.words) @if mark.heals { " (heals)" } }
                }
            }
        }
        @if !arm.lanes.is_empty() {
            p { "Off the usual way: " (arm.lanes.iter().map(lane).collect::<Vec<_>>().join("; ")) "." }
        }
    }
}

fn lane(lane: &Lane) -> String {
    let from = lane.spans.first().map_or(0.0, |span| span.0);
    let until = lane.spans.last().map_or(0.0, |span| span.1);
    let circuits = if lane.most == 1 { "circuit" } else { "circuits" };
    format!(
        "{}, at most {} {circuits} at a time, between {} and {}",
        lane.name,
        lane.most,
        seconds(from),
        seconds(until)
    )
}

/// Every column as a row; the script reads it aloud where the cursor is.
fn table(it: &Drawn<'_>, merged: &[Counts]) -> Markup {
    let occurring: Vec<Outcome> = occurring(std::slice::from_ref(it)).into_keys().collect();
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "from" }
                    th.n scope="col" { "requests" }
                    @for (name, ..) in PERCENTILES { th.n scope="col" { (name) } }
                    @for outcome in &occurring { th.n scope="col" { (words::outcome(*outcome)) } }
                }
            }
            tbody {
                @for (column, counts) in it.columns.iter().zip(merged) {
                    tr data-at=(column.at + column.length / 2.0) {
                        th scope="row" { (seconds(column.at)) }
                        td.n { (grouped(column.intended())) }
                        @for (_, _, quantile) in PERCENTILES {
                            td.n { (counts.quantile_ms(quantile).map(time).unwrap_or_default()) }
                        }
                        @for outcome in &occurring { td.n { (grouped(column.count(*outcome))) } }
                    }
                }
            }
        }
    }
}

/// How often each outcome occurs.
fn occurring(drawn: &[Drawn<'_>]) -> BTreeMap<Outcome, u64> {
    let mut counts = BTreeMap::new();
    for column in drawn.iter().flat_map(|it| &it.columns) {
        for ((_, outcome), of_it) in &column.cells {
            *counts.entry(*outcome).or_insert(0) += of_it.total();
        }
    }
    counts
}

fn legend(drawn: &[Drawn<'_>]) -> Markup {
    html! {
        ul.legend {
            @for outcome in occurring(drawn).into_keys() { li { (swatch(outcome)) " " (words::outcome(outcome)) } }
        }
    }
}

fn endings(it: &Drawn<'_>, end: f64) -> Markup {
    let counts = occurring(std::slice::from_ref(it));
    let all: u64 = counts.values().sum();
    let parts: Vec<String> = counts
        .iter()
        .map(|(outcome, count)| {
            format!(
                "{} {} ({})",
                grouped(*count),
                words::outcome(*outcome),
                percent(*count as f64 / all.max(1) as f64)
            )
        })
        .collect();
    let told = format!("Of {} requests: {}.", grouped(all), parts.join(", "));
    let title = format!("{}: how requests ended, over time", it.arm.name);
    html! {
        figure {
            h3 { (it.arm.name) }
            (chart::shares(&format!("{}-end", it.id), (&title, &told), it.arm, &it.columns, end))
            figcaption { p { (told) } }
        }
    }
}

fn percentiles(it: &Drawn<'_>, scale: Scale) -> Markup {
    let panel = |phase: Phase| {
        let of_it = |outcome| (outcome, it.arm.log.total(phase, outcome));
        let occurring = Outcome::ALL
            .map(of_it)
            .into_iter()
            .filter(|(outcome, counts)| outcome.was_sent() && counts.total() > 0);
        let curves = occurring.map(|(outcome, counts)| Curve { class: format!("c-{outcome}"), counts });
        Panel { name: phase.name(), curves: curves.collect() }
    };
    let mut panels = Phase::ALL.map(panel).into_iter().collect::<Vec<_>>();
    if it.arm.began.is_empty() {
        panels.truncate(1);
    }
    let title = format!("{}: percentile curves by phase and outcome", it.arm.name);
    let told =
        "A curve for each outcome, in a panel for each phase; the numbers are in the table of all numbers.";
    html! {
        figure {
            h3 { (it.arm.name) }
            (chart::curves(&format!("{}-curves", it.id), (&title, told), &panels, scale))
        }
    }
}

fn heat_legend() -> Markup {
    html! {
        p { "The darker, the more of that moment's requests:" }
        ul.legend {
            @for (level, from) in LEVELS.iter().enumerate() {
                li {
                    svg.swatch.small viewBox="0 0 20 14" aria-hidden="true" focusable="false" {
                        rect class={ "heat h" (level) } width="20" height="14" {}
                    }
                    @if level == 0 { " some" } @else { " over " (from * 100.0) " %" }
                }
            }
        }
    }
}

fn heat(it: &Drawn<'_>, scale: Scale, end: f64) -> Markup {
    let title = format!("{}: heatmap of response times over time", it.arm.name);
    let told = format!("{} The table under the first picture has its percentiles.", told(it.arm));
    html! {
        figure {
            h3 { (it.arm.name) }
            (chart::heat(&format!("{}-heat", it.id), (&title, &told), it.arm, &it.columns, (scale, end)))
        }
    }
}
