//! Who has to be looked at: one bit per circuit, set by whoever begins or ends a call, and taken by the watchdog.
//!
//! Dense on purpose: the bits of 64 circuits are one word, so that a tick in which nothing happened reads one word for
//! 64 circuits. They are set by the first call after a rest and by the first outcome after a look, never by each call.

use std::sync::Arc;

use crate::sync::{AtomicU64, Ordering};

/// Circuits of one word.
pub(crate) const WORD: usize = u64::BITS as usize;

/// The bits. A clone is the same bits.
#[derive(Debug, Clone)]
pub(crate) struct WakeBits {
    words: Arc<[AtomicU64]>,
}

impl WakeBits {
    pub(crate) fn new(circuits: usize) -> Self {
        Self { words: (0..circuits.div_ceil(WORD)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Wakes one. Released by the caller and acquired by the watchdog: who sees the bit sees the call.
    pub(crate) fn set(&self, circuit: usize) {
        let (word, bit) = (&self.words[circuit / WORD], 1 << (circuit % WORD));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Release);
        }
    }

    /// Takes the bits of one word.
    pub(crate) fn take(&self, word: usize) -> u64 {
        match self.words[word].load(Ordering::Relaxed) {
            0 => 0,
            _ => self.words[word].swap(0, Ordering::Acquire),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_taken_once_and_touches_no_other() {
        let bits = WakeBits::new(130);
        [0, 63, 64, 129, 129].into_iter().for_each(|circuit| bits.set(circuit));
        assert_eq!([0, 1, 2].map(|word| bits.take(word)), [1 | 1 << 63, 1, 2]);
        assert_eq!([0, 1, 2].map(|word| bits.take(word)), [0, 0, 0]);
    }
}
