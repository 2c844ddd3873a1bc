//! Holding a gate against a run with its uncertainty: met, not met, or undecided.
//!
//! Only percentiles and rates are estimates. A count, a maximum, a time, the audit, and a rate compared with 0 % or
//! 100 % are facts of the run and always decided.

use recorder::Latencies;

use super::{Condition, Gate, Op, Point, Selector, Verdict};
use crate::confidence::{Bounds, Share};
use crate::measure::Measurements;

/// What can be said of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is met, and the run is long and steady enough to say so.
    Met,
    /// It is not met.
    NotMet,
    /// The run cannot tell: the limit lies within the confidence interval.
    Undecided,
}

impl Decision {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not_met",
            Self::Undecided => "undecided",
        }
    }
}

/// What came of one gate, with its uncertainty.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// Met, not met or undecided.
    pub decision: Decision,
    /// What was measured, for people.
    pub measured: String,
    /// The gate, what was measured, and why it is undecided if so, in one sentence.
    pub sentence: String,
}

/// A claim that a share is at most, or at least, so much.
struct Claim {
    limit: f64,
    at_most: bool,
}

impl Gate {
    /// How many requests of `part` count for, or against, this gate; `None` if it is about a fact of the whole run.
    pub fn share(&self, part: &Measurements) -> Option<Share> {
        match &self.0 {
            Condition::Latency { point, of, limit, .. } => {
                point.beyond()?;
                let latencies = part.response(of);
                // What was never sent is beyond any limit, also one beyond the histogram.
                let count = latencies.as_ref().map_or(0, |it| it.count_above(*limit)).max(part.unsent(of));
                Some(Share { count, of: latencies.as_ref().map_or(0, Latencies::count) })
            }
            Condition::Rate { of, .. } => {
                let all = Selector { outcome: None, ..of.clone() };
                Some(Share { count: part.count(of), of: part.count(&all) })
            }
            _ => None,
        }
    }

    /// Holds this expectation against `run`, whose `intervals` say by [`Gate::share`] how sure it is.
    pub fn decide(&self, run: &Measurements, intervals: &[Share]) -> Decided {
        let Verdict { passed, measured, sentence } = self.check(run);
        let exact = if passed { Decision::Met } else { Decision::NotMet };
        let Some((claim, bounds)) = self.claim().zip(Bounds::of(intervals)) else {
            return Decided { decision: exact, measured, sentence };
        };
        let decision = claim.decide(bounds);
        if decision == exact {
            return Decided { decision, measured, sentence };
        }
        let (low, high, limit) = (100.0 * bounds.low, 100.0 * bounds.high, 100.0 * claim.limit);
        let what =
            if matches!(self.0, Condition::Latency { .. }) { "the share beyond it" } else { "the rate" };
        let side = if claim.at_most { "at most" } else { "at least" };
        let sentence = format!(
            "expected {self}: undecided, measured {measured}; {what} lies between {low:.3} % and {high:.3} % (95 %), \
             where {side} {limit:.3} % is asked: a longer run decides"
        );
        Decided { decision: Decision::Undecided, measured, sentence }
    }

    fn claim(&self) -> Option<Claim> {
        let (limit, op) = match &self.0 {
            Condition::Latency { point, op, .. } => (point.beyond()?, *op),
            Condition::Rate { op, limit_percent, .. } if (0.0..100.0).contains(limit_percent) => {
                (limit_percent / 100.0, *op)
            }
            _ => return None,
        };
        let at_most = match op {
            Op::Less | Op::AtMost => true,
            Op::More | Op::AtLeast => false,
            Op::Equal => return None,
        };
        (limit > 0.0).then_some(Claim { limit, at_most })
    }
}

impl Claim {
    fn decide(&self, bounds: Bounds) -> Decision {
        match (self.at_most, bounds.high <= self.limit, bounds.low > self.limit) {
            (true, true, _) | (false, _, true) => Decision::Met,
            (true, _, true) | (false, true, _) => Decision::NotMet,
            _ => Decision::Undecided,
        }
    }
}

impl Point {
    /// The share that may lie beyond it; `None` for the maximum, which is no estimate.
    fn beyond(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.1),
            Self::P99 => Some(0.01),
            Self::P999 => Some(0.001),
            Self::Max => None,
        }
    }
}
