//! The report of a run: first what happened, what it cost and which design; then the pictures; then every number.

use maud::{Markup, html};
use recorder::{Outcome, Phase};

use super::{badge, document, figures, scrolling, tables};
use crate::counts::Counts;
use crate::run::{Arm, Mood, Run};
use crate::words::{self, percent, time, time_or_never};

/// The whole page.
pub(crate) fn report(run: &Run) -> Markup {
    let is_one = run.arms.len() == 1;
    let (when, phases) = phases(run);
    let counted: Vec<String> = run.arms.iter().map(|arm| asked(arm, &phases)).collect();
    let counted = format!("Shares of the requests {when}: {}.", counted.join(", "));
    let body = html! {
        header {
            p.kicker { (run.name) }
            h1 { (run.title) }
            p.verdict { (badge(&run.status.word, run.status.mood)) " " (words::capital(&run.sentence)) }
        }
        section {
            h2 { @if is_one { "In short" } @else { "The designs side by side" } }
            p { (counted) }
            (scrolling("In short", &in_short(run, &phases)))
            @for arm in &run.arms {
                @if let Some(reason) = &arm.invalid {
                    p.warning { strong { (arm.name) " must not be believed: " } (reason) }
                }
            }
        }
        (figures::all(run))
        (tables::detectors(run))
        (tables::ledger(run))
        (tables::expectations(run))
        (tables::numbers(run))
        (settings(run))
    };
    document(&format!("{}: {}", run.name, run.title), &body)
}

/// What the rows of "in short" count: the outage, or everything where there was none.
fn phases(run: &Run) -> (&'static str, Vec<Phase>) {
    let has = |phase| run.arms.iter().any(|arm| arm.phases.get(&phase).is_some_and(|it| !it.is_empty()));
    if has(Phase::Outage) { ("in the outage", vec![Phase::Outage]) } else { ("in all", Phase::ALL.to_vec()) }
}

/// "hang 1,646".
fn asked(arm: &Arm, phases: &[Phase]) -> String {
    let cells = phases.iter().filter_map(|phase| arm.phases.get(phase)).flatten();
    format!("{} {}", arm.name, words::grouped(cells.map(|(_, it)| it.count).sum()))
}

fn in_short(run: &Run, phases: &[Phase]) -> Markup {
    let times: Vec<&str> =
        run.arms.first().map(|arm| arm.times.iter().map(|(name, _)| *name).collect()).unwrap_or_default();
    let heads = [
        "answered within 1 s",
        "waited for longer",
        "refused at once",
        "in doubt or without an answer",
        "p99",
    ];
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "design" }
                    @for name in heads { th.n scope="col" { (name) } }
                    th.n scope="col" { "longest wait" }
                    @for name in &times { th.n scope="col" { (name) } }
                    th.n scope="col" { "expectations met" }
                }
            }
            tbody { @for arm in &run.arms { (short_row(arm, phases)) } }
        }
    }
}

/// What the requests of an arm came to, for those who decide.
#[derive(Debug, Default)]
struct Short {
    /// Answered within [`PROMISED_US`].
    soon: Counts,
    /// All that were sent.
    sent: Counts,
    /// All of them.
    count: u64,
    refused: u64,
    /// Neither answered nor refused.
    lost: u64,
}

/// What customers of the reference services are promised: the default `slo` of their circuits.
const PROMISED_US: u64 = 1_000_000;

impl Short {
    fn of(arm: &Arm, phases: &[Phase]) -> Self {
        let mut short = Self::default();
        for ((phase, outcome), counts) in arm.log.seconds.iter().flat_map(|second| &second.cells) {
            if !phases.contains(phase) {
                continue;
            }
            short.count += counts.total();
            if outcome.was_sent() {
                short.sent.merge(counts);
            }
            match outcome {
                Outcome::RejectedFast => short.refused += counts.total(),
                answered if words::is_answered(*answered) => short.soon.merge(counts),
                _ => short.lost += counts.total(),
            }
        }
        short
    }

    /// Within the promised time; longer; refused; neither.
    fn parts(&self) -> [u64; 4] {
        let late = self.soon.above(PROMISED_US);
        [self.soon.total() - late, late, self.refused, self.lost]
    }
}

fn short_row(arm: &Arm, phases: &[Phase]) -> Markup {
    let short = Short::of(arm, phases);
    let all = short.count;
    let waits = phases.iter().filter_map(|phase| arm.phases.get(phase)).flatten();
    let waits = waits.filter(|(outcome, _)| outcome.was_sent());
    let longest = waits.filter_map(|(_, it)| it.response_ms).map(|it| it.max).reduce(f64::max);
    let met = arm.gates.iter().filter(|gate| gate.mood == Mood::Good).count();
    html! {
        tr {
            th scope="row" { (arm.name) }
            @for part in short.parts() {
                td.n { @if all == 0 { "–" } @else { (percent(part as f64 / all as f64)) } }
            }
            td.n { (short.sent.quantile_ms(0.99).map_or_else(|| "–".to_owned(), time)) }
            td.n { (longest.map_or_else(|| "–".to_owned(), time)) }
            @for (_, ms) in &arm.times { td.n { (time_or_never(*ms)) } }
            td.n { @if arm.gates.is_empty() { "none set" } @else { (met) " of " (arm.gates.len()) } }
        }
    }
}

fn settings(run: &Run) -> Markup {
    html! {
        section {
            h2 { "Settings, and how to repeat it" }
            dl {
                @for (name, value) in &run.settings { dt { (name) } dd { (value) } }
            }
            @for command in &run.repeat {
                (scrolling("The command that repeats this run", &html! { pre { code { (command) } } }))
            }
            h3 { "How to read it" }
            ul {
                li { "Response time counts from the " em { "intended" } " start of a request: one that had to wait before it was sent is not forgiven." }
                li { "A request belongs to the phase and the second of its intended start." }
                li { "Every intended request ends in exactly one outcome; percentiles are of histograms, merged and never averaged." }
                li { "The two lines above a median of few requests say little: of fewer than 1,000 requests the 99.9th percentile is the slowest one." }
            }
        }
    }
}
