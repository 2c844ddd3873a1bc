//! The tables of a report.

use indexmap::IndexSet;
use maud::{Markup, html};
use recorder::{Phase, Summary};

use super::{badge, scrolling};
use crate::run::{Arm, Run};
use crate::words::{self, grouped, time};

/// Which detector noticed when, by arm; the shorter the bar, the sooner.
pub(super) fn detectors(run: &Run) -> Markup {
    let of_all = run.arms.iter().flat_map(|arm| &arm.detectors);
    let names: IndexSet<&str> = of_all.map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return html! {};
    }
    let times = run.arms.iter().flat_map(|arm| &arm.detectors).filter_map(|(_, ms)| *ms);
    let longest = times.fold(f64::MIN_POSITIVE, f64::max);
    let of_arm = |arm: &Arm, name: &str| arm.detectors.iter().find(|(it, _)| it == name).map(|(_, ms)| *ms);
    let table = html! {
        table.race {
            thead { tr { th scope="col" { "detector" } @for arm in &run.arms { th scope="col" { (arm.name) } } } }
            tbody {
                @for name in names {
                    tr {
                        th scope="row" { (name) }
                        @for arm in &run.arms { td { (sign(of_arm(arm, name), longest)) } }
                    }
                }
            }
        }
    };
    html! {
        section {
            h2 { "Who noticed first" }
            p { "From the last fault to the first sign, by detector. " em { "never" } " is an answer, too." }
            (scrolling("Detectors", &table))
        }
    }
}

/// `None` where the arm has no such detector, `Some(None)` where it never noticed.
fn sign(ms: Option<Option<f64>>, longest: f64) -> Markup {
    match ms {
        None => html! { "–" },
        Some(None) => html! { span.never { "never" } },
        Some(Some(ms)) => {
            let width = format!("width:{:.1}%", (ms / longest * 60.0).clamp(0.5, 60.0));
            html! { span.bar style=(width) {} " " (time(ms)) }
        }
    }
}

/// The ledger's own account.
pub(super) fn ledger(run: &Run) -> Markup {
    let Some(first) = run.arms.iter().find(|arm| !arm.ledger.is_empty()) else { return html! {} };
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "design" }
                    @for (name, _) in &first.ledger { th.n scope="col" { (name) } }
                    th.n scope="col" { "requests accounted" }
                }
            }
            tbody {
                @for arm in &run.arms {
                    tr {
                        th scope="row" { (arm.name) }
                        @for (_, value) in &arm.ledger { td.n { (value) } }
                        td.n { (grouped(arm.conservation.accounted)) " of " (grouped(arm.conservation.intended)) }
                    }
                }
            }
        }
    };
    html! {
        section {
            h2 { "The ledger's account" }
            p { "Read back from the record after the run: double entry sums to zero, nothing refused was executed, and who was left in doubt is found out." }
            (scrolling("The ledger's account", &table))
            @for arm in &run.arms {
                @if !arm.violations.is_empty() {
                    p.warning { strong { (arm.name) ", broken rules:" } }
                    ul { @for violation in &arm.violations { li { (violation) } } }
                }
            }
        }
    }
}

/// What was expected of each arm.
pub(super) fn expectations(run: &Run) -> Markup {
    if run.arms.iter().all(|arm| arm.gates.is_empty()) {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr { @for head in ["design", "expected", "measured", "verdict"] { th scope="col" { (head) } } } }
            tbody {
                @for arm in &run.arms {
                    @for gate in &arm.gates {
                        tr {
                            th scope="row" { (arm.name) }
                            td { code { (gate.gate) } }
                            td { (gate.measured) }
                            td { (badge(&gate.word, gate.mood)) }
                        }
                    }
                }
            }
        }
    };
    html! { section { h2 { "What was expected" } (scrolling("What was expected", &table)) } }
}

/// Every count and latency of the result.
pub(super) fn numbers(run: &Run) -> Markup {
    let table = html! {
        table {
            thead {
                tr {
                    @for head in ["design", "phase", "outcome"] { th scope="col" { (head) } }
                    @for head in ["count", "p50", "p90", "p99", "p99.9", "max", "service p50", "service p99"] {
                        th.n scope="col" { (head) }
                    }
                }
            }
            tbody {
                @for arm in &run.arms {
                    @for phase in Phase::ALL {
                        @for (outcome, summary) in arm.phases.get(&phase).into_iter().flatten() {
                            tr {
                                th scope="row" { (arm.name) }
                                td { (phase) }
                                td { (words::outcome(*outcome)) " " code { (outcome) } }
                                (latencies(summary))
                            }
                        }
                    }
                }
            }
        }
    };
    let lags: Vec<String> =
        run.arms.iter().filter_map(|arm| Some(format!("{} {}", arm.name, time(arm.lag_ms?.p99)))).collect();
    html! {
        section id="numbers" {
            h2 { "All numbers" }
            p {
                "Response times from the intended start, service times from the actual send."
                @if !lags.is_empty() { " The load generator itself was late by, at p99: " (lags.join(", ")) "." }
            }
            (scrolling("All numbers", &table))
        }
    }
}

fn latencies(summary: &Summary) -> Markup {
    let response = summary.response_ms.map(|it| [it.p50, it.p90, it.p99, it.p999, it.max].map(time));
    let service = summary.service_ms.map(|it| [it.p50, it.p99].map(time));
    html! {
        td.n { (grouped(summary.count)) }
        @for cell in response.unwrap_or_default().iter().chain(&service.unwrap_or_default()) { td.n { (cell) } }
    }
}
