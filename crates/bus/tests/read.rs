//! The reader against the mock cluster: readiness, positions, groups, closing.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod common;

use std::time::Duration;

use bus::{Producer, Reader, ReaderError, StartAt, TopicPartition};
use bytes::Bytes;
use common::{SOON, cluster, eventually, freeze, reader, record, settings};

const TOPIC: &str = "replies";

async fn next(reader: &Reader) -> Bytes {
    tokio::time::timeout(SOON, reader.recv()).await.expect("a record comes").unwrap().payload
}

#[tokio::test]
async fn a_reader_at_the_end_sees_the_first_record_after_it_was_ready_and_none_before() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    for partition in 0..4 {
        producer.send(&record(TOPIC, partition, "before"), ()).unwrap().await.unwrap();
    }
    let reader = reader(&settings(&cluster), TOPIC, 4, StartAt::End).await;
    assert_eq!(reader.signals().borrow().assigned, 4);
    for partition in 0..4 {
        producer.send(&record(TOPIC, partition, "after"), ()).unwrap().await.unwrap();
    }
    for _ in 0..4 {
        assert_eq!(next(&reader).await, "after");
    }
    reader.close(SOON).await.unwrap();
}

#[tokio::test]
async fn a_record_arrives_as_it_was_sent() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    let mut sent = record(TOPIC, 3, "payload");
    sent.headers = vec![("a".into(), Bytes::from_static(b"1")), ("b".into(), Bytes::new())];
    producer.send(&sent, ()).unwrap().await.unwrap();
    let reader = reader(&settings(&cluster), TOPIC, 4, StartAt::Beginning).await;
    let got = tokio::time::timeout(SOON, reader.recv()).await.unwrap().unwrap();
    assert_eq!((got.topic.as_str(), got.partition, got.offset), (TOPIC, 3, 0));
    assert_eq!((&got.key, &got.payload, &got.headers), (&sent.key, &sent.payload, &sent.headers));
    assert!(got.timestamp_ms > 0);
}

#[tokio::test]
async fn a_partition_whose_end_is_unknown_is_named() {
    let cluster = cluster(&[TOPIC]);
    let missing = [TopicPartition { topic: TOPIC.to_owned(), partition: 99 }];
    let brief = Duration::from_millis(200);
    let error = Reader::assigned(&settings(&cluster), &missing, StartAt::End, brief).await.unwrap_err();
    assert!(matches!(&error, ReaderError::NotReady { partition: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_group_goes_on_after_what_was_processed() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    for payload in ["first", "second"] {
        producer.send(&record(TOPIC, 1, payload), ()).unwrap().await.unwrap();
    }
    let reader = Reader::group(&settings(&cluster), "group", &[TOPIC]).unwrap();
    let first = tokio::time::timeout(SOON, reader.recv()).await.unwrap().unwrap();
    reader.processed(&first);
    assert_eq!(next(&reader).await, "second");
    let assigned = reader.signals().borrow().assigned;
    assert_eq!(assigned, 4);
    reader.close(SOON).await.unwrap();

    let successor = Reader::group(&settings(&cluster), "group", &[TOPIC]).unwrap();
    assert_eq!(next(&successor).await, "second");
}

#[tokio::test]
async fn an_outage_is_silent_to_the_reader_and_over_when_it_is_over() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster).with("message.timeout.ms", "60000")).unwrap();
    let reader = reader(&settings(&cluster), TOPIC, 1, StartAt::End).await;
    cluster.broker_down(-1).unwrap();
    let unheard = tokio::time::timeout(Duration::from_millis(500), reader.recv()).await;
    assert!(unheard.is_err(), "neither a record nor an error");
    let delivery = producer.send(&record(TOPIC, 0, "after"), ()).unwrap();
    cluster.broker_up(-1).unwrap();
    delivery.await.unwrap();
    assert_eq!(next(&reader).await, "after");
}

#[tokio::test]
async fn a_reader_of_a_frozen_cluster_closes_within_its_bound() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    producer.send(&record(TOPIC, 0, "x"), ()).unwrap().await.unwrap();
    let assigned = reader(&settings(&cluster), TOPIC, 4, StartAt::Beginning).await;
    assert_eq!(next(&assigned).await, "x");
    let member = Reader::group(&settings(&cluster), "group", &[TOPIC]).unwrap();
    let first = tokio::time::timeout(SOON, member.recv()).await.unwrap().unwrap();
    member.processed(&first);
    freeze(&cluster);
    // With a commit and a leave that nobody answers, the end may or may not come in time; the wait always ends.
    let bound = Duration::from_millis(500);
    for reader in [assigned, member] {
        let started = std::time::Instant::now();
        let closed = reader.close(bound).await;
        assert!(closed.is_ok() || started.elapsed() >= bound, "{closed:?}");
    }
}

#[tokio::test]
async fn a_reader_may_be_dropped_while_its_cluster_is_down() {
    let cluster = cluster(&[TOPIC]);
    let reader = reader(&settings(&cluster), TOPIC, 4, StartAt::End).await;
    let mut signals = reader.signals();
    cluster.broker_down(-1).unwrap();
    drop(reader);
    // The writing end of the signals goes away with the client.
    eventually("the client is gone", || signals.has_changed().is_err()).await;
    signals.mark_unchanged();
}
