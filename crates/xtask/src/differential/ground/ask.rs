//! Asking: one connection per request, so that a request that waits holds up no other; and whom to ask.

use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    FindCoordinatorRequest, MetadataRequest, MetadataResponse, OffsetForLeaderEpochRequest,
};
use kafka_protocol::protocol::{Request, StrBytes};
use lab::wire::Connection;

use super::super::normal;
use super::super::plan::{Epoch, Group, Part, To};
use super::{Case, Down};

/// How long an answer may take that nothing holds up; wide, because Apache's brokers share two cores with a compiler.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long a broker is asked that is known to be frozen.
const FROZEN_PATIENCE: Duration = Duration::from_millis(1_500);

/// The version of every Metadata request.
const METADATA: i16 = 12;

/// Asks at an address; the error is what a client makes of it.
pub(super) async fn ask_at<R: Request>(
    address: &str,
    version: i16,
    request: &R,
    patience: Duration,
) -> Result<R::Response, &'static str> {
    let mut connection = Connection::open(address).await.map_err(|_| "gone")?;
    connection.ask(version, request, patience).await.map_err(|error| normal::no_answer(&error))
}

impl Case<'_> {
    /// Asks a broker.
    pub(super) async fn ask<R: Request>(
        &self,
        broker: i32,
        version: i16,
        request: &R,
    ) -> Result<R::Response, &'static str> {
        ask_at(self.address(broker), version, request, self.patience(broker)).await
    }

    /// How long this broker's answer is waited for.
    pub(super) fn patience(&self, broker: i32) -> Duration {
        if self.broken.broker == Some((broker, Down::Frozen)) { FROZEN_PATIENCE } else { PATIENCE }
    }

    /// Where a broker listens; an id that no broker has listens nowhere.
    pub(super) fn address(&self, broker: i32) -> &str {
        self.addresses.get(&broker).map_or("127.0.0.1:1", String::as_str)
    }

    /// The brokers that run.
    pub(super) fn running(&self) -> Vec<i32> {
        let down = self.broken.broker.map(|(broker, _)| broker);
        self.addresses.keys().copied().filter(|broker| Some(*broker) != down).collect()
    }

    /// The first broker that runs.
    pub(super) fn any(&self) -> i32 {
        self.running().first().copied().unwrap_or(1)
    }

    /// What a broker says of a topic, or of all.
    pub(super) async fn view(&self, broker: i32, topic: Option<StrBytes>) -> Option<MetadataResponse> {
        let topics = topic.map(|name| vec![MetadataRequestTopic::default().with_name(Some(name.into()))]);
        self.ask(broker, METADATA, &MetadataRequest::default().with_topics(topics)).await.ok()
    }

    /// What a broker says of a partition.
    pub(super) async fn partition(&self, part: Part) -> Option<MetadataResponsePartition> {
        let view = self.view(self.any(), Some(self.topic_name(part.topic))).await?;
        let parts = view.topics.into_iter().flat_map(|topic| topic.partitions);
        parts.into_iter().find(|found| found.partition_index == part.index)
    }

    /// Whom to ask about a partition, and the epoch of its leader. Any broker where there is no leader.
    pub(super) async fn target(&self, part: Part, to: To) -> (i32, i32) {
        let found = self.partition(part).await;
        let (leader, epoch) = found.map_or((-1, 0), |found| (found.leader_id.0, found.leader_epoch));
        let running = self.running();
        let target = match to {
            To::Leader if leader > 0 => leader,
            To::Other if leader > 0 => {
                let after = running.iter().copied().find(|broker| *broker > leader);
                after.unwrap_or_else(|| self.any())
            }
            To::Leader | To::Other => self.any(),
        };
        (target, epoch)
    }

    /// The coordinator of a group, or what is said instead.
    pub(super) async fn coordinator(&self, group: StrBytes) -> Result<i32, String> {
        let request = FindCoordinatorRequest::default().with_key_type(0).with_coordinator_keys(vec![group]);
        let found = self.ask(self.any(), 4, &request).await?;
        let Some(found) = found.coordinators.first() else { return Err("no coordinator told".to_owned()) };
        match found.error_code {
            0 => Ok(found.node_id.0),
            code => Err(format!("coordinator {}", normal::error(code))),
        }
    }

    /// Asks the coordinator of a group.
    pub(super) async fn ask_coordinator<R: Request>(
        &self,
        group: Group,
        version: i16,
        request: &R,
    ) -> Result<R::Response, String> {
        let coordinator = self.coordinator(self.group_name(group)).await?;
        Ok(self.ask(coordinator, version, request).await?)
    }

    /// Where a partition's log ends on this broker, committed or not.
    pub(super) async fn log_end(&self, broker: i32, part: Part, epoch: i32) -> Option<i64> {
        use kafka_protocol::messages::offset_for_leader_epoch_request as wire;
        let asked = wire::OffsetForLeaderPartition::default()
            .with_partition(part.index)
            .with_current_leader_epoch(-1)
            .with_leader_epoch(epoch);
        let topic = wire::OffsetForLeaderTopic::default()
            .with_topic(self.topic_name(part.topic).into())
            .with_partitions(vec![asked]);
        let request =
            OffsetForLeaderEpochRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
        let told = self.ask(broker, 4, &request).await.ok()?;
        let told = told.topics.first()?.partitions.first()?;
        (told.error_code == 0).then_some(told.end_offset)
    }
}

/// An epoch as a request says it.
pub(super) fn epoch(right: i32, said: Epoch) -> i32 {
    match said {
        Epoch::Unsaid => -1,
        Epoch::Right => right,
        Epoch::Old => right - 1,
        Epoch::Future => right + 1,
    }
}
