//! What librdkafka does on a stuck cluster, reproduced on the embedded one.
//!
//! Source: measurements of rdkafka 0.39 (librdkafka 2.12) against its mock cluster and against Apache Kafka 4.3.

use std::time::{Duration, Instant};

use lab::embedded::{Embedded, EmbeddedSpec};
use lab::{Lab as _, faults};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

const TOPIC: &str = "t";
/// For what must come, on a shared machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Three brokers and a topic with three partitions: partition `p` is led by broker `p + 1`.
async fn cluster() -> Embedded {
    let clock = cluster::Clock::compressed();
    let spec = cluster::Spec { clock, ..cluster::Spec::new() };
    let embedded =
        Embedded::start(EmbeddedSpec { cluster: spec, ..EmbeddedSpec::default() }).expect("it starts");
    let config = client(&embedded, &[]);
    let admin: AdminClient<DefaultClientContext> = config.create().expect("an admin client");
    let topic = NewTopic::new(TOPIC, 3, TopicReplication::Variable(&[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]]));
    let created = admin.create_topics([&topic], &AdminOptions::new()).await.expect("an answer");
    assert_eq!(created[0], Ok(TOPIC.to_owned()));
    embedded
}

fn client(cluster: &Embedded, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap());
    // A dead leader must not also slow the expiry scan down.
    config.set("reconnect.backoff.max.ms", "1000");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

fn producer(cluster: &Embedded, settings: &[(&str, &str)]) -> FutureProducer {
    client(cluster, settings).create().expect("a producer")
}

fn send(producer: &FutureProducer, partition: i32) -> Result<DeliveryFuture, KafkaError> {
    let record = FutureRecord::<(), _>::to(TOPIC).partition(partition).payload("record");
    producer.send_result(record).map_err(|(error, _)| error)
}

async fn delivered(delivery: DeliveryFuture) -> Result<i64, KafkaError> {
    let report = tokio::time::timeout(PATIENCE, delivery).await.expect("a report in time");
    report.expect("a live producer").map(|delivery| delivery.offset).map_err(|(error, _)| error)
}

fn consumer(cluster: &Embedded, partition: i32) -> BaseConsumer {
    let settings = [("group.id", "unused"), ("enable.auto.commit", "false")];
    let consumer: BaseConsumer = client(cluster, &settings).create().expect("a consumer");
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(TOPIC, partition, Offset::Beginning).expect("a valid offset");
    consumer.assign(&from).expect("an assignment");
    consumer
}

/// Payloads read until `count` were, or nothing came for `quiet`. That a broker which was killed cannot be reached is
/// told as an error of its own; it is no record and no error of a partition.
fn read(consumer: &BaseConsumer, count: usize, quiet: Duration) -> Vec<Result<String, KafkaError>> {
    let mut found = Vec::new();
    let mut until = Instant::now() + quiet;
    while found.len() < count && Instant::now() < until {
        // A rebalance ends a poll early and without a record.
        let Some(record) = consumer.poll(Duration::from_millis(100)) else { continue };
        until = Instant::now() + quiet;
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        match record.map(|record| text(record.payload())) {
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::BrokerTransportFailure) => {}
            record => found.push(record),
        }
    }
    found
}

async fn inject(cluster: &Embedded, call: Value) {
    let call = faults::call_from_json(call.as_object().expect("an object")).expect("a valid fault");
    cluster.inject(&call).await.expect("the fault is carried out");
}

async fn strip(cluster: &Embedded, partition: i32) {
    inject(cluster, json!({"kind": "strip_leader", "topic": TOPIC, "partitions": [partition]})).await;
}

async fn restore(cluster: &Embedded, partition: i32) {
    inject(cluster, json!({"kind": "restore_leader", "topic": TOPIC, "partitions": [partition]})).await;
}

#[tokio::test]
async fn a_send_to_a_leaderless_partition_succeeds_and_times_out_much_later() {
    let cluster = cluster().await;
    strip(&cluster, 0).await;
    let producer = producer(&cluster, &[("message.timeout.ms", "1500")]);
    let delivery = send(&producer, 0).expect("the client takes the record");
    let error = delivered(delivery).await.expect_err("no leader ever comes");
    assert_eq!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::MessageTimedOut),
        "the cause never surfaces"
    );
}

#[tokio::test]
async fn records_stuck_on_one_partition_fill_the_queue_of_all() {
    let cluster = cluster().await;
    strip(&cluster, 0).await;
    let producer =
        producer(&cluster, &[("queue.buffering.max.messages", "10"), ("message.timeout.ms", "60000")]);
    let stuck: Vec<_> = (0..10).map(|_| send(&producer, 0).expect("room in the queue")).collect();
    let refused = send(&producer, 1).err().expect("the queue is full");
    assert_eq!(
        refused.rdkafka_error_code(),
        Some(RDKafkaErrorCode::QueueFull),
        "of a healthy partition, at once"
    );
    producer.purge(PurgeConfig::default().queue().inflight());
    for delivery in stuck {
        let error = delivered(delivery).await.expect_err("purged");
        let purged = [RDKafkaErrorCode::PurgeQueue, RDKafkaErrorCode::PurgeInflight];
        assert!(purged.contains(&error.rdkafka_error_code().expect("a code")), "{error}");
    }
}

#[tokio::test]
async fn a_record_is_delivered_though_its_caller_has_given_up() {
    let cluster = cluster().await;
    strip(&cluster, 0).await;
    let producer = producer(&cluster, &[("message.timeout.ms", "60000")]);
    drop(send(&producer, 0).expect("the client takes the record"));
    restore(&cluster, 0).await;
    assert_eq!(read(&consumer(&cluster, 0), 1, PATIENCE), [Ok("record".to_owned())]);
}

#[tokio::test]
async fn a_consumer_of_a_leaderless_partition_hears_nothing_not_even_an_error() {
    let cluster = cluster().await;
    let producer = producer(&cluster, &[]);
    delivered(send(&producer, 0).expect("taken")).await.expect("acked");
    let consumer = consumer(&cluster, 0);
    assert_eq!(read(&consumer, 1, PATIENCE).len(), 1);
    strip(&cluster, 0).await;
    assert_eq!(read(&consumer, 1, Duration::from_secs(2)), []);
    restore(&cluster, 0).await;
    delivered(send(&producer, 0).expect("taken")).await.expect("acked");
    assert_eq!(read(&consumer, 1, PATIENCE), [Ok("record".to_owned())]);
}

#[tokio::test]
async fn metadata_of_a_leaderless_partition_comes_at_once_from_healthy_brokers() {
    let cluster = cluster().await;
    strip(&cluster, 0).await;
    let consumer = consumer(&cluster, 1);
    let metadata = consumer.fetch_metadata(Some(TOPIC), PATIENCE).expect("metadata");
    assert_eq!(metadata.brokers().len(), 3);
    let leaders: Vec<i32> =
        metadata.topics()[0].partitions().iter().map(|partition| partition.leader()).collect();
    assert_eq!(leaders, [-1, 2, 3]);
    let error =
        consumer.fetch_watermarks(TOPIC, 0, PATIENCE).expect_err("a leaderless partition has no watermarks");
    let code = error.rdkafka_error_code().expect("a code");
    let known = [RDKafkaErrorCode::UnknownPartition, RDKafkaErrorCode::LeaderNotAvailable];
    assert!(known.contains(&code), "{code:?}");
}

#[tokio::test]
async fn a_slow_broker_is_slow_and_nothing_else() {
    let cluster = cluster().await;
    let producer = producer(&cluster, &[]);
    delivered(send(&producer, 0).expect("taken")).await.expect("acked");
    inject(&cluster, json!({"kind": "slow_broker", "broker": 1, "delay_ms": 300})).await;
    let since = Instant::now();
    delivered(send(&producer, 0).expect("taken")).await.expect("acked, late");
    assert!(since.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn under_a_frozen_controller_a_lost_follower_stops_acks_all_and_not_acks_1() {
    let cluster = cluster().await;
    inject(&cluster, json!({"kind": "freeze_controller"})).await;
    inject(&cluster, json!({"kind": "kill_broker", "broker": 2})).await;
    let one = producer(&cluster, &[("acks", "1")]);
    delivered(send(&one, 0).expect("taken")).await.expect("acks=1 succeeds on a live leader");
    let all =
        producer(&cluster, &[("acks", "all"), ("message.timeout.ms", "1500"), ("request.timeout.ms", "500")]);
    let error = delivered(send(&all, 0).expect("taken")).await.expect_err("no ISR can shrink");
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::MessageTimedOut));
    let reader = consumer(&cluster, 0);
    assert_eq!(read(&reader, 1, Duration::from_secs(1)), [], "the high watermark is stuck");
    inject(&cluster, json!({"kind": "thaw_controller"})).await;
    let seen = read(&reader, 100, Duration::from_secs(3));
    assert!(seen.len() >= 2, "what timed out appears after the heal: {seen:?}");
}

#[tokio::test]
async fn an_idle_group_commits_and_finds_its_offsets_again() {
    let cluster = cluster().await;
    let settings = [("group.id", "g"), ("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")];
    let producer = producer(&cluster, &[]);
    for partition in 0..3 {
        delivered(send(&producer, partition).expect("taken")).await.expect("acked");
    }
    let first: BaseConsumer = client(&cluster, &settings).create().expect("a consumer");
    first.subscribe(&[TOPIC]).expect("a subscription");
    assert_eq!(read(&first, 3, PATIENCE).len(), 3);
    first.commit_consumer_state(rdkafka::consumer::CommitMode::Sync).expect("a commit");
    drop(first);
    delivered(send(&producer, 1).expect("taken")).await.expect("acked");
    let second: BaseConsumer = client(&cluster, &settings).create().expect("a consumer");
    second.subscribe(&[TOPIC]).expect("a subscription");
    assert_eq!(
        read(&second, 2, Duration::from_secs(8)),
        [Ok("record".to_owned())],
        "only what was not committed"
    );
}

#[tokio::test]
async fn all_compressions_pass() {
    let cluster = cluster().await;
    for codec in ["none", "gzip", "snappy", "lz4"] {
        let producer = producer(&cluster, &[("compression.type", codec)]);
        delivered(send(&producer, 2).expect("taken")).await.expect("acked");
    }
    assert_eq!(read(&consumer(&cluster, 2), 4, PATIENCE).len(), 4);
}

#[tokio::test]
async fn without_acks_nothing_is_answered_and_everything_is_written() {
    let cluster = cluster().await;
    let producer = producer(&cluster, &[("acks", "0"), ("enable.idempotence", "false")]);
    for _ in 0..3 {
        delivered(send(&producer, 0).expect("taken")).await.expect("reported as sent");
    }
    assert_eq!(read(&consumer(&cluster, 0), 3, PATIENCE).len(), 3);
}
