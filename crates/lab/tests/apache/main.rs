//! Apache Kafka as a cluster to break. Without a JDK and Kafka's jars these tests say so and pass.

mod relayed;

use std::time::Duration;

use bus::{Admin, NewTopic, PartitionView, Placement, Preset, Settings};
use lab::Lab;
use lab::apache::{Apache, ApacheSpec, Kafka};
use lab::faults::call_from_json;
use lab::timeline::What;
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

/// One cluster at a time: four JVMs are enough for two cores.
static TURN: Mutex<()> = Mutex::const_new(());

/// The Kafka to test with, and the turn; `None`, said loudly, when this machine has no Kafka.
async fn kafka() -> Option<(Kafka, MutexGuard<'static, ()>)> {
    let found = Kafka::find();
    let found =
        found.map_err(|missing| eprintln!("SKIPPED, nothing was tested on Apache Kafka: {missing}")).ok();
    Some((found?, TURN.lock().await))
}

async fn inject(cluster: &Apache, call: serde_json::Value) {
    let call = call_from_json(call.as_object().expect("an object")).expect("a call");
    cluster.inject(&call).await.unwrap_or_else(|error| panic!("{call:?}: {error}"));
}

#[tokio::test]
async fn a_cluster_starts_serves_loses_a_broker_and_leaves_nothing_behind() {
    let Some((kafka, _turn)) = kafka().await else { return };
    let cluster = Apache::start(ApacheSpec::default(), &kafka).await.expect("it starts");
    let directory = cluster.directory().to_owned();
    let settings = Settings::new(cluster.bootstrap(), "test", Preset::FailFast);
    let admin = Admin::new(&settings).expect("settings");
    let topic = NewTopic::new("t", Placement::Explicit(vec![vec![1, 2, 3], vec![2, 3, 1], vec![3, 1, 2]]));
    admin.create_topics(&[topic], Duration::from_secs(20)).await.expect("created");
    admin.wait_for(&[("t", 3)], Duration::from_secs(20)).await.expect("leaders");
    inject(&cluster, json!({ "kind": "kill_broker", "broker": 2 })).await;
    until(&admin, 1, "another broker leads", |partition| partition.leader.is_some_and(|leader| leader != 2))
        .await;
    let noted = || cluster.timeline().entries().into_iter().any(|entry| entry.what == fenced(2));
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while !noted() {
        assert!(tokio::time::Instant::now() < until, "the timeline tells of the lost broker within 10 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cluster.shutdown().await;
    assert!(!directory.exists(), "{} is left", directory.display());
}

#[tokio::test]
async fn chosen_partitions_lose_their_leaders_and_get_them_back() {
    let Some((kafka, _turn)) = kafka().await else { return };
    let cluster = Apache::start(ApacheSpec::default(), &kafka).await.expect("it starts");
    let settings = Settings::new(cluster.bootstrap(), "test", Preset::FailFast);
    let admin = Admin::new(&settings).expect("settings");
    let topic = NewTopic::new("t", Placement::Explicit(vec![vec![1, 2, 3], vec![2, 3, 1], vec![3, 1, 2]]));
    admin.create_topics(&[topic], Duration::from_secs(20)).await.expect("created");
    admin.wait_for(&[("t", 3)], Duration::from_secs(20)).await.expect("leaders");
    inject(&cluster, json!({ "kind": "strip_leader", "topic": "t", "partitions": [0] })).await;
    let view = admin.cluster(Duration::from_secs(2)).await.expect("a view");
    let leaders: Vec<_> = view.topic("t").expect("t").partitions.iter().map(|one| one.leader).collect();
    assert_eq!((leaders[0], leaders[1]), (None, Some(2)));
    assert!(leaders[2].is_some(), "what the lost broker led has moved on");
    inject(&cluster, json!({ "kind": "restore_leader", "topic": "t", "partitions": [0] })).await;
    admin.wait_for(&[("t", 3)], Duration::from_secs(60)).await.expect("leaders again");
    cluster.shutdown().await;
}

fn fenced(broker: i32) -> What {
    What::Cluster(cluster::Change::Fenced { broker: cluster::BrokerId(broker), fenced: true })
}

/// Until a partition of `t` is like that.
async fn until(admin: &Admin, index: usize, what: &str, holds: impl Fn(&PartitionView) -> bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let view = admin.cluster(Duration::from_secs(2)).await.unwrap_or_default();
        if view.topic("t").is_some_and(|topic| holds(&topic.partitions[index])) {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "not within 60 s: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
