//! Why a fallback is not trusted.

use std::time::Duration;

/// What speaks against a fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It was never compared with the primary service, or never agreed with it.
    #[error("the fallback was never proven")]
    Never,
    /// It gave other answers than the primary service, the last so many times in a row.
    #[error("the fallback gave another answer the last {in_a_row} times")]
    Diverging {
        /// Times in a row.
        in_a_row: u32,
    },
    /// It failed, or was too slow, the last so many times in a row.
    #[error("the fallback failed the last {in_a_row} times")]
    Failing {
        /// Times in a row.
        in_a_row: u32,
    },
    /// It did not answer anybody for too long.
    #[error("the fallback was last proven {} s ago", ago.as_secs())]
    Old {
        /// How long ago it did.
        ago: Duration,
    },
}

impl Doubt {
    /// Whether an answer, without anything to compare it with, would settle it.
    #[must_use]
    pub const fn can_be_tried(self) -> bool {
        matches!(self, Self::Failing { .. } | Self::Old { .. })
    }
}

/// The fallback is not trusted. The call was not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{doubt}")]
pub struct Unproven {
    /// What speaks against it.
    pub doubt: Doubt,
    /// When it may be worth asking again.
    pub retry_after: Duration,
}
