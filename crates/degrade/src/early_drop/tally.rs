//! What was dropped, and who gave up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::error::TooLate;
use crate::admission::Hold;
use crate::lanes::{Lane, Lanes};

#[derive(Debug, Default)]
struct Totals {
    passed: AtomicU64,
    unmeetable: AtomicU64,
    abandoned: AtomicU64,
}

/// The counters of a layer. A clone is the same counters.
#[derive(Debug, Clone)]
pub struct Tally {
    totals: Lanes<Totals>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { totals: Lanes::new(Totals::default) }
    }
}

/// Calls so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Dropped, because their deadline had passed.
    pub passed: u64,
    /// Dropped, because their deadline could not be met any more.
    pub unmeetable: u64,
    /// Begun, and given up by the caller before there was an answer.
    pub abandoned: u64,
}

impl Tally {
    /// Calls so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let sum = |total: fn(&Totals) -> &AtomicU64| {
            self.totals.all().map(|totals| total(totals).load(Relaxed)).sum()
        };
        Counts {
            passed: sum(|totals| &totals.passed),
            unmeetable: sum(|totals| &totals.unmeetable),
            abandoned: sum(|totals| &totals.abandoned),
        }
    }

    pub(super) fn dropped(&self, late: TooLate) {
        let totals = &self.totals.mine().0;
        let total = if late.left.is_zero() { &totals.passed } else { &totals.unmeetable };
        total.fetch_add(1, Relaxed);
    }

    #[inline]
    pub(super) fn caller(&self) -> Caller {
        Caller { totals: Some(Arc::clone(self.totals.mine())) }
    }
}

/// A caller who waits. Dropped before the answer, it counts as one who gave up.
#[derive(Debug)]
pub struct Caller {
    totals: Option<Arc<Lane<Totals>>>,
}

impl Hold for Caller {
    #[inline]
    fn answered(mut self, _: bool) {
        self.totals = None;
    }
}

impl Drop for Caller {
    #[inline]
    fn drop(&mut self) {
        if let Some(totals) = &self.totals {
            totals.0.abandoned.fetch_add(1, Relaxed);
        }
    }
}
