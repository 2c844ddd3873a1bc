//! Metadata: what the controller published last, which is what every broker tells, however old it is.

use crate::api::*;
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::partition::{Pid, Topic};

impl Cluster {
    pub(crate) fn cluster_view(&self) -> ClusterView {
        let alive = self.brokers.iter().filter(|broker| !broker.fenced);
        let brokers: Vec<_> = alive.map(|broker| (broker.id, broker.zone.clone())).collect();
        // Any live broker forwards to the controller; the first one makes the answer repeatable.
        let controller = brokers.first().map_or(-1, |(id, _)| id.0);
        ClusterView { cluster_id: self.id.clone(), controller, brokers }
    }

    pub(crate) fn metadata(&self, asked: Option<Vec<TopicRef>>) -> MetadataView {
        let topics = match asked {
            None => self.topics.iter().map(|(name, topic)| self.topic_view(name, topic)).collect(),
            Some(asked) => asked.into_iter().map(|topic| self.asked_topic(topic)).collect(),
        };
        MetadataView { cluster: self.cluster_view(), topics }
    }

    fn asked_topic(&self, asked: TopicRef) -> TopicView {
        let unknown =
            |error, name, id| TopicView { error, name, id, internal: false, partitions: Vec::new() };
        match asked {
            TopicRef::Name(name) => match self.topics.get(&name) {
                Some(topic) => self.topic_view(&name, topic),
                None if !crate::topics::is_legal_name(&name) => {
                    unknown(ErrorCode::InvalidTopicException, Some(name), 0)
                }
                None => unknown(ErrorCode::UnknownTopicOrPartition, Some(name), 0),
            },
            TopicRef::Id(id) => {
                match self.topic_ids.get(&id).and_then(|name| self.topics.get_key_value(name)) {
                    Some((name, topic)) => self.topic_view(name, topic),
                    None => unknown(ErrorCode::UnknownTopicId, None, id),
                }
            }
        }
    }

    fn topic_view(&self, name: &TopicName, topic: &Topic) -> TopicView {
        TopicView {
            error: ErrorCode::None,
            name: Some(name.clone()),
            id: topic.id,
            internal: topic.internal,
            partitions: topic.partitions.iter().filter_map(|pid| self.partition_view(*pid)).collect(),
        }
    }

    fn partition_view(&self, pid: Pid) -> Option<PartitionView> {
        let partition = self.partitions.get(&pid)?;
        let replicas = partition.assignment();
        let offline =
            replicas.iter().copied().filter(|id| self.broker(*id).is_none_or(|b| b.fenced)).collect();
        let error = if partition.leader.is_some() { ErrorCode::None } else { ErrorCode::LeaderNotAvailable };
        Some(PartitionView {
            error,
            partition: partition.name.partition,
            leader: partition.leader,
            epoch: partition.epoch,
            replicas,
            isr: partition.isr.clone(),
            offline,
        })
    }
}
