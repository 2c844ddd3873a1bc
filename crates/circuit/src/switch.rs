//! What a call reads: one atomic per circuit.
//!
//! The order of memory is relaxed: a call that reads the old decision a moment after the change is a call that came a
//! moment earlier. Nothing else is published through a switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which way a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The circuit admits.
    Primary,
    /// It does not: another way to the answer, or a refusal.
    Fallback,
}

/// The switches of all circuits of one service. A clone is the same board.
///
/// A partition beyond the board has no circuit, and is admitted: partitions that were added while the service runs are
/// served as if there were no circuits.
#[derive(Debug, Clone)]
pub struct SwitchBoard {
    open: Arc<[AtomicBool]>,
}

impl SwitchBoard {
    /// A board of closed circuits.
    #[must_use]
    pub fn new(partitions: usize) -> Self {
        Self { open: (0..partitions).map(|_| AtomicBool::new(false)).collect() }
    }

    /// Which way a call to this partition goes, now.
    #[inline]
    #[must_use]
    pub fn decide(&self, partition: usize) -> Decision {
        match self.open.get(partition) {
            Some(open) if open.load(Ordering::Relaxed) => Decision::Fallback,
            _ => Decision::Primary,
        }
    }

    /// The first fallback among several partitions that one call needs.
    #[must_use]
    pub fn decide_all(&self, partitions: impl IntoIterator<Item = usize>) -> Decision {
        let open = partitions.into_iter().any(|partition| self.decide(partition) == Decision::Fallback);
        if open { Decision::Fallback } else { Decision::Primary }
    }

    /// Flips one switch; one beyond the board is ignored. [`Circuits`](crate::Circuits) does this for its own board.
    pub fn set(&self, partition: usize, decision: Decision) {
        if let Some(open) = self.open.get(partition) {
            open.store(decision == Decision::Fallback, Ordering::Relaxed);
        }
    }

    /// Number of circuits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// There is no circuit at all, and every call is admitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
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
    fn a_path_over_several_partitions_is_as_open_as_its_worst() {
        let board = SwitchBoard::new(3);
        board.set(1, Decision::Fallback);
        assert_eq!(board.decide_all([0, 2]), Decision::Primary);
        assert_eq!(board.decide_all([0, 1, 2]), Decision::Fallback);
    }
}
