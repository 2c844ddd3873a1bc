//! How shadows ended, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How a shadow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It gave the same answer, or one that was near enough.
    Agreed {
        /// How far it was off.
        distance: u64,
    },
    /// It gave another answer.
    Diverged {
        /// How far it was off.
        distance: u64,
    },
    /// It answered, and there was nothing to compare with.
    Answered,
    /// It answered with an error, or not at all.
    Failed,
    /// It had no answer before its deadline.
    Late,
}

/// A shadow that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub verdict: Verdict,
}

/// Shadows so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The same answer, or near enough.
    pub agreed: u64,
    /// Another answer.
    pub diverged: u64,
    /// An answer, with nothing to compare it with.
    pub answered: u64,
    /// An error, or no answer at all.
    pub failed: u64,
    /// No answer before the deadline.
    pub late: u64,
    /// Not begun, because as many ran as may.
    pub skipped: u64,
    /// Customers that were refused because there was no proof.
    pub refused: u64,
    /// The largest distance.
    pub distance_max: u64,
    /// The longest time that a shadow took.
    pub took_max: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Totals {
    agreed: AtomicU64,
    diverged: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
    skipped: AtomicU64,
    refused: AtomicU64,
    distance_max: AtomicU64,
    took_max_us: AtomicU64,
}

impl Totals {
    pub(super) fn add(&self, seen: Seen) {
        let (total, distance) = match seen.verdict {
            Verdict::Agreed { distance } => (&self.agreed, distance),
            Verdict::Diverged { distance } => (&self.diverged, distance),
            Verdict::Answered => (&self.answered, 0),
            Verdict::Failed => (&self.failed, 0),
            Verdict::Late => (&self.late, 0),
        };
        total.fetch_add(1, Relaxed);
        self.distance_max.fetch_max(distance, Relaxed);
        let took_us = u64::try_from(seen.took.as_micros()).unwrap_or(u64::MAX);
        self.took_max_us.fetch_max(took_us, Relaxed);
    }

    pub(super) fn skipped(&self) {
        self.skipped.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            agreed: self.agreed.load(Relaxed),
            diverged: self.diverged.load(Relaxed),
            answered: self.answered.load(Relaxed),
            failed: self.failed.load(Relaxed),
            late: self.late.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            refused: self.refused.load(Relaxed),
            distance_max: self.distance_max.load(Relaxed),
            took_max: Duration::from_micros(self.took_max_us.load(Relaxed)),
        }
    }
}
