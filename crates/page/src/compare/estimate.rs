//! A figure of a run with its 95 % interval, and what becomes of two of them.
//!
//! Requests of the same second are alike, so seconds are the witnesses: the interval of a share is that of gates
//! ([`gates::Bounds`]: Wilson's, with the number of witnesses divided by the design effect between seconds). A percentile
//! is a question about a share, so its interval are the latencies for which "at most 1 % take longer" can neither be
//! proven nor excluded. The interval of a change comes from the two intervals by the method of variance estimates
//! recovery, for a factor on its logarithm.
//!
//! Sources: Woodruff 1952 (intervals of quantiles through shares); Newcombe 1998 and Zou and Donner 2008 (MOVER).

use gates::{Bounds, Share};
use recorder::{Outcome, Phase};
use serde::Serialize;

use crate::counts::Counts;
use crate::run::Arm;

/// A figure and where it lies with a confidence of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// As measured.
    pub value: f64,
    /// The least that it may be.
    pub low: f64,
    /// The most; `None` if there is too little to say.
    pub high: Option<f64>,
}

/// Some of the requests of a phase, second by second.
#[derive(Debug)]
pub(super) struct Selection {
    seconds: Vec<Counts>,
    all: Counts,
}

impl Selection {
    /// Those in `phase` whose outcome is `wanted`. A second of the phase without any of them is a witness, too.
    pub(super) fn of(arm: &Arm, phase: Phase, wanted: impl Fn(Outcome) -> bool) -> Self {
        let seconds: Vec<Counts> = arm
            .log
            .seconds
            .iter()
            .filter(|second| second.cells.keys().any(|(it, _)| *it == phase))
            .map(|second| {
                let cells = second.cells.iter().filter(|((it, outcome), _)| *it == phase && wanted(*outcome));
                Counts::merged(cells.map(|(_, counts)| counts))
            })
            .collect();
        Self { all: Counts::merged(&seconds), seconds }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.values().is_empty()
    }

    pub(super) fn all(&self) -> &Counts {
        &self.all
    }

    /// The share that takes longer than `us`.
    fn above(&self, us: u64) -> Option<Bounds> {
        let shares: Vec<Share> =
            self.seconds.iter().map(|it| Share { count: it.above(us), of: it.total() }).collect();
        Bounds::of(&shares)
    }
}

/// How many of `all` are `some`.
pub(super) fn share(some: &Selection, all: &Selection) -> Option<Estimate> {
    let shares: Vec<Share> = some
        .seconds
        .iter()
        .zip(&all.seconds)
        .map(|(some, all)| Share { count: some.total(), of: all.total() })
        .collect();
    let Bounds { low, high } = Bounds::of(&shares)?;
    let value = some.all.total() as f64 / all.all.total().max(1) as f64;
    Some(Estimate { value, low: low.min(value), high: Some(high.max(value)) })
}

/// In milliseconds, what a share `q` of them stayed within.
pub(super) fn quantile(of: &Selection, q: f64) -> Option<Estimate> {
    let value = of.all.quantile(q)?;
    let longer = 1.0 - q;
    let candidates = of.all.values();
    let first = |too_many: &dyn Fn(&Bounds) -> bool| {
        let place = candidates.partition_point(|(us, _)| of.above(*us).as_ref().is_some_and(too_many));
        candidates.get(place).map(|(us, _)| *us)
    };
    let low = first(&|share| share.low > longer).unwrap_or(value).min(value);
    let high = first(&|share| share.high > longer).map(|us| us.max(value));
    let ms = |us: u64| us as f64 / 1e3;
    Some(Estimate { value: ms(value), low: ms(low), high: high.map(ms) })
}

/// What a share rose by.
pub(super) fn shift(first: Estimate, other: Estimate) -> Estimate {
    let top = |it: Estimate| it.high.unwrap_or(1.0);
    let value = other.value - first.value;
    let low = value - (other.value - other.low).hypot(top(first) - first.value);
    let high = value + (top(other) - other.value).hypot(first.value - first.low);
    Estimate { value, low, high: Some(high) }
}

/// What a time was multiplied by.
pub(super) fn ratio(first: Estimate, other: Estimate) -> Estimate {
    let log = |ms: f64| ms.max(1e-6).ln();
    let value = log(other.value) - log(first.value);
    let below = |it: Estimate| log(it.value) - log(it.low);
    let over = |it: Estimate| it.high.map(|high| log(high) - log(it.value));
    let low = over(first).map(|over| value - below(other).hypot(over));
    let high = over(other).map(|over| value + over.hypot(below(first)));
    Estimate { value: value.exp(), low: low.map_or(0.0, f64::exp), high: high.map(f64::exp) }
}
