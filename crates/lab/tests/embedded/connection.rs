//! The client with nothing in between.

use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiVersionsRequest, BrokerId, FetchRequest, FetchResponse, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use lab::Lab as _;
use lab::embedded::Embedded;
use lab::wire::{Batch, Connection, Entry, WireError, corrupt, decode};

use super::{PATIENCE, small};

async fn connected(lab: &Embedded) -> Connection {
    let brokers = lab.brokers();
    let address = &brokers.first().expect("a broker").address;
    Connection::open(address).await.expect("a connection")
}

fn produce(batch: bytes::Bytes) -> ProduceRequest {
    let partition = PartitionProduceData::default().with_index(0).with_records(Some(batch));
    let topic = TopicProduceData::default().with_name(orders()).with_partition_data(vec![partition]);
    ProduceRequest::default().with_acks(1).with_timeout_ms(1_000).with_topic_data(vec![topic])
}

fn fetch(wait: Duration) -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(orders()).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_max_wait_ms(i32::try_from(wait.as_millis()).expect("a short wait"))
        .with_topics(vec![topic])
}

fn orders() -> TopicName {
    TopicName(StrBytes::from_static_str("orders"))
}

fn records(response: &FetchResponse) -> Vec<(Option<bytes::Bytes>, Option<bytes::Bytes>)> {
    let partition = &response.responses[0].partitions[0];
    let records = decode(partition.records.as_ref().expect("records")).expect("whole batches");
    records.into_iter().map(|record| (record.key, record.value)).collect()
}

#[tokio::test]
async fn records_made_by_hand_come_back_as_they_were() {
    let lab = small().await;
    let mut connection = connected(&lab).await;
    let keyed = Entry { key: Some("k".into()), ..Entry::value("a") };
    let batch = Batch::of([keyed, Entry::default(), Entry::value("")]).encode().expect("a batch");
    let mut leader = connected_to_leader(&lab).await;
    let produced = leader.ask(8, &produce(batch.clone()), PATIENCE).await.expect("an answer");
    assert_eq!(produced.responses[0].partition_responses[0].error_code, 0);
    let refused = leader.ask(8, &produce(corrupt(&batch)), PATIENCE).await.expect("an answer");
    assert_eq!(refused.responses[0].partition_responses[0].error_code, 2, "corrupt message");
    super::eventually("the high watermark moves", async || {
        let fetched = leader.ask(11, &fetch(Duration::ZERO), PATIENCE).await.expect("an answer");
        let expected = vec![(Some("k".into()), Some("a".into())), (None, None), (None, Some("".into()))];
        (records(&fetched) == expected).then_some(())
    })
    .await;
    let versions = connection.ask(2, &ApiVersionsRequest::default(), PATIENCE).await.expect("an answer");
    assert!(!versions.api_keys.is_empty());
}

#[tokio::test]
async fn a_late_answer_is_not_taken_for_the_next_one() {
    let lab = small().await;
    let mut leader = connected_to_leader(&lab).await;
    let late = leader.ask(11, &fetch(Duration::from_secs(1)), Duration::from_millis(50)).await;
    assert!(matches!(late, Err(WireError::TimedOut(_))), "{late:?}");
    let versions = leader.ask(2, &ApiVersionsRequest::default(), PATIENCE).await.expect("an answer");
    assert!(!versions.api_keys.is_empty());
}

#[tokio::test]
async fn bytes_that_are_no_request_end_the_connection() {
    let lab = small().await;
    let mut connection = connected(&lab).await;
    let answer = connection.ask_raw(b"\xff\xff\xff\xff", PATIENCE).await;
    assert!(matches!(answer, Err(WireError::Closed)), "{answer:?}");
}

/// The broker that takes records for partition 0.
async fn connected_to_leader(lab: &Embedded) -> Connection {
    let probe = Batch::of([Entry::value("probe")]).encode().expect("a batch");
    let mut probe = produce(corrupt(&probe));
    probe.timeout_ms = 1;
    for broker in lab.brokers() {
        let mut connection = Connection::open(&broker.address).await.expect("a connection");
        let answer = connection.ask(8, &probe, PATIENCE).await.expect("an answer");
        // Not the leader: 6. The leader looks at the batch: 2.
        if answer.responses[0].partition_responses[0].error_code == 2 {
            return connection;
        }
    }
    panic!("no broker leads");
}
