//! How calls ended, told from the hot path without a lock: counters per partition, emptied by the watchdog.
//!
//! The order of memory is relaxed: a call that the watchdog does not see in this tick, it sees in the next one. The first
//! outcome after a look wakes a circuit that nobody looks at.

use std::sync::Arc;
use std::time::Duration;

use crate::signal::completions::Ended;
use crate::sync::{AtomicU32, Ordering::Relaxed};
use crate::wake::WakeBits;

/// Aligned so that two partitions never share a cache line.
#[derive(Debug)]
#[repr(align(64))]
struct Counters {
    calls: AtomicU32,
    failed: AtomicU32,
    slow: AtomicU32,
    refused: AtomicU32,
    proved: AtomicU32,
}

impl Counters {
    fn new() -> Self {
        let zero = || AtomicU32::new(0);
        Self { calls: zero(), failed: zero(), slow: zero(), refused: zero(), proved: zero() }
    }
}

/// What was told of a partition since the last look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// How calls ended.
    pub(super) ended: Option<Ended>,
    /// A record was refused.
    pub(super) refused: bool,
    /// A call went all the way.
    pub(super) proved: bool,
}

/// Where calls tell how they ended, by partition. A clone is the same place; a partition without a circuit is ignored.
#[derive(Debug, Clone)]
pub struct Outcomes {
    counters: Arc<[Counters]>,
    slow_call: Duration,
    wake: WakeBits,
}

impl Outcomes {
    pub(super) fn new(partitions: usize, slow_call: Duration, wake: WakeBits) -> Self {
        Self { counters: (0..partitions).map(|_| Counters::new()).collect(), slow_call, wake }
    }

    /// A call ended after `took`, well or as a failure of the dependency. A refusal of our own (by a limit, by a
    /// deadline before the call was made, by an open circuit) is not an end.
    #[inline]
    pub fn ended(&self, partition: usize, took: Duration, failed: bool) {
        let Some(counters) = self.counters.get(partition) else { return };
        let first = counters.calls.fetch_add(1, Relaxed) == 0;
        if failed {
            counters.failed.fetch_add(1, Relaxed);
        }
        if took > self.slow_call {
            counters.slow.fetch_add(1, Relaxed);
        }
        if first {
            self.wake.set(partition);
        }
    }

    /// The client refused a record, because its queue is full.
    #[inline]
    pub fn refused(&self, partition: usize) {
        let Some(counters) = self.counters.get(partition) else { return };
        if counters.refused.fetch_add(1, Relaxed) == 0 {
            self.wake.set(partition);
        }
    }

    /// A call went all the way: whatever a heartbeat would write and read was written, acknowledged and read for it just
    /// now. It stands in for the next heartbeat of a closed circuit.
    #[inline]
    pub fn proved(&self, partition: usize) {
        let Some(counters) = self.counters.get(partition) else { return };
        if counters.proved.fetch_add(1, Relaxed) == 0 {
            self.wake.set(partition);
        }
    }

    /// What was told since the last time.
    pub(super) fn take(&self, partition: usize) -> Told {
        let Some(counters) = self.counters.get(partition) else { return Told::default() };
        let take = |counter: &AtomicU32| match counter.load(Relaxed) {
            0 => 0,
            _ => counter.swap(0, Relaxed),
        };
        // In this order: a failure is never taken without its call having been counted, now or before.
        let (failed, slow) = (take(&counters.failed), take(&counters.slow));
        let ended = Ended { calls: take(&counters.calls), failed, slow };
        Told {
            ended: (ended != Ended::default()).then_some(ended),
            refused: take(&counters.refused) > 0,
            proved: take(&counters.proved) > 0,
        }
    }
}
