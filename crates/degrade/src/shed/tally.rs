//! The places that all classes share, and what found none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Priority;
use crate::admission::{Permit, Places};

/// The places of a layer. A clone is the same places.
#[derive(Debug, Clone, Default)]
pub(super) struct Room {
    places: Places,
    shed: Arc<[AtomicU64; 4]>,
}

impl Room {
    #[inline]
    pub(super) fn take(&self, priority: Priority, limit: usize) -> Option<Permit> {
        let permit = self.places.take(limit);
        if permit.is_none() {
            self.shed[priority as usize].fetch_add(1, Relaxed);
        }
        permit
    }
}

/// The counters of a layer. A clone is the same counters.
#[derive(Debug, Clone)]
pub struct Tally {
    room: Room,
}

/// Calls so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    shed: [u64; 4],
    /// In flight now.
    pub in_flight: usize,
    /// The most that were in flight at the same time.
    pub in_flight_max: usize,
}

impl Counts {
    /// Calls of this class that were refused.
    #[must_use]
    pub const fn shed(&self, priority: Priority) -> u64 {
        self.shed[priority as usize]
    }
}

impl Tally {
    pub(super) const fn new(room: Room) -> Self {
        Self { room }
    }

    /// Calls so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            shed: std::array::from_fn(|class| self.room.shed[class].load(Relaxed)),
            in_flight: self.room.places.taken(),
            in_flight_max: self.room.places.most(),
        }
    }
}
