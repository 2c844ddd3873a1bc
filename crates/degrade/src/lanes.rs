//! What a call holds on to, counted where no other thread counts.
//!
//! A future must not borrow from its service, so it holds an `Arc`; were that one for all threads, each call would wait
//! twice for the other threads' cache lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Threads that call at the same time without meeting; more of them share.
const LANES: usize = 8;

/// One `Arc` per lane. A clone is the same lanes.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    lanes: Arc<[Arc<Lane<T>>; LANES]>,
}

/// Aligned so that no two of them are on one cache line, nor on neighbours that are fetched together.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Lane<T>(pub(crate) T);

impl<T> Lanes<T> {
    pub(crate) fn new(mut lane: impl FnMut() -> T) -> Self {
        Self { lanes: Arc::new(std::array::from_fn(|_| Arc::new(Lane(lane())))) }
    }

    /// The lane of this thread. Threads take them in the order in which they first call.
    #[inline]
    pub(crate) fn mine(&self) -> &Arc<Lane<T>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static MINE: usize = NEXT.fetch_add(1, Relaxed) % LANES);
        &self.lanes[MINE.with(|lane| *lane)]
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.lanes.iter().map(|lane| &lane.0)
    }
}

impl<T> Clone for Lanes<T> {
    fn clone(&self) -> Self {
        Self { lanes: Arc::clone(&self.lanes) }
    }
}
