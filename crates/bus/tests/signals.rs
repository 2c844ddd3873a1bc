//! Signals of real clients on the mock cluster.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod common;

use bus::{Producer, Settings, StartAt};
use common::{Cluster, SOON, cluster, eventually, reader, record, settings};

const TOPIC: &str = "ticks";

fn quick(settings: Settings) -> Settings {
    settings.with("statistics.interval.ms", "20")
}

#[tokio::test]
async fn a_producer_shows_leaders_acks_and_then_a_backlog_without_an_answer() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&quick(settings(&cluster)).with("message.timeout.ms", "60000")).unwrap();
    producer.send(&record(TOPIC, 1, "x"), ()).unwrap().await.unwrap();
    let signals = producer.signals();
    let at = (TOPIC.to_owned(), 1);
    eventually("the ack shows", || {
        signals.borrow().partitions.get(&at).is_some_and(|p| p.leader == Some(1) && p.acked == 1)
    })
    .await;
    assert!(signals.borrow().brokers[&1].up);
    assert_eq!(signals.borrow().records_held_max, 10_000);

    cluster.broker_down(-1).unwrap();
    let _stuck = producer.send(&record(TOPIC, 1, "y"), ()).unwrap();
    eventually("the backlog shows", || {
        let signals = signals.borrow();
        let partition = signals.partitions[&at];
        (partition.unacked(), partition.acked) == (1, 1)
            && !signals.brokers[&1].up
            && signals.records_held == 1
    })
    .await;
    eventually("the error shows", || signals.borrow().errors > 0).await;
    assert!(signals.borrow().first_error.is_some());
}

#[tokio::test]
async fn a_reader_shows_its_position_and_its_lag() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    for _ in 0..3 {
        producer.send(&record(TOPIC, 0, "x"), ()).unwrap().await.unwrap();
    }
    let reader = reader(&quick(settings(&cluster)), TOPIC, 1, StartAt::Beginning).await;
    let signals = reader.signals();
    let reading = tokio::spawn(async move {
        for _ in 0..3 {
            reader.recv().await.unwrap();
        }
        // Statistics are served while somebody waits for a record.
        reader.recv().await
    });
    let at = (TOPIC.to_owned(), 0);
    eventually("the reader has caught up", || {
        let signals = signals.borrow();
        signals.partitions.get(&at).is_some_and(|p| p.position == Some(3) && p.lag() == Some(0))
    })
    .await;
    reading.abort();
}

#[tokio::test]
async fn signals_end_with_their_client() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    let signals = producer.signals();
    producer.close(SOON).await.unwrap();
    drop(producer);
    eventually("the channel is closed", || signals.has_changed().is_err()).await;
}

#[tokio::test]
async fn a_producer_that_is_told_to_ask_knows_a_new_leader_before_it_sends_anything() {
    let cluster = Cluster::new(2).unwrap();
    cluster.create_topic(TOPIC, 1, 2).unwrap();
    cluster.partition_leader(TOPIC, 0, Some(1)).unwrap();
    // Left to itself it would never ask.
    let settings = quick(settings(&cluster)).with("topic.metadata.refresh.interval.ms", "-1");
    let producer = Producer::new(&settings).unwrap();
    let signals = producer.signals();
    let leader = || signals.borrow().partitions.get(&(TOPIC.to_owned(), 0)).and_then(|signal| signal.leader);
    producer.send(&record(TOPIC, 0, "x"), ()).unwrap().await.unwrap();
    eventually("the leader is known", || leader() == Some(1)).await;
    cluster.partition_leader(TOPIC, 0, Some(2)).unwrap();
    assert!(producer.refresh(TOPIC, SOON).await);
    eventually("the new leader is known", || leader() == Some(2)).await;
    producer.close(SOON).await.unwrap();
    assert!(!producer.refresh(TOPIC, SOON).await, "nobody is left to ask");
}
