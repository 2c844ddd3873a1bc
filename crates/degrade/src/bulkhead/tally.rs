//! The places of a fallback, and what it refused and served.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::error::Cause;
use crate::admission::Places;

#[derive(Debug, Default)]
struct Totals {
    admitted: AtomicU64,
    full: AtomicU64,
    stale: AtomicU64,
    missing: AtomicU64,
    not_ready: AtomicU64,
    age_max_us: AtomicU64,
}

/// What all services of a layer share. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Walls {
    pub(super) places: Places,
    totals: Arc<Totals>,
}

impl Walls {
    pub(super) fn admitted(&self, age: Duration) {
        self.totals.admitted.fetch_add(1, Relaxed);
        // Rounded up, so that what was served never looks younger than it was.
        let age_us = u64::try_from(age.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX);
        self.totals.age_max_us.fetch_max(age_us, Relaxed);
    }

    pub(super) fn refused(&self, cause: Cause) {
        let total = match cause {
            Cause::Full { .. } => &self.totals.full,
            Cause::Stale { .. } => &self.totals.stale,
            Cause::NothingToComputeFrom => &self.totals.missing,
            Cause::NotReady => &self.totals.not_ready,
        };
        total.fetch_add(1, Relaxed);
    }
}

/// The counters of a layer. A clone is the same counters.
#[derive(Debug, Clone)]
pub struct Tally {
    walls: Walls,
}

/// Calls so far, and the extremes of those that were served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed on to the fallback.
    pub admitted: u64,
    /// Refused: as many were being served as may be.
    pub full: u64,
    /// Refused: what the answer would have been computed from was too old.
    pub stale: u64,
    /// Refused: there was nothing to compute the answer from.
    pub missing: u64,
    /// Refused: the service inside was not ready.
    pub not_ready: u64,
    /// In flight now.
    pub in_flight: usize,
    /// The most that were in flight at the same time. Above the limit, a call was served beyond it.
    pub in_flight_max: usize,
    /// The greatest age that an answer was computed from, to the microsecond above. Above the limit, a call was served
    /// beyond it.
    pub age_max: Duration,
}

impl Tally {
    pub(super) const fn new(walls: Walls) -> Self {
        Self { walls }
    }

    /// Calls so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let Walls { places, totals } = &self.walls;
        Counts {
            admitted: totals.admitted.load(Relaxed),
            full: totals.full.load(Relaxed),
            stale: totals.stale.load(Relaxed),
            missing: totals.missing.load(Relaxed),
            not_ready: totals.not_ready.load(Relaxed),
            in_flight: places.taken(),
            in_flight_max: places.most(),
            age_max: Duration::from_micros(totals.age_max_us.load(Relaxed)),
        }
    }
}
