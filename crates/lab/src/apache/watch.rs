//! What Apache Kafka does about the faults: leaders, in-sync sets and fenced brokers, as brokers' metadata shows them.
//!
//! One broker is asked every [`EVERY`] for as long as it answers, then the next. What is noted is therefore what a
//! client could know: under a frozen controller the metadata stays as it was, and so does the timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cluster::{BrokerId, Change, TopicPartition};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use tokio_util::task::AbortOnDropHandle;

use crate::timeline::{Timeline, What};
use crate::wire::{Connection, WireError};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(200);
/// For one answer.
const ASK: Duration = Duration::from_secs(1);
/// All topics, with leader epochs.
const VERSION: i16 = 9;

/// Watches until it is dropped.
pub(super) fn start(addresses: Vec<String>, timeline: Timeline) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut seen = None;
        for address in addresses.iter().cycle() {
            if let Ok(mut connection) = Connection::open(address).await {
                // Its end is the reason to ask another one.
                drop(follow(&mut connection, &mut seen, &timeline).await);
            }
            tokio::time::sleep(EVERY).await;
        }
    }))
}

async fn follow(
    connection: &mut Connection,
    seen: &mut Option<View>,
    timeline: &Timeline,
) -> Result<(), WireError> {
    loop {
        let request = MetadataRequest::default().with_topics(None);
        let now = View::from(&connection.ask(VERSION, &request, ASK).await?);
        if let Some(before) = seen.replace(now.clone()) {
            now.changes_since(&before).into_iter().for_each(|change| timeline.note(What::Cluster(change)));
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What a broker's metadata says.
#[derive(Debug, Clone, Default)]
struct View {
    brokers: BTreeSet<BrokerId>,
    partitions: BTreeMap<TopicPartition, Partition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Partition {
    leader: Option<BrokerId>,
    epoch: i32,
    isr: Vec<BrokerId>,
}

impl View {
    /// Topics that are new or gone are no change of the cluster's own.
    fn changes_since(&self, before: &Self) -> Vec<Change> {
        let fenced = before.brokers.symmetric_difference(&self.brokers);
        let mut changes: Vec<Change> = fenced
            .map(|broker| Change::Fenced { broker: *broker, fenced: before.brokers.contains(broker) })
            .collect();
        for (name, now) in &self.partitions {
            let Some(was) = before.partitions.get(name) else { continue };
            let partition = name.clone();
            if was.isr != now.isr {
                changes.push(Change::Isr { partition: partition.clone(), isr: now.isr.clone() });
            }
            if was.leader != now.leader {
                changes.push(Change::Leader { partition, leader: now.leader, epoch: now.epoch });
            }
        }
        changes
    }
}

impl From<&MetadataResponse> for View {
    fn from(answer: &MetadataResponse) -> Self {
        let mut partitions = BTreeMap::new();
        for topic in &answer.topics {
            let name: Arc<str> = topic.name.as_ref().map_or("", |name| name.as_str()).into();
            for one in &topic.partitions {
                let at = TopicPartition { topic: Arc::clone(&name), partition: one.partition_index };
                let leader = (one.leader_id.0 >= 0).then_some(BrokerId(one.leader_id.0));
                let isr = one.isr_nodes.iter().map(|node| BrokerId(node.0)).collect();
                partitions.insert(at, Partition { leader, epoch: one.leader_epoch, isr });
            }
        }
        Self { brokers: answer.brokers.iter().map(|one| BrokerId(one.node_id.0)).collect(), partitions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(topic: &str) -> TopicPartition {
        TopicPartition { topic: topic.into(), partition: 0 }
    }

    fn view(brokers: &[i32], leader: Option<i32>, isr: &[i32]) -> View {
        let isr = isr.iter().copied().map(BrokerId).collect();
        let partition = Partition { leader: leader.map(BrokerId), epoch: 1, isr };
        View {
            brokers: brokers.iter().copied().map(BrokerId).collect(),
            partitions: [(at("t"), partition)].into(),
        }
    }

    #[test]
    fn a_lost_broker_shows_as_fenced_with_what_follows_for_its_partitions() {
        let (before, after) = (view(&[1, 2], Some(2), &[2, 1]), view(&[1], Some(1), &[1]));
        let expected = vec![
            Change::Fenced { broker: BrokerId(2), fenced: true },
            Change::Isr { partition: at("t"), isr: vec![BrokerId(1)] },
            Change::Leader { partition: at("t"), leader: Some(BrokerId(1)), epoch: 1 },
        ];
        assert_eq!(after.changes_since(&before), expected);
    }

    #[test]
    fn a_new_topic_is_no_change() {
        let before = View { partitions: BTreeMap::new(), ..view(&[1], None, &[]) };
        assert_eq!(view(&[1], Some(1), &[1]).changes_since(&before), []);
    }
}
