//! What a call reads: one atomic per circuit, which carries the share of the calls that is admitted.
//!
//! The order of memory is relaxed: a call that reads the old share a moment after the change is a call that came a
//! moment earlier. Nothing else is published through a switch.
//!
//! While a share between nothing and everything is admitted, calls are counted, and the n-th one is admitted exactly if
//! the whole part of `n * share` grows with it: no lock and no dice, and of any calls on end at one share, the number
//! that is admitted is right within one.

use std::sync::Arc;

use crate::sync::{AtomicU32, Ordering::Relaxed};

/// Every call is admitted, in thousandths.
const ALL: u32 = 1_000;

/// Which way a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The circuit admits.
    Primary,
    /// It does not: another way to the answer, or a refusal.
    Fallback,
}

/// Eight of them share a cache line, and only while one of these is in slow start is it written by calls.
#[derive(Debug)]
struct Switch {
    permille: AtomicU32,
    calls: AtomicU32,
}

impl Switch {
    fn closed() -> Self {
        Self { permille: AtomicU32::new(ALL), calls: AtomicU32::new(0) }
    }

    #[inline]
    fn decide(&self) -> Decision {
        match self.permille.load(Relaxed) {
            ALL => Decision::Primary,
            0 => Decision::Fallback,
            share => self.count(share),
        }
    }

    #[cold]
    fn count(&self, share: u32) -> Decision {
        let before = u64::from(self.calls.fetch_add(1, Relaxed));
        let admitted = |calls: u64| calls * u64::from(share) / u64::from(ALL);
        if admitted(before + 1) > admitted(before) { Decision::Primary } else { Decision::Fallback }
    }
}

/// The switches of all circuits of one service. A clone is the same board.
///
/// A partition beyond the board has no circuit, and is admitted: partitions that were added while the service runs are
/// served as if there were no circuits.
#[derive(Debug, Clone)]
pub struct SwitchBoard {
    switches: Arc<[Switch]>,
}

impl SwitchBoard {
    /// A board of closed circuits.
    #[must_use]
    pub fn new(partitions: usize) -> Self {
        Self { switches: (0..partitions).map(|_| Switch::closed()).collect() }
    }

    /// Which way a call to this partition goes, now. To be asked once per call: while customers come back it is counted.
    #[inline]
    #[must_use]
    pub fn decide(&self, partition: usize) -> Decision {
        self.switches.get(partition).map_or(Decision::Primary, Switch::decide)
    }

    /// Which way one call goes that needs several partitions: as that of them that admits least.
    #[must_use]
    pub fn decide_all(&self, partitions: impl IntoIterator<Item = usize>) -> Decision {
        let worst = partitions.into_iter().min_by_key(|partition| self.permille(*partition));
        worst.map_or(Decision::Primary, |partition| self.decide(partition))
    }

    /// The share of the calls to this partition that is admitted, in thousandths.
    #[inline]
    #[must_use]
    pub fn permille(&self, partition: usize) -> u32 {
        self.switches.get(partition).map_or(ALL, |switch| switch.permille.load(Relaxed))
    }

    /// Flips one switch; one beyond the board is ignored. [`Circuits`](crate::Circuits) does this for its own board.
    pub fn set(&self, partition: usize, decision: Decision) {
        self.set_permille(partition, if decision == Decision::Primary { ALL } else { 0 });
    }

    /// Admits a share of the calls, in thousandths; more than all is all.
    pub fn set_permille(&self, partition: usize, permille: u32) {
        let Some(switch) = self.switches.get(partition) else { return };
        let permille = permille.min(ALL);
        // A store would take the cache line from every caller, though nothing changed.
        if switch.permille.load(Relaxed) != permille {
            switch.permille.store(permille, Relaxed);
        }
    }

    /// Number of circuits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.switches.len()
    }

    /// There is no circuit at all, and every call is admitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.switches.is_empty()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_partition_beyond_the_board_is_admitted() {
        let board = SwitchBoard::new(2);
        board.set(1, Decision::Fallback);
        board.set(2, Decision::Fallback);
        assert_eq!(
            [0, 1, 2].map(|p| board.decide(p)),
            [Decision::Primary, Decision::Fallback, Decision::Primary]
        );
    }

    #[test]
    fn a_share_of_any_calls_on_end_is_admitted_within_one() {
        let board = SwitchBoard::new(1);
        for share in [1, 100, 333, 500, 999] {
            board.set_permille(0, share);
            let calls: Vec<bool> = (0..3_000).map(|_| board.decide(0) == Decision::Primary).collect();
            for calls in calls.windows(700) {
                let admitted = calls.iter().filter(|admitted| **admitted).count() as u32;
                assert!(admitted.abs_diff(700 * share / 1_000) <= 1, "{admitted} at {share}");
            }
        }
    }

    #[test]
    fn a_path_over_several_partitions_in_slow_start_asks_the_one_that_admits_least() {
        let board = SwitchBoard::new(2);
        board.set_permille(0, 500);
        board.set_permille(1, 100);
        let admitted = (0..100).filter(|_| board.decide_all([0, 1]) == Decision::Primary).count();
        assert_eq!(admitted, 10);
    }

    #[test]
    fn a_path_over_several_partitions_is_as_open_as_its_worst() {
        let board = SwitchBoard::new(3);
        board.set(1, Decision::Fallback);
        assert_eq!(board.decide_all([0, 2]), Decision::Primary);
        assert_eq!(board.decide_all([0, 1, 2]), Decision::Fallback);
    }
}
