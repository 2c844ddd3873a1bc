//! What was seen of a cluster, in words that can be compared.
//!
//! A cell is one question asked in one story. What one run answers is a class, a word of a small vocabulary, and at
//! times an amount: how long it took, or how many there were. A class never holds an id, a port, a time or a
//! message: two clusters that behave alike say the same word.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One answer of one cluster in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The story or subject, e.g. `E1`: a heading of the table.
    pub story: String,
    /// The question, unique in its story.
    pub cell: String,
    /// The answer.
    pub class: Class,
    /// How long, or how many, where that is part of the answer.
    pub amount: Option<Amount>,
}

impl Seen {
    /// An answer that is a class alone.
    pub fn class(story: impl Into<String>, cell: impl Into<String>, class: Class) -> Self {
        Self { story: story.into(), cell: cell.into(), class, amount: None }
    }

    /// With how long it took.
    #[must_use]
    pub fn took(self, took: Duration) -> Self {
        Self { amount: Some(Amount::Took(took)), ..self }
    }

    /// With how many there were.
    #[must_use]
    pub fn count(self, count: u64) -> Self {
        Self { amount: Some(Amount::Count(count)), ..self }
    }
}

/// How long, or how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// A time.
    Took(Duration),
    /// A number of things.
    Count(u64),
}

/// A word of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Class(String);

impl Class {
    /// It worked.
    #[must_use]
    pub fn ok() -> Self {
        Self::word("ok")
    }

    /// The one who asked gave up, by the timeout that it had set.
    #[must_use]
    pub fn times_out() -> Self {
        Self::word("times out")
    }

    /// No connection.
    #[must_use]
    pub fn refused() -> Self {
        Self::word("refused")
    }

    /// An answer that was true before the fault and is not any more.
    #[must_use]
    pub fn stale() -> Self {
        Self::word("stale")
    }

    /// It did not happen as long as the story watched.
    #[must_use]
    pub fn never() -> Self {
        Self::word("never")
    }

    /// An error by its name in the protocol, e.g. `NOT_ENOUGH_REPLICAS`.
    pub fn error(name: impl fmt::Display) -> Self {
        Self(format!("error {name}"))
    }

    /// What a value went through, e.g. `2 -> -1 -> 3`; repeated values count once.
    pub fn series<V: fmt::Display>(values: impl IntoIterator<Item = V>) -> Self {
        let mut steps: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        steps.dedup();
        Self(steps.join(" -> "))
    }

    /// Any other word.
    pub fn word(word: impl Into<String>) -> Self {
        Self(word.into())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_names_each_stay_once() {
        assert_eq!(Class::series([2, 2, -1, 3, 3]).as_str(), "2 -> -1 -> 3");
    }

    #[test]
    fn what_was_seen_survives_the_file() {
        let seen = Seen::class("E5", "metadata", Class::series([2, -1])).took(Duration::from_millis(9_200));
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Seen>(&text).unwrap(), seen);
    }
}
