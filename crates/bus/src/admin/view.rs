//! What a broker's metadata says, as plain values.

use std::time::Duration;

use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};

use super::error::AdminError;

/// What a broker's metadata says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// The ids of the brokers that are alive.
    pub brokers: Vec<i32>,
    /// All topics.
    pub topics: Vec<TopicView>,
}

/// A topic in the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicView {
    /// Its name.
    pub name: String,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionView>,
}

/// A partition in the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionView {
    /// Its number.
    pub partition: i32,
    /// The broker that leads it, if any.
    pub leader: Option<i32>,
    /// The brokers that hold it.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
}

impl ClusterView {
    /// The topic called `name`.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&TopicView> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The first of `topics` that is not complete.
    pub(super) fn missing(&self, topics: &[(&str, usize)], after: Duration) -> Option<AdminError> {
        topics.iter().find_map(|&(name, partitions)| {
            let leaders = self.topic(name).map_or(0, TopicView::leaders);
            let topic = name.to_owned();
            (leaders < partitions).then_some(AdminError::NotReady { topic, after, leaders, partitions })
        })
    }
}

impl TopicView {
    /// How many partitions have a leader.
    #[must_use]
    pub fn leaders(&self) -> usize {
        self.partitions.iter().filter(|partition| partition.leader.is_some()).count()
    }
}

impl From<&Metadata> for ClusterView {
    fn from(metadata: &Metadata) -> Self {
        let mut brokers: Vec<_> = metadata.brokers().iter().map(|broker| broker.id()).collect();
        brokers.sort_unstable();
        Self { brokers, topics: metadata.topics().iter().map(TopicView::from).collect() }
    }
}

impl From<&MetadataTopic> for TopicView {
    fn from(topic: &MetadataTopic) -> Self {
        let mut partitions: Vec<_> = topic.partitions().iter().map(PartitionView::from).collect();
        partitions.sort_unstable_by_key(|partition| partition.partition);
        Self { name: topic.name().to_owned(), partitions }
    }
}

impl From<&MetadataPartition> for PartitionView {
    fn from(partition: &MetadataPartition) -> Self {
        Self {
            partition: partition.id(),
            leader: (partition.leader() >= 0).then_some(partition.leader()),
            replicas: partition.replicas().to_vec(),
            isr: partition.isr().to_vec(),
        }
    }
}
