//! The ground a story is played on: a fresh cluster, its topics, and what each partition stands for.
//!
//! Broker [`BROKEN`] is the one that breaks. Partition `p` of every topic is led by broker `p + 1`, on every backend,
//! because the replicas are assigned by hand; `__consumer_offsets` too, where the cluster does not have it already.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lab::Lab;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use tokio::sync::RwLock;

use super::cell::{Class, Seen};
use super::probes::clients;

/// The broker that breaks.
pub const BROKEN: i32 = 2;

/// Partitions of `__consumer_offsets`, on every backend.
pub const OFFSETS_PARTITIONS: i32 = 6;

/// How long the creation of the topics may take.
const CREATE_WITHIN: Duration = Duration::from_secs(20);

/// A partition that stands for its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// Its topic.
    pub topic: &'static str,
    /// Its index.
    pub partition: i32,
    /// Who leads it before anything breaks.
    pub leader: i32,
    /// How many replicas it has.
    pub replicas: usize,
}

/// One partition of every kind: led by the broken broker or by a healthy one, with three, two and one replicas.
pub const ROLES: [Role; 6] = [
    Role { topic: "t", partition: 1, leader: 2, replicas: 3 },
    Role { topic: "t", partition: 0, leader: 1, replicas: 3 },
    Role { topic: "pair", partition: 1, leader: 2, replicas: 2 },
    Role { topic: "pair", partition: 0, leader: 1, replicas: 2 },
    Role { topic: "solo", partition: 1, leader: 2, replicas: 1 },
    Role { topic: "solo", partition: 0, leader: 1, replicas: 1 },
];

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A running cluster in one story.
#[derive(Debug)]
pub struct Ground {
    /// The story's name.
    pub story: &'static str,
    /// The cluster.
    pub lab: Box<dyn Lab>,
    /// Held to read while times are measured that a start of another cluster would stretch.
    pub quiet: Arc<RwLock<()>>,
}

impl Ground {
    /// An answer to a question of this story.
    pub fn seen(&self, cell: impl Into<String>, class: Class) -> Seen {
        Seen::class(self.story, cell, class)
    }

    /// Where a broker listens.
    ///
    /// # Panics
    /// If there is no such broker: the stories know their clusters.
    #[must_use]
    pub fn address(&self, broker: i32) -> String {
        let found = self.lab.brokers().into_iter().find(|known| known.id == broker);
        found.expect("stories speak of brokers 1 to 3").address
    }

    /// Creates the topics, each replica where it belongs.
    ///
    /// # Errors
    /// Names the topic that was not created, and why.
    pub async fn lay_out(&self, offsets_replicas: usize) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = clients::plain(&self.lab.bootstrap()).create()?;
        let options = AdminOptions::new().request_timeout(Some(CREATE_WITHIN));
        self.create(
            &admin,
            &options,
            "__consumer_offsets",
            OFFSETS_PARTITIONS,
            offsets_replicas,
            &[("cleanup.policy", "compact")],
        )
        .await?;
        self.create(&admin, &options, "t", 3, 3, &[]).await?;
        self.create(&admin, &options, "pair", 3, 2, &[("min.insync.replicas", "1")]).await?;
        self.create(&admin, &options, "solo", 3, 1, &[("min.insync.replicas", "1")]).await
    }

    async fn create(
        &self,
        admin: &AdminClient<DefaultClientContext>,
        options: &AdminOptions,
        name: &str,
        partitions: i32,
        replicas: usize,
        configs: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let assigned: Vec<Vec<i32>> = (0..partitions).map(|index| assigned(index, replicas)).collect();
        let assigned: Vec<&[i32]> = assigned.iter().map(Vec::as_slice).collect();
        let topic = NewTopic::new(name, partitions, TopicReplication::Variable(&assigned));
        let topic = configs.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let created = admin.create_topics([&topic], options).await.context("creating topics")?;
        match created.into_iter().next() {
            Some(Ok(_)) => Ok(()),
            // The embedded cluster is born with it, laid out alike.
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) if name.starts_with("__") => Ok(()),
            Some(Err((_, error))) => bail!("topic {name} was not created: {error:?}"),
            None => bail!("no answer about topic {name}"),
        }
    }
}

/// The replicas of a partition: its leader, then the others, in turn and from partition 3 on the other way round, as
/// the embedded cluster lays its offsets topic out.
fn assigned(index: i32, replicas: usize) -> Vec<i32> {
    let step = if index < 3 { 1 } else { 2 };
    (0..3).map(|next| (index + next * step) % 3 + 1).take(replicas).collect()
}

/// The `__consumer_offsets` partition of a group: Java's `String.hashCode`, made positive.
///
/// Source: Kafka's `GroupCoordinator.partitionFor`.
#[must_use]
pub fn offsets_partition(group: &str) -> i32 {
    let hash =
        group.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0) % OFFSETS_PARTITIONS
}

/// A group id that begins with `stem` and is coordinated by `broker` while nothing is broken, and after it by the next
/// broker: its offsets partition is one of the first three, whose replicas are in the same order on every backend.
#[must_use]
pub fn group_on(broker: i32, stem: &str) -> String {
    let on_broker = |id: &String| offsets_partition(id) + 1 == broker;
    let mut ids = (0..).map(|n| format!("{stem}-{n}"));
    ids.find(on_broker).expect("the ids are endless")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_p_is_led_by_broker_p_plus_one() {
        assert_eq!(assigned(1, 3), [2, 3, 1]);
        assert_eq!(assigned(2, 2), [3, 1]);
        assert_eq!(assigned(4, 3), [2, 1, 3]);
        assert!(ROLES.iter().all(|role| assigned(role.partition, role.replicas)[0] == role.leader));
    }

    #[test]
    fn a_group_is_found_for_every_broker() {
        for broker in 1..=3 {
            assert_eq!(offsets_partition(&group_on(broker, "g")) + 1, broker);
        }
    }
}
