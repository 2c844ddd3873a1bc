//! What came of a run as a whole, and how the program exits.

use std::process::ExitCode;

use gates::{Decided, Decision};
use loadgen::Ended;
use serde::Serialize;

use crate::measure::Measured;

/// Bad usage, or a bad file, as in BSD's `sysexits.h`.
pub(crate) const EXIT_USAGE: u8 = 64;
/// Interrupted, as a shell reports a program that Ctrl-C ended.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// What came of a run. The first that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It must not be believed.
    Invalid,
    /// It was stopped early.
    Partial,
    /// A gate is not met.
    Failed,
    /// A gate cannot be told from this run.
    Undecided,
    /// All is well.
    Passed,
}

impl Status {
    pub(crate) fn of(result: &Ended, measured: &Measured) -> Self {
        let any = |decision| measured.gates.iter().any(|(_, it): &(_, Decided)| it.decision == decision);
        if !invalid(result, measured).is_empty() {
            Self::Invalid
        } else if result.is_partial() {
            Self::Partial
        } else if any(Decision::NotMet) {
            Self::Failed
        } else if any(Decision::Undecided) {
            Self::Undecided
        } else {
            Self::Passed
        }
    }

    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Passed => ExitCode::SUCCESS,
            Self::Failed => 3.into(),
            Self::Invalid => 4.into(),
            Self::Undecided => 5.into(),
            Self::Partial => EXIT_INTERRUPTED.into(),
        }
    }

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED: a gate is not met",
            Self::Invalid => "INVALID: do not believe these numbers",
            Self::Undecided => "UNDECIDED: the run was too short to tell",
            Self::Partial => "PARTIAL: stopped early",
        }
    }
}

/// Every reason not to believe the run; empty for a valid one. What is printed must add up as well as what was run.
pub(crate) fn invalid(result: &Ended, measured: &Measured) -> Vec<String> {
    let mut reasons: Vec<String> = result.invalid().iter().map(ToString::to_string).collect();
    let printed = measured.warm_up + measured.counts.iter().sum::<u64>();
    let intended = result.conservation().intended;
    if result.conservation().holds && printed != intended {
        reasons.push(format!("the accounts do not add up: {intended} intended, {printed} told of"));
    }
    reasons
}
