//! Who is told of leaders that move while every connection stays: librdkafka learns of such a move only from the refusal of
//! a record, and the customer whose record it is waits for the retry.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Admin, NewTopic, Placement, Record};
use bytes::Bytes;
use cluster::{Change, Clock, Spec};
use contracts::topics::{QUOTES, TRADE_REPLIES};
use lab::embedded::{Embedded, EmbeddedSpec};
use lab::timeline::What;
use lab::{Lab as _, faults};
use serde_json::json;
use service_kit::connection::Connection;
use service_kit::health::{Health, Watched};
use service_kit::kafka_settings::KafkaSettings;
use service_kit::layout::Topics;
use service_kit::metrics::Metrics;
use story_tests::{PARTITIONS, PATIENCE};

const BOTH: [&str; 2] = [QUOTES, TRADE_REPLIES];
const WATCHED: Watched = Watched {
    path: &[QUOTES],
    read: &[QUOTES],
    words: circuit::Words { degraded: "away", restored: "back" },
};

/// Three brokers; each leads one partition of either topic.
async fn cluster() -> Embedded {
    let spec = EmbeddedSpec {
        cluster: Spec { clock: Clock::compressed(), ..Spec::new() },
        ..EmbeddedSpec::default()
    };
    let lab = Embedded::start(spec).expect("a cluster");
    let admin = Admin::new(&bus::Settings::new(lab.bootstrap(), "story", bus::Preset::FailFast));
    let placement = Placement::Explicit(vec![vec![1, 2, 3], vec![2, 3, 1], vec![3, 1, 2]]);
    let topics: Vec<_> = BOTH.iter().map(|name| NewTopic::new(*name, placement.clone())).collect();
    let admin = admin.expect("an admin client");
    admin.create_topics(&topics, PATIENCE).await.expect("topics");
    let wanted = BOTH.map(|topic| (topic, usize::from(PARTITIONS)));
    admin.wait_for(&wanted, PATIENCE).await.expect("leaders");
    lab
}

async fn inject(lab: &Embedded, kind: &str) {
    let call = faults::call_from_json(json!({ "kind": kind }).as_object().expect("an object"));
    lab.inject(&call.expect("a valid fault")).await.expect("the fault is carried out");
}

/// The leaders that the topic's partitions were given from `since` on, the newest of each.
fn moved(lab: &Embedded, topic: &str, since: Duration) -> BTreeMap<i32, i32> {
    let entries = lab.timeline().entries().into_iter().filter(|entry| entry.at >= since);
    let led = entries.filter_map(|entry| match entry.what {
        What::Cluster(Change::Leader { partition, leader: Some(leader), .. })
            if partition.topic.to_string() == topic =>
        {
            Some((partition.partition, leader.0))
        }
        _ => None,
    });
    led.collect()
}

#[tokio::test]
async fn the_customers_producer_hears_of_new_leaders_where_no_heartbeat_goes() {
    let lab = cluster().await;
    let kafka = KafkaSettings {
        bootstrap: lab.bootstrap(),
        // The default of librdkafka. With the ten seconds of the services the client would come across the leader by itself.
        overrides: vec![("topic.metadata.refresh.interval.ms".to_owned(), "300000".to_owned())],
        ..KafkaSettings::default()
    };
    let topics = Topics { by_account: &BOTH, others: &[] };
    let connection = Connection::open(&kafka, "story", &topics).await.expect("a connection");
    let health = Health::start(&connection, WATCHED, Metrics::new("story")).await.expect("a health watch");
    for partition in 0..i32::from(PARTITIONS) {
        let answer = Record {
            topic: TRADE_REPLIES.into(),
            partition,
            key: Bytes::new(),
            headers: Vec::new(),
            payload: Bytes::from_static(b"an answer"),
        };
        connection.producer().send(&answer, ()).expect("room").await.expect("an ack");
    }

    // At a thaw a broker that is well is fenced for a moment, and loses its leaderships, but no connection.
    inject(&lab, "freeze_controller").await;
    tokio::time::sleep(2 * Clock::compressed().session).await;
    let thaw = lab.timeline().born().elapsed();
    inject(&lab, "thaw_controller").await;

    let mut customers = connection.producer().signals();
    let heard = customers.wait_for(|signals| {
        let knows = |(partition, leader): (&i32, &i32)| {
            let known = signals.partitions.get(&(TRADE_REPLIES.to_owned(), *partition));
            known.is_some_and(|known| known.leader == Some(*leader))
        };
        let moved = moved(&lab, TRADE_REPLIES, thaw);
        !moved.is_empty() && moved.iter().all(knows)
    });
    tokio::time::timeout(PATIENCE, heard).await.expect("it is heard").expect("a client that lives");
    drop(health);
}
