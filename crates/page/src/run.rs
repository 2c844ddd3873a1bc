//! What a page tells of a run, whichever program made it.

use recorder::{Conservation, Percentiles, Phase, Phases};

use crate::log::Log;

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What it is called, e.g. `frozen-controller, seed 7`.
    pub name: String,
    /// What happened, in a line.
    pub title: String,
    /// What came of it, in a word.
    pub status: Status,
    /// The same in a sentence.
    pub sentence: String,
    /// Two runs with the same hash asked for the same things at the same times.
    pub schedule_hash: String,
    /// What it was made with, name and value.
    pub settings: Vec<(String, String)>,
    /// The commands that make it again.
    pub repeat: Vec<String>,
    /// Each design that was tried; a load generator's run has one.
    pub arms: Vec<Arm>,
}

/// What came of a run, in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The word.
    pub word: String,
    /// How it looks.
    pub mood: Mood,
}

/// How good a piece of news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should be.
    Good,
    /// As it should not be.
    Bad,
    /// Neither.
    Neutral,
}

/// One design under load.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Counts and latencies by phase and outcome.
    pub phases: Phases,
    /// Whether everything intended is accounted for.
    pub conservation: Conservation,
    /// Why it must not be believed.
    pub invalid: Option<String>,
    /// What took how long in milliseconds; `None` is never.
    pub times: Vec<(&'static str, Option<f64>)>,
    /// How late the load generator itself was.
    pub lag_ms: Option<Percentiles>,
    /// What was broken and healed.
    pub marks: Vec<Mark>,
    /// When each phase began, in seconds from the start of measuring.
    pub began: Vec<(Phase, f64)>,
    /// Who was off the primary way, and when.
    pub lanes: Vec<Lane>,
    /// From the fault to the first sign in milliseconds, by detector; `None` is never.
    pub detectors: Vec<(String, Option<f64>)>,
    /// What was found in the ledger, name and value.
    pub ledger: Vec<(&'static str, String)>,
    /// Invariants that were broken, in words.
    pub violations: Vec<String>,
    /// What was expected.
    pub gates: Vec<Gate>,
    /// Second by second; empty where there is no log.
    pub(crate) log: Log,
}

/// Something that was broken or healed.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// When, in seconds from the start of measuring.
    pub at: f64,
    /// Whether it takes a fault back.
    pub heals: bool,
    /// In words.
    pub words: String,
}

/// A service and how many of its circuits kept customers off the primary way.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// The service.
    pub name: String,
    /// The most circuits at a time.
    pub most: usize,
    /// From when to when how many, in seconds; never 0 of them, in the order of time.
    pub spans: Vec<(f64, f64, usize)>,
}

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// As it was written.
    pub gate: String,
    /// `met`, `NOT met`, `undecided`.
    pub word: String,
    /// How good that is.
    pub mood: Mood,
    /// What was measured.
    pub measured: String,
}

impl Arm {
    /// When a phase began; `None` if it never did.
    pub(crate) fn began(&self, phase: Phase) -> Option<f64> {
        self.began.iter().find(|(it, _)| *it == phase).map(|(_, at)| *at)
    }
}
