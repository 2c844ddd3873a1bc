//! A number of places: the bound of everything that runs at the same time.
//!
//! The limit is an argument of taking a place, because some callers may take more of them than others. A place is taken
//! with a compare and swap, so that no moment exists in which more are taken than the limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::future::Hold;

#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: AtomicUsize,
    most: AtomicUsize,
}

impl Places {
    /// A place, if fewer than `limit` are taken.
    #[inline]
    pub(crate) fn take(self: &Arc<Self>, limit: usize) -> Option<Permit> {
        let one_more = |taken: usize| (taken < limit).then_some(taken + 1);
        let before = self.taken.fetch_update(Relaxed, Relaxed, one_more).ok()?;
        if before >= self.most.load(Relaxed) {
            self.most.fetch_max(before + 1, Relaxed);
        }
        Some(Permit { places: Arc::clone(self) })
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// The most that were ever taken at the same time.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Relaxed)
    }
}

/// A place that is taken until this is dropped. It cannot be cloned.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once gives its place back at once"]
pub struct Permit {
    places: Arc<Places>,
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Relaxed);
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
            let places = Arc::new(Places::default());
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
