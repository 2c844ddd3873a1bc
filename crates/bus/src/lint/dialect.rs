//! Which client a set of properties is written for.

use std::fmt;
use std::str::FromStr;

use super::known::Table;

/// The client that reads the properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// librdkafka and what is built on it: rdkafka, confluent-kafka for Python, Go and .NET, kcat.
    Librdkafka,
    /// The Java client and what is built on it: Kafka Streams, Connect, Spring.
    Java,
}

impl Dialect {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Librdkafka, Self::Java];

    /// Its name, as [`FromStr`] takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Librdkafka => "librdkafka",
            Self::Java => "java",
        }
    }

    /// The dialect that knows more of `keys`; `None` when both know as many.
    pub(super) fn recognised<'a>(keys: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let known = |dialect| keys.clone().filter(|key| Table::of(dialect).get(key).is_some()).count();
        match known(Self::Librdkafka).cmp(&known(Self::Java)) {
            std::cmp::Ordering::Greater => Some(Self::Librdkafka),
            std::cmp::Ordering::Less => Some(Self::Java),
            std::cmp::Ordering::Equal => None,
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Librdkafka => Self::Java,
            Self::Java => Self::Librdkafka,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|dialect| dialect.name() == text);
        named.ok_or_else(|| format!("`{text}` is neither `librdkafka` nor `java`"))
    }
}
