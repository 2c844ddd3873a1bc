//! What a run shows while it runs, five times a second.
//!
//! Percentiles are taken of what all workers saw; they are never averaged.

use std::time::{Duration, Instant};

use recorder::Outcome;

/// How often workers hand over what ended, and it is shown.
pub(crate) const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A look at a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// When the schedule began; `None` while connections are still being opened. A fault at `started + 4 s` is a fault
    /// at offset 4 s.
    pub started: Option<Instant>,
    /// How many requests the whole schedule intends; 0 in a closed loop, which has none.
    pub planned: u64,
    /// How many of them had their time.
    pub intended: u64,
    /// How many are open.
    pub in_flight: u64,
    /// How many ended, by [`Outcome::index`].
    pub counts: [u64; Outcome::COUNT],
    /// The median response time of what came back during the last second, of any outcome.
    pub p50_now: Option<Duration>,
    /// Its 99th percentile.
    pub p99_now: Option<Duration>,
    /// The generator's own lateness at p99 so far.
    pub lag_p99: Duration,
}

impl Progress {
    /// How many requests ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.counts[outcome.index()]
    }
}
