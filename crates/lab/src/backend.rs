//! The kinds of clusters there are to break.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// What a cluster is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// The state machine behind the Kafka protocol, in this process.
    Embedded,
    /// Apache Kafka, as child processes.
    Apache,
}

impl Backend {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::Apache];

    /// Its name, as in results and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Apache => "apache",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        let found = Self::ALL.into_iter().find(|backend| backend.name() == name);
        found.ok_or_else(|| UnknownBackend(name.to_owned()))
    }
}

/// There is no such kind of cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of cluster (allowed: embedded, apache)")]
pub struct UnknownBackend(String);
