//! Whether everything that was intended is accounted for.

use serde::{Deserialize, Serialize};

/// Intended requests against recorded outcomes. A run in which this does not hold is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conservation {
    /// How many requests the schedule intended up to the end of the run.
    pub intended: u64,
    /// How many outcomes were recorded.
    pub accounted: u64,
    /// Whether the two are the same.
    pub holds: bool,
}

impl Conservation {
    /// Compares the two counts.
    pub fn of(intended: u64, accounted: u64) -> Self {
        Self { intended, accounted, holds: intended == accounted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_only_when_the_counts_agree() {
        assert!(Conservation::of(12_000, 12_000).holds);
        assert!(!Conservation::of(12_000, 11_999).holds);
        assert!(!Conservation::of(12_000, 12_001).holds);
    }
}
