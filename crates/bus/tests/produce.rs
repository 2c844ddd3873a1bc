//! The producer against the mock cluster: enqueuing, delivery reports, guards, closing.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod common;

use std::time::Duration;

use bus::{Acked, DeliveryError, Producer, SendError, TimedOut};
use common::{SOON, cluster, eventually, freeze, guard, record, settings};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

const TOPIC: &str = "orders";

#[tokio::test]
async fn a_record_is_acked_with_its_offset_after_its_guard_has_ended() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    for offset in 0..3 {
        let (held, watch) = guard();
        let acked = producer.send(&record(TOPIC, 2, "x"), held).unwrap().await;
        assert_eq!(acked, Ok(Acked { partition: 2, offset }));
        assert!(watch.ended());
    }
    assert_eq!(producer.in_flight(), 0);
    producer.close(SOON).await.unwrap();
}

#[tokio::test]
async fn a_guard_outlives_the_caller_that_gave_up_and_the_record_is_delivered_all_the_same() {
    let cluster = cluster(&[TOPIC]);
    cluster.broker_down(-1).unwrap();
    let producer = Producer::new(&settings(&cluster).with("message.timeout.ms", "60000")).unwrap();
    let (held, watch) = guard();
    let delivery = producer.send(&record(TOPIC, 0, "x"), held).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), delivery).await.is_err());
    assert!(!watch.ended());
    assert_eq!(producer.in_flight(), 1);

    cluster.broker_up(-1).unwrap();
    eventually("the delivery report ends the guard", || watch.ended()).await;
    let next = producer.send(&record(TOPIC, 0, "y"), ()).unwrap().await.unwrap();
    assert_eq!(next.offset, 1, "the abandoned record was written first");
}

#[tokio::test]
async fn a_stuck_record_ends_as_timed_out_and_ends_its_guard() {
    let cluster = cluster(&[TOPIC]);
    cluster.broker_down(-1).unwrap();
    let producer = Producer::new(&settings(&cluster).with("message.timeout.ms", "200")).unwrap();
    let (held, watch) = guard();
    let error = producer.send(&record(TOPIC, 0, "x"), held).unwrap().await.unwrap_err();
    assert_eq!(error, DeliveryError::TimedOut);
    assert!(watch.ended());
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_ends_the_guard() {
    let cluster = cluster(&[TOPIC]);
    cluster.broker_down(-1).unwrap();
    let producer = Producer::new(&settings(&cluster).with("queue.buffering.max.messages", "2")).unwrap();
    let _stuck: Vec<_> = (0..2).map(|_| producer.send(&record(TOPIC, 0, "x"), ()).unwrap()).collect();
    let (held, watch) = guard();
    assert_eq!(producer.send(&record(TOPIC, 1, "x"), held).unwrap_err(), SendError::QueueFull);
    assert!(watch.ended());
    assert_eq!(producer.in_flight(), 2);
}

#[tokio::test]
async fn what_the_client_itself_can_not_take_is_refused() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster).with("message.max.bytes", "1000")).unwrap();
    let mut large = record(TOPIC, 0, "");
    large.payload = vec![0; 2000].into();
    assert!(matches!(producer.send(&large, ()), Err(SendError::Refused(_))));
    let mut impossible = record("", 0, "x");
    impossible.topic = "no\0topic".into();
    assert!(matches!(producer.send(&impossible, ()), Err(SendError::Refused(_))));
}

#[tokio::test]
async fn flush_waits_for_reports_and_gives_up_on_stuck_ones() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster).with("message.timeout.ms", "60000")).unwrap();
    let _unwatched = producer.send(&record(TOPIC, 0, "x"), ()).unwrap();
    producer.flush(SOON).await.unwrap();
    assert_eq!(producer.in_flight(), 0);

    cluster.broker_down(-1).unwrap();
    let _stuck = producer.send(&record(TOPIC, 0, "x"), ()).unwrap();
    let brief = Duration::from_millis(50);
    assert_eq!(producer.flush(brief).await, Err(TimedOut(brief)));
    assert_eq!(producer.in_flight(), 1);
}

#[tokio::test]
async fn closing_purges_what_waits_and_refuses_what_comes_after() {
    let cluster = cluster(&[TOPIC]);
    cluster.broker_down(-1).unwrap();
    let producer = Producer::new(&settings(&cluster)).unwrap();
    let (held, watch) = guard();
    let delivery = producer.send(&record(TOPIC, 0, "x"), held).unwrap();
    producer.close(SOON).await.unwrap();
    assert!(watch.ended());
    assert_eq!(delivery.await, Err(DeliveryError::PurgedInQueue));
    assert_eq!(producer.send(&record(TOPIC, 0, "x"), ()).unwrap_err(), SendError::Closed);
    producer.close(SOON).await.unwrap();
}

#[tokio::test]
async fn closing_purges_what_is_with_a_frozen_broker() {
    let cluster = cluster(&[TOPIC]);
    let frozen = settings(&cluster).with("message.timeout.ms", "60000").with("socket.timeout.ms", "60000");
    let producer = Producer::new(&frozen).unwrap();
    producer.send(&record(TOPIC, 0, "x"), ()).unwrap().await.unwrap();
    freeze(&cluster);
    let delivery = producer.send(&record(TOPIC, 0, "y"), ()).unwrap();
    let signals = producer.signals();
    eventually("the record is on its way", || {
        signals.borrow().partitions.values().any(|partition| partition.in_flight > 0)
    })
    .await;
    producer.close(SOON).await.unwrap();
    assert_eq!(delivery.await, Err(DeliveryError::PurgedInFlight));
}

/// Why no purge counts as "certainly not sent".
#[tokio::test]
async fn a_record_that_was_sent_and_waits_for_its_next_try_is_purged_as_if_it_had_only_waited() {
    let cluster = cluster(&[TOPIC]);
    let patient = settings(&cluster)
        .with("retry.backoff.ms", "30000")
        .with("retry.backoff.max.ms", "30000")
        .with("message.timeout.ms", "60000")
        .with("statistics.interval.ms", "20");
    let producer = Producer::new(&patient).unwrap();
    producer.send(&record(TOPIC, 0, "x"), ()).unwrap().await.unwrap();
    let timed_out = RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
    cluster.request_errors(RDKafkaApiKey::Produce, &[timed_out]);
    // Long enough on its way to show in a sample or two.
    cluster.broker_round_trip_time(-1, Duration::from_millis(500)).unwrap();
    let delivery = producer.send(&record(TOPIC, 0, "y"), ()).unwrap();
    let (signals, at) = (producer.signals(), (TOPIC.to_owned(), 0));
    let in_flight = || signals.borrow().partitions.get(&at).map(|partition| partition.in_flight);
    eventually("the record is on its way", || in_flight() == Some(1)).await;
    eventually("the record is back", || in_flight() == Some(0)).await;
    producer.close(SOON).await.unwrap();
    assert_eq!(delivery.await, Err(DeliveryError::PurgedInQueue));
}

#[tokio::test]
async fn dropping_the_last_handle_ends_every_guard() {
    let cluster = cluster(&[TOPIC]);
    cluster.broker_down(-1).unwrap();
    let producer = Producer::new(&settings(&cluster)).unwrap();
    let other = producer.clone();
    let (held, watch) = guard();
    let delivery = producer.send(&record(TOPIC, 0, "x"), held).unwrap();
    drop(producer);
    assert_eq!(other.in_flight(), 1);
    drop(other);
    assert_eq!(delivery.await, Err(DeliveryError::PurgedInQueue));
    assert!(watch.ended());
}
