//! Where a subject is asked about: a running cluster of three brokers, whatever it is made of.
//!
//! Invariants: every wait ends; two runs on one cluster do not meet (their topics and groups carry the run's name).

use std::time::Duration;

use anyhow::{Context, bail};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    BrokerId, CreateTopicsRequest, FindCoordinatorRequest, MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use lab::Broker;
use lab::wire::Connection;
use tokio::time::Instant;
use uuid::Uuid;

use super::calls::list_offsets;
use super::members::committed;
use super::words;

/// How long a single request may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// How long a new topic may take to be known by every broker.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// The replicas of a topic with three partitions: partition `p` is led by broker `p + 1`.
pub(super) const THREE: &[&[i32]] = &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]];

/// A running cluster: three brokers with the ids 1 to 3, replication factor 3, min ISR 2.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// Its brokers.
    pub(super) brokers: Vec<Broker>,
    /// What this run's topics and groups end with.
    pub(super) run: String,
}

impl Ground {
    /// As clients take it.
    pub(super) fn bootstrap(&self) -> String {
        self.brokers.iter().map(|broker| broker.address.as_str()).collect::<Vec<_>>().join(",")
    }

    /// A name of this run.
    pub(super) fn name(&self, stem: &str) -> String {
        format!("{stem}-{}", self.run)
    }

    /// A new connection to a broker.
    pub(super) async fn connect(&self, broker: i32) -> anyhow::Result<Connection> {
        let known = self.brokers.iter().find(|known| known.id == broker);
        let known = known.with_context(|| format!("the cluster has no broker {broker}"))?;
        Connection::open(&known.address)
            .await
            .with_context(|| format!("broker {broker} at {}", known.address))
    }

    /// Creates a topic with these replicas per partition, and waits until every broker knows its leaders.
    pub(super) async fn topic(
        &self,
        stem: &str,
        replicas: &[&[i32]],
        configs: &[(&str, &str)],
    ) -> anyhow::Result<Topic> {
        let name = self.name(stem);
        let assignments = (0..).zip(replicas).map(|(partition, brokers)| {
            CreatableReplicaAssignment::default()
                .with_partition_index(partition)
                .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
        });
        let configs = configs.iter().map(|(name, value)| {
            CreatableTopicConfig::default()
                .with_name(StrBytes::from_string((*name).to_owned()))
                .with_value(Some(StrBytes::from_string((*value).to_owned())))
        });
        let topic = CreatableTopic::default()
            .with_name(topic_name(&name))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(assignments.collect())
            .with_configs(configs.collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(15_000);
        let answer = self.connect(1).await?.ask(7, &request, PATIENCE).await?;
        let created = answer.topics.first().context("an answer for the topic")?;
        if created.error_code != 0 {
            bail!("topic {name} was not created: {}", words::error(created.error_code));
        }
        let topic = Topic { name, id: created.topic_id };
        self.settled(&topic, replicas).await?;
        Ok(topic)
    }

    /// Waits until every broker says that partition `p` is led by the first of its replicas, all in sync, and the
    /// leaders serve.
    async fn settled(&self, topic: &Topic, replicas: &[&[i32]]) -> anyhow::Result<()> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        let wanted: Vec<(i32, usize)> =
            replicas.iter().map(|brokers| (brokers.first().copied().unwrap_or(-1), brokers.len())).collect();
        for broker in &self.brokers {
            let mut connection = self.connect(broker.id).await?;
            while leaders(&mut connection, &topic.name).await? != wanted
                || !self.serves(&mut connection, broker.id, topic, &wanted).await?
            {
                if Instant::now() > deadline {
                    bail!("broker {} does not know the leaders of {}", broker.id, topic.name);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// Whether a broker serves what it leads: it may know of it a little earlier.
    async fn serves(
        &self,
        connection: &mut Connection,
        broker: i32,
        topic: &Topic,
        leaders: &[(i32, usize)],
    ) -> anyhow::Result<bool> {
        let led = (0..).zip(leaders).filter(|(_, (leader, _))| *leader == broker);
        for (partition, _) in led {
            if list_offsets(connection, &topic.name, partition, -1, -1).await?.error_code != 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until every broker sees all of them, and the topic of the groups' offsets is served.
    pub(super) async fn settle(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        for broker in &self.brokers {
            let mut connection = self.connect(broker.id).await?;
            let request = MetadataRequest::default().with_topics(Some(Vec::new()));
            while connection.ask(12, &request, PATIENCE).await?.brokers.len() != self.brokers.len() {
                if Instant::now() > deadline {
                    bail!("broker {} does not see all brokers", broker.id);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        self.coordinator(&self.name("settles")).await.map(drop)
    }

    /// A connection to the coordinator of a group, when it has loaded the group.
    pub(super) async fn coordinator(&self, group: &str) -> anyhow::Result<Connection> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        let mut refusal = 0;
        while Instant::now() < deadline {
            let mut connection = self.connect(1).await?;
            let key = StrBytes::from_string(group.to_owned());
            let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![key]);
            let answer = connection.ask(4, &request, PATIENCE).await?;
            let found = answer.coordinators.first().context("an answer for the group")?;
            refusal = found.error_code;
            if refusal == 0 {
                let mut connection = self.connect(found.node_id.0).await?;
                match committed(&mut connection, group, None).await? {
                    Ok(_) => return Ok(connection),
                    Err(code) => refusal = code,
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("group {group} has no coordinator: {}", words::error(refusal))
    }
}

/// A topic of this run.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    /// Its name.
    pub(super) name: String,
    /// Its id.
    pub(super) id: Uuid,
}

pub(super) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// Per partition the leader and the size of the in-sync set, as a broker says them.
pub(super) async fn leaders(connection: &mut Connection, topic: &str) -> anyhow::Result<Vec<(i32, usize)>> {
    let asked = MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
    let request = MetadataRequest::default().with_topics(Some(vec![asked]));
    let answer = connection.ask(12, &request, PATIENCE).await?;
    let topic = answer.topics.first().context("an answer for the topic")?;
    let mut partitions: Vec<_> = topic.partitions.iter().collect();
    partitions.sort_by_key(|partition| partition.partition_index);
    Ok(partitions.iter().map(|partition| (partition.leader_id.0, partition.isr_nodes.len())).collect())
}
