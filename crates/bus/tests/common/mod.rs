//! What the tests against librdkafka's mock cluster share.
//!
//! Limits of the mock cluster: no elections, no in-sync replicas, no topic creation, and it crashes when a partition
//! loses its leader under a client that still produces to it or reads from it. Stuck brokers are played by taking
//! all of them down, and frozen ones by a round trip of a minute.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::{Preset, Reader, Record, Settings, StartAt, TopicPartition};
use bytes::Bytes;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// The deadline of everything that should happen soon, on a machine that is busy with other things.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) type Cluster = MockCluster<'static, DefaultProducerContext>;

/// A cluster of one broker with `topics` of four partitions.
pub(crate) fn cluster(topics: &[&str]) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    for topic in topics {
        cluster.create_topic(topic, 4, 1).unwrap();
    }
    cluster
}

pub(crate) fn settings(cluster: &Cluster) -> Settings {
    // The mock cluster does not wake a waiting fetch, so a short wait is its latency.
    Settings::new(cluster.bootstrap_servers(), "test", Preset::FailFast).with("fetch.wait.max.ms", "5")
}

pub(crate) fn record(topic: &'static str, partition: i32, payload: &'static str) -> Record {
    let payload = Bytes::from_static(payload.as_bytes());
    Record { topic: topic.into(), partition, key: Bytes::from_static(b"key"), headers: Vec::new(), payload }
}

pub(crate) async fn reader(settings: &Settings, topic: &str, partitions: i32, start: StartAt) -> Reader {
    let at = |partition| TopicPartition { topic: topic.to_owned(), partition };
    let partitions: Vec<_> = (0..partitions).map(at).collect();
    Reader::assigned(settings, &partitions, start, SOON).await.unwrap()
}

/// Polls until `done`; panics with `what` after [`SOON`].
pub(crate) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + SOON;
    while !done() {
        assert!(Instant::now() < until, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A guard, and whether it has ended.
pub(crate) struct Guard(Arc<AtomicBool>);

#[derive(Clone)]
pub(crate) struct GuardWatch(Arc<AtomicBool>);

pub(crate) fn guard() -> (Guard, GuardWatch) {
    let ended = Arc::new(AtomicBool::new(false));
    (Guard(Arc::clone(&ended)), GuardWatch(ended))
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl GuardWatch {
    pub(crate) fn ended(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Makes the only broker answer after a minute: alive on TCP, and silent.
pub(crate) fn freeze(cluster: &Cluster) {
    cluster.broker_round_trip_time(-1, Duration::from_secs(60)).unwrap();
}
