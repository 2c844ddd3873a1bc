//! Requests about one partition, so that a subject's cell is a line.
//!
//! Versions: the highest that name topics by name and that both kinds of cluster serve, unless a call says otherwise.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    BrokerId, FetchRequest, InitProducerIdRequest, ListOffsetsRequest, ProduceRequest, ProducerId,
};
use lab::wire::{Connection, Producer, WireError};

use super::ground::{PATIENCE, topic_name};

/// How long a broker may wait for the in-sync replicas, in milliseconds.
const PRODUCE_TIMEOUT_MS: i32 = 10_000;

/// As much as a broker gives for one partition, in bytes.
const FETCH_BYTES: i32 = 32 * 1024 * 1024;

/// A produce request for one partition.
pub(super) fn produce_request(
    topic: &str,
    partition: i32,
    acks: i16,
    records: Option<Bytes>,
) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(records);
    let data = TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(PRODUCE_TIMEOUT_MS).with_topic_data(vec![data])
}

/// Produces bytes to one partition.
pub(super) async fn produce(
    connection: &mut Connection,
    topic: &str,
    partition: i32,
    acks: i16,
    records: Bytes,
) -> Result<PartitionProduceResponse, WireError> {
    let request = produce_request(topic, partition, acks, Some(records));
    let answer = connection.ask(9, &request, PATIENCE).await?;
    let parts = answer.responses.into_iter().flat_map(|topic| topic.partition_responses);
    parts.last().ok_or_else(nothing_said)
}

/// How a partition is read.
#[derive(Debug, Clone)]
pub(super) struct Read<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// The leader epoch that the reader believes in, -1 for none.
    pub(super) epoch: i32,
    pub(super) max_wait: Duration,
    pub(super) min_bytes: i32,
    pub(super) max_bytes: i32,
}

impl<'a> Read<'a> {
    /// At once, whatever is there.
    pub(super) fn from(topic: &'a str, partition: i32, offset: i64) -> Self {
        let max_wait = Duration::ZERO;
        Self { topic, partition, offset, epoch: -1, max_wait, min_bytes: 1, max_bytes: FETCH_BYTES }
    }

    pub(super) fn request(&self) -> FetchRequest {
        let part = FetchPartition::default()
            .with_partition(self.partition)
            .with_current_leader_epoch(self.epoch)
            .with_fetch_offset(self.offset)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(self.max_bytes);
        let topic = FetchTopic::default().with_topic(topic_name(self.topic)).with_partitions(vec![part]);
        FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(i32::try_from(self.max_wait.as_millis()).unwrap_or(i32::MAX))
            .with_min_bytes(self.min_bytes)
            .with_max_bytes(FETCH_BYTES)
            // No session: each request names all that it reads.
            .with_session_epoch(-1)
            .with_topics(vec![topic])
    }
}

/// Reads one partition.
pub(super) async fn fetch(connection: &mut Connection, read: &Read<'_>) -> Result<PartitionData, WireError> {
    let answer = connection.ask(12, &read.request(), PATIENCE).await?;
    let parts = answer.responses.into_iter().flat_map(|topic| topic.partitions);
    parts.last().ok_or_else(nothing_said)
}

/// Asks for an offset by time; -1 is the latest, -2 the earliest, -3 that of the largest timestamp.
pub(super) async fn list_offsets(
    connection: &mut Connection,
    topic: &str,
    partition: i32,
    timestamp: i64,
    epoch: i32,
) -> Result<ListOffsetsPartitionResponse, WireError> {
    let part = ListOffsetsPartition::default()
        .with_partition_index(partition)
        .with_current_leader_epoch(epoch)
        .with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![part]);
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let answer = connection.ask(7, &request, PATIENCE).await?;
    let parts = answer.topics.into_iter().flat_map(|topic| topic.partitions);
    parts.last().ok_or_else(nothing_said)
}

/// A new idempotent producer, about to write its first record.
pub(super) async fn new_producer(connection: &mut Connection) -> anyhow::Result<Producer> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = connection.ask(4, &request, PATIENCE).await?;
        match answer.error_code {
            0 => return Ok(Producer { id: answer.producer_id.0, epoch: answer.producer_epoch, sequence: 0 }),
            // The first block of ids is still on its way from the controller.
            _ if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await
            }
            code => return Err(anyhow::anyhow!(super::words::error(code))).context("no producer id"),
        }
    }
}

/// An answer that does not speak of what was asked.
fn nothing_said() -> WireError {
    WireError::Decode { version: -1, reason: "the answer has no partition".to_owned() }
}
