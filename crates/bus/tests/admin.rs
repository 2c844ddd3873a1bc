//! The admin client against the mock cluster, which has no topic creation.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod common;

use std::time::Duration;

use bus::{Admin, AdminError, NewTopic, Placement, Producer, Watermarks};
use common::{SOON, cluster, record, settings};

const TOPIC: &str = "orders";

#[tokio::test]
async fn the_metadata_shows_brokers_topics_and_leaders() {
    let cluster = cluster(&[TOPIC]);
    let admin = Admin::new(&settings(&cluster)).unwrap();
    let view = admin.cluster(SOON).await.unwrap();
    assert_eq!(view.brokers, [1]);
    let topic = view.topic(TOPIC).unwrap();
    assert_eq!((topic.partitions.len(), topic.leaders()), (4, 4));
    assert_eq!(topic.partitions[2].partition, 2);
    assert_eq!(admin.partition_count(TOPIC, SOON).await, Ok(Some(4)));
    assert_eq!(admin.partition_count("absent", SOON).await, Ok(None));
}

#[tokio::test]
async fn a_partition_without_a_leader_is_told_apart_and_waited_for() {
    let cluster = cluster(&[TOPIC]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    producer.send(&record(TOPIC, 0, "x"), ()).unwrap().await.unwrap();
    producer.close(SOON).await.unwrap();
    let admin = Admin::new(&settings(&cluster)).unwrap();
    assert_eq!(admin.watermarks(TOPIC, 0, SOON).await, Ok(Watermarks { low: 0, high: 1 }));

    // Nobody produces or reads here, which is what the mock cluster could not stand.
    cluster.partition_leader(TOPIC, 0, None).unwrap();
    let brief = Duration::from_millis(100);
    let error = admin.wait_for(&[(TOPIC, 4)], brief).await.unwrap_err();
    assert!(matches!(error, AdminError::NotReady { leaders: 3, partitions: 4, .. }), "{error}");
    let error = admin.watermarks(TOPIC, 0, SOON).await.unwrap_err();
    assert_eq!(error, AdminError::Leaderless { topic: TOPIC.to_owned(), partition: 0 });

    cluster.partition_leader(TOPIC, 0, Some(1)).unwrap();
    admin.wait_for(&[(TOPIC, 4)], SOON).await.unwrap();
}

#[tokio::test]
async fn waiting_for_an_absent_topic_names_it() {
    let cluster = cluster(&[TOPIC]);
    let admin = Admin::new(&settings(&cluster)).unwrap();
    admin.wait_for(&[(TOPIC, 4)], SOON).await.unwrap();
    let error = admin.wait_for(&[(TOPIC, 4), ("absent", 1)], Duration::from_millis(200)).await.unwrap_err();
    assert!(error.to_string().starts_with("topic `absent` is not ready"), "{error}");
}

#[tokio::test]
async fn a_topic_that_can_not_be_created_is_an_error_within_the_bound() {
    let cluster = cluster(&[]);
    let admin = Admin::new(&settings(&cluster)).unwrap();
    let topics = [
        NewTopic::new("a", Placement::Explicit(vec![vec![1], vec![1]])).with("min.insync.replicas", "1"),
        NewTopic::new("b", Placement::Spread { partitions: 3, replication: 1 }),
    ];
    assert!(matches!(admin.create_topics(&topics, Duration::from_secs(2)).await, Err(AdminError::Failed(_))));
    let invalid = [NewTopic::new("c", Placement::Spread { partitions: 1, replication: -5 })];
    assert!(matches!(admin.create_topics(&invalid, SOON).await, Err(AdminError::Invalid(_))));
}
