//! Leader -1 on chosen partitions of Apache Kafka, which has no lever for it.
//!
//! The partitions are moved to one broker alone (`AlterPartitionReassignments`), which then shuts down in order: their
//! only replica is gone, and the controller says leader -1 (E5). Other partitions that it led move on without a wait. The
//! way back: the broker starts, and the partitions are moved back to where they were.
//!
//! Invariants: one broker at a time is down for this, so that the others keep a majority; a second set of partitions
//! is refused until the first has its leaders back. Giving leaders back to some of the partitions gives them back to
//! all: they share the broker.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::{BrokerId, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::time::Instant;

use super::process::Life;
use super::{Apache, Running, ready};
use crate::faults::FaultError;
use crate::wire::Connection;

/// (topic, index).
type Partition = (String, i32);
/// Where replicas are, the preferred leader first.
type Assignment = BTreeMap<Partition, Vec<i32>>;

const VERSION: i16 = 0;
/// Moving a few megabytes on loopback takes a second; a frozen controller takes for ever.
const MOVE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// Partitions that have no leader because of us.
#[derive(Debug)]
pub(super) struct Stripped {
    broker: i32,
    before: Assignment,
}

impl Apache {
    pub(super) async fn take_leaders(&self, partitions: Vec<Partition>) -> Result<(), FaultError> {
        let mut stripped = self.stripped.lock().await;
        if let Some(stripped) = &*stripped {
            return if partitions.iter().all(|one| stripped.before.contains_key(one)) {
                Ok(())
            } else {
                Err(FaultError::Failed(format!(
                    "broker {} is down for partitions that have no leader already; restore those first",
                    stripped.broker
                )))
            };
        }
        let running = self.nodes.iter().rev().find(|one| one.node.life() == Life::Running);
        let broker = running.ok_or_else(|| FaultError::Failed("no broker runs".to_owned()))?;
        let before = self.assignment(&partitions).await?;
        let alone = before.keys().map(|one| (one.clone(), vec![broker.id])).collect();
        // Remembered first: what fails halfway can be taken back.
        *stripped = Some(Stripped { broker: broker.id, before });
        self.reassign(&alone).await?;
        self.until(&partitions, "alone on one broker", |view| view.replicas == [broker.id]).await?;
        broker.node.terminate().map_err(failed)?;
        self.until(&partitions, "without a leader", |view| view.leader.is_none()).await?;
        // To its clean end: a replica that was alone and comes back from a crash would not be elected again.
        self.until_gone(broker).await
    }

    pub(super) async fn give_leaders_back(&self) -> Result<(), FaultError> {
        let mut stripped = self.stripped.lock().await;
        let Some(Stripped { broker, before }) = &*stripped else { return Ok(()) };
        if let Some(node) = self.broker(*broker) {
            node.start().map_err(failed)?;
        }
        // Kafka 4.3 answers UNKNOWN_SERVER_ERROR to a move of a partition without a leader.
        let partitions: Vec<Partition> = before.keys().cloned().collect();
        self.until(&partitions, "led again", |view| view.leader.is_some()).await?;
        self.reassign(before).await?;
        *stripped = None;
        Ok(())
    }

    /// Waits for a broker that is shutting down, if it is.
    pub(super) async fn until_gone(&self, broker: &Running) -> Result<(), FaultError> {
        let until = Instant::now() + MOVE;
        while broker.node.life() == Life::Leaving {
            if Instant::now() >= until {
                return Err(FaultError::Failed(format!("broker {} does not shut down", broker.id)));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn assignment(&self, partitions: &[Partition]) -> Result<Assignment, FaultError> {
        let view = self.admin.cluster(ready::ASK).await.map_err(failed)?;
        let find = |(topic, index): &Partition| {
            let partitions = &view.topic(topic)?.partitions;
            let found = partitions.iter().find(|partition| partition.partition == *index)?;
            Some(((topic.clone(), *index), found.replicas.clone()))
        };
        Ok(partitions.iter().filter_map(find).collect())
    }

    async fn reassign(&self, to: &Assignment) -> Result<(), FaultError> {
        let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
        for ((topic, index), replicas) in to {
            let replicas = replicas.iter().copied().map(BrokerId).collect();
            let partition =
                ReassignablePartition::default().with_partition_index(*index).with_replicas(Some(replicas));
            topics.entry(topic).or_default().push(partition);
        }
        let topics = topics.into_iter().map(|(name, partitions)| {
            let name = TopicName(StrBytes::from_string(name.to_owned()));
            ReassignableTopic::default().with_name(name).with_partitions(partitions)
        });
        let millis = i32::try_from(MOVE.as_millis()).unwrap_or(i32::MAX);
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(millis)
            .with_topics(topics.collect());
        let answer = self.connect().await?.ask(VERSION, &request, MOVE).await.map_err(failed)?;
        let refused = answer.responses.iter().flat_map(|topic| &topic.partitions);
        let refused = refused.map(|partition| partition.error_code).find(|code| *code != 0);
        match (answer.error_code, refused) {
            (0, None) => Ok(()),
            (0, Some(code)) | (code, _) => {
                Err(FaultError::Failed(format!("the partitions cannot be moved: error {code}")))
            }
        }
    }

    /// A connection to a broker that runs.
    async fn connect(&self) -> Result<Connection, FaultError> {
        let mut last = FaultError::Failed("no broker runs".to_owned());
        for (running, broker) in self.nodes.iter().zip(&self.brokers) {
            if running.node.life() == Life::Running {
                match Connection::open(&broker.address).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) => last = failed(error),
                }
            }
        }
        Err(last)
    }

    async fn until(
        &self,
        partitions: &[Partition],
        what: &str,
        holds: impl Fn(&bus::PartitionView) -> bool,
    ) -> Result<(), FaultError> {
        let until = Instant::now() + MOVE;
        loop {
            let view = self.admin.cluster(ready::ASK).await.unwrap_or_default();
            let all = partitions.iter().all(|(topic, index)| {
                let found = view.topic(topic).and_then(|topic| {
                    topic.partitions.iter().find(|partition| partition.partition == *index)
                });
                found.is_some_and(&holds)
            });
            if all {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(FaultError::Failed(format!(
                    "after {MOVE:?} the partitions are not where they should be: {what}"
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn failed(error: impl std::fmt::Display) -> FaultError {
    FaultError::Failed(error.to_string())
}
