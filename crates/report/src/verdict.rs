//! What came of the expectations: of one arm, and of the run in one sentence.

use std::time::Duration;

use indexmap::IndexMap;
use recorder::{Outcome, Phase};
use scenario::{Gate, Measurements, units};
use serde::{Deserialize, Serialize};

use crate::numbers::{grouped, plural};
use crate::result::ArmResult;

/// The outcomes in which the customer was told nothing in time.
const UNANSWERED: [Outcome; 5] =
    [Outcome::Timeout, Outcome::ErrorConnect, Outcome::ErrorIo, Outcome::UnsentCap, Outcome::Unfinished];

/// What came of the expectations of one arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmVerdict {
    /// Whether the arm is valid and every gate was met. An arm without gates passes.
    pub passed: bool,
    /// Why nothing can be said at all: the load generator was late, or the accounts do not add up. `null` if valid.
    pub invalid: Option<String>,
    /// All of it in one sentence.
    pub sentence: String,
    /// Every gate, in the order of the scenario.
    pub gates: Vec<GateResult>,
}

/// What came of one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateResult {
    /// The gate in its canonical form.
    pub gate: String,
    /// Whether it was met.
    pub passed: bool,
    /// What was measured, for people.
    pub measured: String,
    /// Both in one sentence.
    pub sentence: String,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunVerdict {
    /// In one word.
    pub status: Status,
    /// In one sentence.
    pub sentence: String,
}

/// What came of a run, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every expectation was met.
    Passed,
    /// An expectation was not met.
    Failed,
    /// The measurement itself cannot be believed.
    Invalid,
    /// Ended before its time.
    Partial,
}

impl ArmVerdict {
    /// Holds `gates` against `run`. `invalid` says why the measurement itself cannot be believed.
    pub fn judge(gates: &[Gate], run: &Measurements, invalid: Option<String>) -> Self {
        let gates: Vec<GateResult> = gates.iter().map(|gate| GateResult::of(gate, run)).collect();
        let sentence = sentence_of(&gates, invalid.as_deref());
        let passed = invalid.is_none() && gates.iter().all(|gate| gate.passed);
        Self { passed, invalid, sentence, gates }
    }
}

fn sentence_of(gates: &[GateResult], invalid: Option<&str>) -> String {
    let missed: Vec<&str> = gates.iter().filter(|gate| !gate.passed).map(|gate| gate.gate.as_str()).collect();
    match (invalid, gates.len(), missed.len()) {
        (Some(reason), ..) => format!("invalid: {reason}"),
        (None, 0, _) => "nothing was expected".to_owned(),
        (None, 1, 0) => "the one expectation was met".to_owned(),
        (None, all, 0) => format!("all {all} expectations were met"),
        (None, all, count) => format!("{count} of {all} expectations not met: {}", missed.join("; ")),
    }
}

impl GateResult {
    fn of(gate: &Gate, run: &Measurements) -> Self {
        let verdict = gate.check(run);
        Self {
            gate: gate.to_string(),
            passed: verdict.passed,
            measured: verdict.measured,
            sentence: verdict.sentence,
        }
    }
}

impl RunVerdict {
    /// What came of a run with these arms. Being partial weighs more than being invalid, and that more than a failure.
    pub fn of(partial: bool, arms: &IndexMap<String, ArmResult>) -> Self {
        let status = if partial {
            Status::Partial
        } else if arms.values().any(|arm| arm.verdict.invalid.is_some()) {
            Status::Invalid
        } else if arms.values().any(|arm| !arm.verdict.passed) {
            Status::Failed
        } else {
            Status::Passed
        };
        let told: Vec<String> = arms.iter().map(|(name, arm)| account(name, arm)).collect();
        let told = told.join("; ");
        let sentence = match status {
            _ if arms.is_empty() => format!("{}: no arm ran.", status.title()),
            Status::Invalid => format!("{}: {}.", status.title(), reasons(arms)),
            Status::Failed => format!("{}: {}; in the outage {told}.", status.title(), missed(arms)),
            _ => format!("{}: in the outage {told}.", status.title()),
        };
        Self { status, sentence }
    }
}

impl Status {
    /// The first word of a verdict.
    pub fn title(self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::Failed => "Failed",
            Self::Invalid => "Invalid",
            Self::Partial => "Partial",
        }
    }
}

fn reasons(arms: &IndexMap<String, ArmResult>) -> String {
    let reasons =
        arms.iter().filter_map(|(name, arm)| Some(format!("{name}: {}", arm.verdict.invalid.as_ref()?)));
    reasons.collect::<Vec<_>>().join("; ")
}

/// "2 expectations of hang not met".
fn missed(arms: &IndexMap<String, ArmResult>) -> String {
    let failed = arms.iter().filter(|(_, arm)| !arm.verdict.passed);
    let counted = failed.map(|(name, arm)| {
        let count = arm.verdict.gates.iter().filter(|gate| !gate.passed).count();
        format!("{} of {name} not met", plural(count as u64, "expectation"))
    });
    counted.collect::<Vec<_>>().join(", ")
}

/// A wait that is worth telling, in milliseconds.
const LONG_WAIT_MS: f64 = 1_000.0;

/// What an arm did with the requests of the outage: "hang left 383 of 1,600 requests unanswered, and one waited for
/// 9.8 s".
fn account(name: &str, arm: &ArmResult) -> String {
    let count = |outcome: Outcome| {
        arm.phases
            .get(&Phase::Outage)
            .and_then(|phase| phase.get(&outcome))
            .map_or(0, |summary| summary.count)
    };
    let all: u64 = Outcome::ALL.into_iter().map(count).sum();
    if all == 0 {
        return format!("{name} was asked for nothing");
    }
    let unanswered: u64 = UNANSWERED.into_iter().map(count).sum();
    let left = if unanswered == 0 { "none".to_owned() } else { grouped(unanswered) };
    let ways = [
        (Outcome::OkDegraded, "answered by a fallback"),
        (Outcome::AcceptedPending, "accepted for later"),
        (Outcome::RejectedFast, "refused at once"),
        (Outcome::Unknown, "in doubt"),
        (Outcome::ErrorStatus, "answered with an error"),
    ];
    let ways = ways.into_iter().filter(|(outcome, _)| count(*outcome) > 0);
    let ways: Vec<String> =
        ways.map(|(outcome, words)| format!("{} {words}", grouped(count(outcome)))).collect();
    let ways = if ways.is_empty() { String::new() } else { format!(" ({})", ways.join(", ")) };
    format!("{name} left {left} of {} unanswered{ways}{}", plural(all, "request"), longest_wait(arm))
}

/// How long the slowest answer of the outage took, if that is worth telling.
fn longest_wait(arm: &ArmResult) -> String {
    let outage = arm.phases.get(&Phase::Outage).into_iter().flatten();
    let waits = outage.filter_map(|(_, summary)| summary.response_ms.as_ref()).map(|response| response.max);
    let longest = waits.fold(0.0, f64::max);
    if longest < LONG_WAIT_MS {
        return String::new();
    }
    format!(", and one waited for {}", units::duration(Duration::from_secs_f64(longest / 1e3)))
}
