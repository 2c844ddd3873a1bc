//! Topics to create.

use rdkafka::admin::{NewTopic as NativeTopic, TopicReplication};

/// Where the replicas of a new topic go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// So many partitions with so many replicas each; the controller chooses the brokers.
    Spread {
        /// Partitions.
        partitions: i32,
        /// Replicas of each.
        replication: i32,
    },
    /// The brokers of each partition, the preferred leader first.
    Explicit(Vec<Vec<i32>>),
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Its replicas.
    pub placement: Placement,
    /// Its settings, such as `min.insync.replicas`.
    pub config: Vec<(String, String)>,
}

impl NewTopic {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A topic without settings.
    pub fn new(name: impl Into<String>, placement: Placement) -> Self {
        Self { name: name.into(), placement, config: Vec::new() }
    }

    /// The same with a setting.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }

    pub(super) fn replicas(&self) -> Vec<&[i32]> {
        match &self.placement {
            Placement::Spread { .. } => Vec::new(),
            Placement::Explicit(partitions) => partitions.iter().map(Vec::as_slice).collect(),
        }
    }

    pub(super) fn native<'a>(&'a self, replicas: &'a [&'a [i32]]) -> NativeTopic<'a> {
        let (partitions, replication) = match self.placement {
            Placement::Spread { partitions, replication } => {
                (partitions, TopicReplication::Fixed(replication))
            }
            Placement::Explicit(_) => {
                (i32::try_from(replicas.len()).unwrap_or(i32::MAX), TopicReplication::Variable(replicas))
            }
        };
        let topic = NativeTopic::new(&self.name, partitions, replication);
        self.config.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
    }
}
