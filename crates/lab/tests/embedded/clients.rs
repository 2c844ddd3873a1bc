//! A client that is not librdkafka, and the order of answers.

use std::collections::BTreeMap;

use kafka_protocol::messages::{ApiKey, FetchResponse, ProduceResponse};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, OffsetAt, UnknownTopicHandling};
use rskafka::record::Record;

use crate::wire::{self, Wire};
use crate::{not_for_a_while, small, soon};
use lab::Lab as _;

#[tokio::test]
async fn rskafka_creates_produces_fetches_and_deletes() {
    let lab = small().await;
    let client = ClientBuilder::new(lab.bootstrap().split(',').map(str::to_owned).collect())
        .build()
        .await
        .expect("a client");
    let controller = client.controller_client().expect("a controller client");
    controller.create_topic("quotes", 2, 3, 5_000).await.expect("created");
    let partition =
        client.partition_client("quotes", 1, UnknownTopicHandling::Retry).await.expect("a partition");
    let record = |n: u8| Record {
        key: None,
        value: Some(vec![n]),
        headers: BTreeMap::from([("mode".to_owned(), b"normal".to_vec())]),
        timestamp: rskafka::chrono::DateTime::from_timestamp_millis(1_700_000_000_000).expect("a time"),
    };
    let offsets = partition.produce((0..10).map(record).collect(), Compression::NoCompression).await;
    assert_eq!(offsets.expect("produced"), (0..10).collect::<Vec<i64>>());
    let (records, high_watermark) = partition.fetch_records(0, 1..1_000_000, 1_000).await.expect("fetched");
    assert_eq!(high_watermark, 10);
    let values: Vec<u8> = records.iter().map(|r| r.record.value.as_ref().expect("a value")[0]).collect();
    assert_eq!(values, (0..10).collect::<Vec<u8>>());
    assert_eq!(records[3].record.headers["mode"], b"normal");
    partition.delete_records(4, 1_000).await.expect("deleted");
    assert_eq!(partition.get_offset(OffsetAt::Earliest).await.expect("an offset"), 4);
    assert_eq!(partition.get_offset(OffsetAt::Latest).await.expect("an offset"), 10);
    controller.delete_topic("quotes", 5_000).await.expect("deleted");
}

#[tokio::test]
async fn a_long_poll_wakes_when_a_record_is_committed() {
    let lab = small().await;
    let broker = wire::leader(&mut Wire::to(&lab, 1).await, "orders", 0).await;
    let mut reader = Wire::to(&lab, broker).await;
    let mut writer = Wire::to(&lab, broker).await;
    // Far longer than the test is patient.
    let sent = reader.send(ApiKey::Fetch, wire::FETCH, &wire::fetch("orders", 0, 600_000)).await;
    not_for_a_while("an empty answer", reader.anything()).await;
    assert_eq!(writer.produce("orders", 0, "hello").await, 0);
    let answer = soon("the wake-up", reader.receive::<FetchResponse>(ApiKey::Fetch, wire::FETCH)).await;
    let (received, answer) = answer.expect("an answer");
    assert_eq!(received, sent);
    assert_eq!(wire::values(&answer), (0, vec!["hello".to_owned()]));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_the_order_asked() {
    let lab = small().await;
    let broker = wire::leader(&mut Wire::to(&lab, 1).await, "orders", 0).await;
    let mut wire = Wire::to(&lab, broker).await;
    let mut sent = Vec::new();
    for round in 0..20 {
        // The fetches have to wait; what comes after them could be answered at once.
        sent.push((
            ApiKey::Fetch,
            wire.send(ApiKey::Fetch, wire::FETCH, &wire::fetch("orders", 1, 20)).await,
        ));
        let produce = wire::produce("orders", 0, &format!("{round}"), -1);
        sent.push((ApiKey::Produce, wire.send(ApiKey::Produce, wire::PRODUCE, &produce).await));
    }
    for (key, sent) in sent {
        let received = if key == ApiKey::Fetch {
            soon("a fetch", wire.receive::<FetchResponse>(key, wire::FETCH)).await.expect("an answer").0
        } else {
            soon("a produce", wire.receive::<ProduceResponse>(key, wire::PRODUCE)).await.expect("an answer").0
        };
        assert_eq!(received, sent);
    }
}

#[tokio::test]
async fn a_produce_without_acks_is_not_answered_and_does_not_hold_up_the_next_request() {
    let lab = small().await;
    let broker = wire::leader(&mut Wire::to(&lab, 1).await, "orders", 0).await;
    let mut wire = Wire::to(&lab, broker).await;
    wire.send(ApiKey::Produce, wire::PRODUCE, &wire::produce("orders", 0, "unacked", 0)).await;
    let (error, values) = wire.fetch("orders", 0, 5_000).await;
    assert_eq!((error, values), (0, vec!["unacked".to_owned()]));
}
