//! Which part of an outage an intended request fell into.
//!
//! Invariant: a request belongs to the phase of its *intended* start, however late it was sent or answered.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A part of an outage. Serialized in snake case, as [`Phase::name`] gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the first fault.
    Before,
    /// From the first fault to the heal.
    Outage,
    /// From the heal on.
    Recovery,
}

impl Phase {
    /// Every phase in the order of time, each at its own index.
    pub const ALL: [Self; Self::COUNT] = [Self::Before, Self::Outage, Self::Recovery];

    /// How many phases there are.
    pub const COUNT: usize = 3;

    /// The place of this phase in [`Phase::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Outage => "outage",
            Self::Recovery => "recovery",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        let found = Self::ALL.into_iter().find(|phase| phase.name() == text);
        found.ok_or_else(|| UnknownPhase { given: text.to_owned() })
    }
}

/// A name that is no phase; suggest from the names of [`Phase::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown phase `{given}`: use one of {}", Phase::ALL.map(Phase::name).join(", "))]
pub struct UnknownPhase {
    /// What was given.
    pub given: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_the_serialized_form() {
        for (index, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase.index(), index);
            assert_eq!(phase.name().parse(), Ok(phase));
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
        }
        assert!("after".parse::<Phase>().is_err());
    }
}
