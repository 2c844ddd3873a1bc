//! Gates: what is expected of a run, one line each.
//!
//! ```text
//! gate     = (point | "count" | "rate") [selector] op value
//!          | ("detect" | "degrade" | "recover") (op duration | "= never")
//!          | ("executions" | "in_doubt" | "unresolved" | "duplicates" | "violations") op number
//!          | "ledger = balanced"
//! point    = "p50" | "p90" | "p99" | "p999" | "max"       of the response time, from the intended start
//! selector = "{" [part {"," part}] "}"
//! part     = "outcome=" NAME | "phase=" NAME | "label=" NAME | NAME    a bare name is an outcome or a phase
//! op       = "<" | "<=" | ">" | ">=" | "="                             "=" for numbers only, not for latencies
//! value    = number ("us" | "ms" | "s" | "min")   for points      number for counts      number "%" for rates
//! ```
//!
//! What a selector leaves out counts all of it: histograms are merged, percentiles are never averaged. A rate is the
//! share of the selected requests among those of the same phase and label.
//!
//! Invariants: a gate never passes for lack of data. A percentile of nothing and a rate of nothing fail; a time that
//! never came is longer than any limit.

mod check;
mod decide;
mod error;
mod lexer;
mod parse;
mod print;

use std::time::Duration;

use recorder::{Outcome, Phase};

pub use check::Verdict;
pub use decide::{Decided, Decision};
pub use error::GateError;

/// One expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate(Condition);

/// What is compared with what.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Latency { point: Point, of: Selector, op: Op, limit: Duration },
    Count { of: Selector, op: Op, limit: u64 },
    Rate { of: Selector, op: Op, limit_percent: f64 },
    Time { moment: Moment, op: Op, limit: Duration },
    Never(Moment),
    Audit { fact: Fact, op: Op, limit: u64 },
    LedgerBalanced,
}

/// Which requests are meant; `None` is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// How they ended.
    pub outcome: Option<Outcome>,
    /// When they were intended.
    pub phase: Option<Phase>,
    /// What they asked for.
    pub label: Option<String>,
}

/// What a gate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// How requests ended and how long they took.
    Requests,
    /// When the first circuit opened.
    Detect,
    /// When the first fallback or refusal came.
    Degrade,
    /// When all was well again.
    Recover,
    /// What the audit of the ledger found.
    Audit,
}

/// A point of a latency distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    P50,
    P90,
    P99,
    P999,
    Max,
}

/// A moment of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Detect,
    Degrade,
    Recover,
}

/// A number of the ledger's audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fact {
    Executions,
    InDoubt,
    Unresolved,
    Duplicates,
    Violations,
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
}

impl Gate {
    /// Which requests it speaks of; `None` if it speaks of the run as a whole.
    pub fn selector(&self) -> Option<&Selector> {
        match &self.0 {
            Condition::Latency { of, .. } | Condition::Count { of, .. } | Condition::Rate { of, .. } => {
                Some(of)
            }
            _ => None,
        }
    }

    /// What a program must be able to measure to hold this gate against a run.
    pub fn subject(&self) -> Subject {
        match &self.0 {
            Condition::Latency { .. } | Condition::Count { .. } | Condition::Rate { .. } => Subject::Requests,
            Condition::Time { moment, .. } | Condition::Never(moment) => match moment {
                Moment::Detect => Subject::Detect,
                Moment::Degrade => Subject::Degrade,
                Moment::Recover => Subject::Recover,
            },
            Condition::Audit { .. } | Condition::LedgerBalanced => Subject::Audit,
        }
    }
}

/// The name under which `value` stands in `names`, which has every variant.
fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    let found = names.iter().find(|(_, named)| named == value);
    found.map(|(name, _)| *name).expect("every variant has a name")
}

impl Point {
    const NAMES: [(&'static str, Self); 5] = [
        ("p50", Self::P50),
        ("p90", Self::P90),
        ("p99", Self::P99),
        ("p999", Self::P999),
        ("max", Self::Max),
    ];
}

impl Moment {
    const NAMES: [(&'static str, Self); 3] =
        [("detect", Self::Detect), ("degrade", Self::Degrade), ("recover", Self::Recover)];
}

impl Fact {
    const NAMES: [(&'static str, Self); 5] = [
        ("executions", Self::Executions),
        ("in_doubt", Self::InDoubt),
        ("unresolved", Self::Unresolved),
        ("duplicates", Self::Duplicates),
        ("violations", Self::Violations),
    ];
}

impl Op {
    const NAMES: [(&'static str, Self); 5] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Less),
        (">", Self::More),
        ("=", Self::Equal),
    ];

    fn holds<T: PartialOrd>(self, measured: T, limit: T) -> bool {
        match self {
            Self::Less => measured < limit,
            Self::AtMost => measured <= limit,
            Self::More => measured > limit,
            Self::AtLeast => measured >= limit,
            Self::Equal => measured == limit,
        }
    }

    /// Whether something without end satisfies a comparison with a limit.
    fn holds_for_never(self) -> bool {
        matches!(self, Self::More | Self::AtLeast)
    }
}
