//! A number of places: the bound of everything that runs at the same time.
//!
//! The limit is an argument of taking a place, because some callers may take more of them than others. A place is taken
//! with a compare and swap, so that no moment exists in which more are taken than the limit. That is the one word that all
//! threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::future::Hold;
use crate::lanes::{Lane, Lanes};

#[derive(Debug, Default)]
#[repr(align(128))]
struct Count {
    taken: AtomicUsize,
    most: AtomicUsize,
}

/// A clone is the same places. What keeps the count alive for a permit is counted by lane.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    lanes: Lanes<Arc<Count>>,
}

impl Default for Places {
    fn default() -> Self {
        let count = Arc::default();
        Self { lanes: Lanes::new(|| Arc::clone(&count)) }
    }
}

impl Places {
    /// A place, if fewer than `limit` are taken.
    #[inline]
    pub(crate) fn take(&self, limit: usize) -> Option<Permit> {
        let lane = self.lanes.mine();
        let Count { taken, most } = &*lane.0;
        let one_more = |taken: usize| (taken < limit).then_some(taken + 1);
        let before = taken.fetch_update(Relaxed, Relaxed, one_more).ok()?;
        if before >= most.load(Relaxed) {
            most.fetch_max(before + 1, Relaxed);
        }
        Some(Permit { lane: Arc::clone(lane) })
    }

    pub(crate) fn taken(&self) -> usize {
        self.lanes.mine().0.taken.load(Relaxed)
    }

    /// The most that were ever taken at the same time.
    pub(crate) fn most(&self) -> usize {
        self.lanes.mine().0.most.load(Relaxed)
    }
}

/// A place that is taken until this is dropped. It cannot be cloned.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once gives its place back at once"]
pub struct Permit {
    lane: Arc<Lane<Arc<Count>>>,
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.lane.0.taken.fetch_sub(1, Relaxed);
    }
}

impl Hold for Permit {
    #[inline]
    fn answered(self, _: bool) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Each step takes a place under one of four limits, or gives the oldest one back.
        #[test]
        fn never_more_are_taken_than_the_limit_of_whoever_takes(
            steps in prop::collection::vec(prop::option::of(0_usize..4), 1..200)
        ) {
            let places = Places::default();
            let mut permits = Vec::new();
            for step in steps {
                match step {
                    Some(limit) => {
                        let room = permits.len() < limit;
                        let permit = places.take(limit);
                        prop_assert_eq!(permit.is_some(), room);
                        permits.extend(permit);
                    }
                    None => drop((!permits.is_empty()).then(|| permits.remove(0))),
                }
                prop_assert_eq!(places.taken(), permits.len());
                prop_assert!(places.most() <= 3);
            }
        }
    }
}
