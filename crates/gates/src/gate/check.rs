//! Holding a gate against what was measured.

use std::time::Duration;

use recorder::{LATENCY_MAX, Latencies};

use super::{Condition, Fact, Gate, Moment, Point, Selector};
use crate::measure::{AuditFacts, Measurements, Times};
use crate::units;

/// What came of one gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the expectation was met.
    pub passed: bool,
    /// What was measured, for people: `12.4 ms`, `0.31 %`, `never`.
    pub measured: String,
    /// The gate and what was measured, in one sentence.
    pub sentence: String,
}

impl Gate {
    /// Holds this expectation against `run`.
    pub fn check(&self, run: &Measurements) -> Verdict {
        let (passed, measured) = match &self.0 {
            Condition::Latency { point, of, op, limit } => {
                latency(run, *point, of, |it| op.holds(it, *limit))
            }
            Condition::Count { of, op, limit } => {
                let count = run.count(of);
                (op.holds(count, *limit), count.to_string())
            }
            Condition::Rate { of, op, limit_percent } => rate(run, of, |it| op.holds(it, *limit_percent)),
            Condition::Time { moment, op, limit } => match moment.of(&run.times) {
                Some(time) => (op.holds(time, *limit), units::duration(time)),
                None => (op.holds_for_never(), "never".to_owned()),
            },
            Condition::Never(moment) => {
                let time = moment.of(&run.times);
                (time.is_none(), time.map_or_else(|| "never".to_owned(), units::duration))
            }
            Condition::Audit { fact, op, limit } => {
                let count = fact.of(&run.audit);
                (op.holds(count, *limit), count.to_string())
            }
            Condition::LedgerBalanced => balance(&run.audit),
        };
        let word = if passed { "met" } else { "NOT met" };
        let sentence = format!("expected {self}: {word}, measured {measured}");
        Verdict { passed, measured, sentence }
    }
}

fn latency(
    run: &Measurements,
    point: Point,
    of: &Selector,
    holds: impl Fn(Duration) -> bool,
) -> (bool, String) {
    let Some(latencies) = run.response(of) else { return (false, "no such request".to_owned()) };
    let (measured, unsent) = (point.of(&latencies), run.unsent(of));
    if unsent == 0 {
        return (holds(measured), units::duration(measured));
    }
    let (time, told) = match measured < LATENCY_MAX {
        true => (measured, units::duration(measured)),
        false => (Duration::MAX, "no answer".to_owned()),
    };
    (holds(time), format!("{told} ({unsent} of {} were never sent)", latencies.count()))
}

fn rate(run: &Measurements, of: &Selector, holds: impl Fn(f64) -> bool) -> (bool, String) {
    let all = run.count(&Selector { outcome: None, ..of.clone() });
    if all == 0 {
        return (false, "no request to take a share of".to_owned());
    }
    let count = run.count(of);
    let percent = 100.0 * count as f64 / all as f64;
    (holds(percent), format!("{percent:.2} % ({count} of {all})"))
}

/// Balanced means both: all postings sum to zero, and no invariant of the audit is broken.
fn balance(audit: &AuditFacts) -> (bool, String) {
    match (audit.balanced, audit.violations) {
        (true, 0) => (true, "balanced".to_owned()),
        (true, 1) => (false, "balanced, but 1 invariant is broken".to_owned()),
        (true, broken) => (false, format!("balanced, but {broken} invariants are broken")),
        (false, _) => (false, "does not sum to zero".to_owned()),
    }
}

impl Point {
    fn of(self, latencies: &Latencies) -> Duration {
        match self {
            Self::P50 => latencies.quantile(0.5),
            Self::P90 => latencies.quantile(0.9),
            Self::P99 => latencies.quantile(0.99),
            Self::P999 => latencies.quantile(0.999),
            Self::Max => latencies.max(),
        }
    }
}

impl Moment {
    fn of(self, times: &Times) -> Option<Duration> {
        match self {
            Self::Detect => times.detect,
            Self::Degrade => times.degrade,
            Self::Recover => times.recover,
        }
    }
}

impl Fact {
    fn of(self, audit: &AuditFacts) -> u64 {
        match self {
            Self::Executions => audit.executions,
            Self::InDoubt => audit.in_doubt,
            Self::Unresolved => audit.unresolved,
            Self::Duplicates => audit.duplicates,
            Self::Violations => audit.violations,
        }
    }
}
