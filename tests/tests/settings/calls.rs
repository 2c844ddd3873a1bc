//! The calls of librdkafka that wait: each is seen to work, then the fault strikes, then it is timed.

use std::future::Future;
use std::time::{Duration, Instant};

use bus::lint::Call;
use bus::{Producer, Reader, Record, Settings, Side, StartAt, TopicPartition};
use bytes::Bytes;
use lab::embedded::Embedded;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;

use crate::stuck::{Fault, GROUP, TOPIC};
use crate::{Ended, Wait};

/// For what works.
const PATIENCE: Duration = Duration::from_secs(20);

/// How `wait.call` ends under `wait.fault`, watched for `patience`.
pub(crate) async fn blocked(
    cluster: &Embedded,
    settings: &Settings,
    wait: Wait,
    patience: Duration,
) -> Ended {
    match wait.call {
        Call::Send => send(cluster, settings, wait.fault, patience).await,
        Call::Consume => consume(cluster, settings, wait.fault, patience).await,
        Call::Join => join(cluster, settings, wait.fault, patience).await,
        Call::Commit => commit(cluster, settings, wait.fault, patience).await,
    }
}

pub(crate) async fn timed<T>(
    patience: Duration,
    call: impl Future<Output = T>,
    how: impl Fn(T) -> String,
) -> Ended {
    let start = Instant::now();
    match tokio::time::timeout(patience, call).await {
        Ok(ended) => Ended { after: Some(start.elapsed()), how: how(ended) },
        Err(_) => Ended { after: None, how: "no result and no error".into() },
    }
}

pub(crate) fn record() -> Record {
    let bytes = Bytes::from_static(b"x");
    Record { topic: TOPIC.into(), partition: 0, key: bytes.clone(), headers: Vec::new(), payload: bytes }
}

async fn send(cluster: &Embedded, settings: &Settings, fault: Fault, patience: Duration) -> Ended {
    let producer = Producer::new(settings).unwrap();
    producer.send(&record(), ()).unwrap().await.expect("the cluster is healthy");
    fault.strike(cluster).await;
    let delivery = producer.send(&record(), ()).unwrap();
    timed(patience, delivery, |report| report.map_or_else(|error| error.to_string(), |_| "acked".into()))
        .await
}

async fn consume(cluster: &Embedded, settings: &Settings, fault: Fault, patience: Duration) -> Ended {
    let producer = Producer::new(settings).unwrap();
    producer.send(&record(), ()).unwrap().await.expect("the cluster is healthy");
    let partition = [TopicPartition { topic: TOPIC.into(), partition: 0 }];
    let reader = Reader::assigned(settings, &partition, StartAt::Beginning, PATIENCE).await.unwrap();
    tokio::time::timeout(PATIENCE, reader.recv()).await.expect("in time").expect("the cluster is healthy");
    fault.strike(cluster).await;
    timed(patience, reader.recv(), |read| read.map_or_else(|error| error.to_string(), |_| "read".into()))
        .await
}

/// A consumer as the bus would configure it, with the calls that the bus does not offer because they wait.
pub(crate) fn member(settings: &Settings) -> &'static BaseConsumer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.bootstrap)
        .set("group.id", GROUP)
        .set("enable.auto.commit", "false");
    for line in settings.preset.lines().iter().filter(|line| line.side != Side::Producer) {
        config.set(line.key, line.value);
    }
    for (key, value) in settings.overrides.iter().filter(|(key, _)| *key != "message.timeout.ms") {
        config.set(key, value);
    }
    // One that waits for a lost coordinator cannot be dropped without waiting as long.
    Box::leak(Box::new(config.create().unwrap()))
}

/// A commit on a thread of its own, which it may keep.
pub(crate) fn committed(member: &'static BaseConsumer) -> oneshot::Receiver<Result<(), String>> {
    let (ended, result) = oneshot::channel();
    std::thread::spawn(move || {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(TOPIC, 0, Offset::Offset(0)).unwrap();
        let committed = member.commit(&offsets, CommitMode::Sync).map_err(|error| error.to_string());
        // Nobody waits any more for one that took too long.
        let _ = ended.send(committed);
    });
    result
}

async fn join(cluster: &Embedded, settings: &Settings, fault: Fault, patience: Duration) -> Ended {
    // The coordinator's topic comes into being with the first group.
    committed(member(settings)).await.unwrap().expect("the cluster is healthy");
    fault.strike(cluster).await;
    let member = member(settings);
    member.subscribe(&[TOPIC]).unwrap();
    let (joined, assigned) = oneshot::channel();
    std::thread::spawn(move || {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            // Errors of the group are no assignment.
            let _ = member.poll(Duration::from_millis(100));
            if member.assignment().unwrap().count() > 0 {
                let _ = joined.send(());
                return;
            }
        }
    });
    // The thread that gives up drops its end, which is no assignment either.
    let assigned = async {
        if assigned.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    timed(patience, assigned, |()| "assigned".into()).await
}

async fn commit(cluster: &Embedded, settings: &Settings, fault: Fault, patience: Duration) -> Ended {
    let member = member(settings);
    committed(member).await.unwrap().expect("the cluster is healthy");
    fault.strike(cluster).await;
    if fault == Fault::NoCoordinatorKnown {
        // The one that finds it out; it is not waited for longer than its answer can take.
        let _ = tokio::time::timeout(Duration::from_secs(2), committed(member)).await;
    }
    let how = |result: Result<Result<(), String>, _>| match result.unwrap() {
        Ok(()) => "committed".to_owned(),
        Err(error) => error,
    };
    timed(patience, committed(member), how).await
}
