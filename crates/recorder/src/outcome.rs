//! How an intended request ended.
//!
//! Invariant: [`Outcome::ALL`] lists every variant at its own [`Outcome::index`], so that an array of
//! [`Outcome::COUNT`] counters needs no map.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The one way in which an intended request ended. Serialized in snake case, as [`Outcome::name`] gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered well; which way it went was not said.
    Ok,
    /// Answered well, the whole way over Kafka.
    OkKafka,
    /// Answered well by a fallback.
    OkDegraded,
    /// Accepted for later; the business answer is still to come.
    AcceptedPending,
    /// Refused at once because a dependency is stuck; nothing was executed.
    RejectedFast,
    /// The service does not know whether it was executed.
    Unknown,
    /// Our deadline, counted from the intended start, passed without an answer.
    Timeout,
    /// No connection could be opened.
    ErrorConnect,
    /// The connection broke before the answer was complete.
    ErrorIo,
    /// An answer of any other kind.
    ErrorStatus,
    /// Never sent: too many requests were in flight when its time had come.
    UnsentCap,
    /// Still open when the run ended; its latency is a lower bound.
    Unfinished,
}

impl Outcome {
    /// Every outcome, each at its own index.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Ok,
        Self::OkKafka,
        Self::OkDegraded,
        Self::AcceptedPending,
        Self::RejectedFast,
        Self::Unknown,
        Self::Timeout,
        Self::ErrorConnect,
        Self::ErrorIo,
        Self::ErrorStatus,
        Self::UnsentCap,
        Self::Unfinished,
    ];

    /// How many outcomes there are.
    pub const COUNT: usize = 12;

    /// The place of this outcome in [`Outcome::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether such a request may have been sent. One that never was has no response time: that it was given up at once
    /// does not make anything fast.
    pub const fn was_sent(self) -> bool {
        !matches!(self, Self::UnsentCap)
    }

    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::OkKafka => "ok_kafka",
            Self::OkDegraded => "ok_degraded",
            Self::AcceptedPending => "accepted_pending",
            Self::RejectedFast => "rejected_fast",
            Self::Unknown => "unknown",
            Self::Timeout => "timeout",
            Self::ErrorConnect => "error_connect",
            Self::ErrorIo => "error_io",
            Self::ErrorStatus => "error_status",
            Self::UnsentCap => "unsent_cap",
            Self::Unfinished => "unfinished",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        let found = Self::ALL.into_iter().find(|outcome| outcome.name() == text);
        found.ok_or_else(|| UnknownOutcome { given: text.to_owned() })
    }
}

/// A name that is no outcome; suggest from the names of [`Outcome::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown outcome `{given}`: use one of {}", Outcome::ALL.map(Outcome::name).join(", "))]
pub struct UnknownOutcome {
    /// What was given.
    pub given: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_sits_at_its_own_index() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), index);
        }
    }

    #[test]
    fn names_round_trip_and_are_the_serialized_form() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.name().parse(), Ok(outcome));
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_what_is_allowed() {
        let error = "ok_kafak".parse::<Outcome>().unwrap_err().to_string();
        assert!(error.starts_with("unknown outcome `ok_kafak`: use one of ok, ok_kafka,"), "{error}");
    }
}
