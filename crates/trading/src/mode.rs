//! Normal or degraded: the word that every answer and every record carries.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// On which path something was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Over Kafka, as designed.
    #[default]
    Normal,
    /// On a fallback, within the guards for it.
    Degraded,
}

impl Mode {
    /// `normal` or `degraded`, as in the `mode` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Degraded => "degraded",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text is neither `normal` nor `degraded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mode is `normal` or `degraded`")]
pub struct UnknownMode;

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        [Self::Normal, Self::Degraded].into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownMode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_reads_back_and_nothing_else_does() {
        for mode in [Mode::Normal, Mode::Degraded] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert_eq!("Normal".parse::<Mode>(), Err(UnknownMode));
    }
}
