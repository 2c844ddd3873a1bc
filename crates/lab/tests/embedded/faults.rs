//! What clients see under each fault; the names in brackets are those of the measured cases.

use cluster::ErrorCode;
use kafka_protocol::messages::{ApiKey, FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;
use lab::Lab as _;
use lab::embedded::Embedded;
use serde_json::json;

use crate::wire::{self, Wire};
use crate::{eventually, inject, not_for_a_while, small};

async fn leader(lab: &Embedded, through: i32, partition: i32) -> i32 {
    wire::leader(&mut Wire::to(lab, through).await, "orders", partition).await
}

/// A broker that is not this one.
fn other_than(broker: i32) -> i32 {
    if broker == 1 { 2 } else { 1 }
}

#[tokio::test]
async fn a_frozen_controller_alone_does_no_harm() {
    let lab = small().await;
    inject(&lab, json!({"kind": "freeze_controller"})).await;
    let broker = leader(&lab, 1, 0).await;
    let mut wire = Wire::to(&lab, broker).await;
    assert_eq!(wire.produce("orders", 0, "hello").await, 0);
    assert_eq!(wire.fetch("orders", 0, 1_000).await, (0, vec!["hello".to_owned()]));
}

#[tokio::test]
async fn a_leader_that_dies_is_replaced_while_the_controller_lives() {
    let lab = small().await;
    let dead = leader(&lab, 1, 0).await;
    let alive = other_than(dead);
    inject(&lab, json!({"kind": "kill_broker", "broker": dead})).await;
    let new = eventually("a new leader", async || {
        let now = leader(&lab, alive, 0).await;
        (now != dead && now != -1).then_some(now)
    })
    .await;
    assert_eq!(Wire::to(&lab, new).await.produce("orders", 0, "hello").await, 0);
}

#[tokio::test]
async fn under_a_frozen_controller_a_dead_leader_stays_in_the_metadata_and_stops_the_others() {
    let lab = small().await;
    let dead = leader(&lab, 1, 0).await;
    let alive = other_than(dead);
    inject(&lab, json!({"kind": "freeze_controller"})).await;
    inject(&lab, json!({"kind": "kill_broker", "broker": dead})).await;
    // Three times the session.
    not_for_a_while("a new leader", async {
        while leader(&lab, alive, 0).await == dead {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let partition = {
        let mut partition = None;
        for index in 0..3 {
            if leader(&lab, alive, index).await == alive {
                partition = Some(index);
            }
        }
        partition.expect("every broker leads one of three")
    };
    let mut wire = Wire::to(&lab, alive).await;
    // [E1, E4] acks=1 goes on, acks=all does not; what it appended is there after the heal.
    let one = wire::produce("orders", partition, "one", 1);
    let answer: kafka_protocol::messages::ProduceResponse =
        wire.ask(ApiKey::Produce, wire::PRODUCE, &one).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    let all = wire::produce("orders", partition, "all", -1).with_timeout_ms(100);
    let answer: kafka_protocol::messages::ProduceResponse =
        wire.ask(ApiKey::Produce, wire::PRODUCE, &all).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::RequestTimedOut.code());
    assert_eq!(wire.fetch("orders", partition, 50).await, (0, vec![]));
    lab.heal_all().await.expect("healed");
    eventually("the records", async || {
        let (_, values) = wire.fetch("orders", partition, 100).await;
        (values == ["one", "all"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn stripped_partitions_have_no_leader_until_they_are_restored() {
    let lab = small().await;
    let broker = leader(&lab, 1, 1).await;
    inject(&lab, json!({"kind": "strip_leader", "topic": "orders", "partitions": [1]})).await;
    assert_eq!(leader(&lab, 1, 1).await, -1);
    assert_ne!(leader(&lab, 1, 0).await, -1);
    let mut wire = Wire::to(&lab, broker).await;
    assert_eq!(wire.produce("orders", 1, "x").await, ErrorCode::NotLeaderOrFollower.code());
    assert_eq!(wire.fetch("orders", 1, 50).await, (0, vec![]), "as a follower, with what it has");
    inject(&lab, json!({"kind": "restore_leader", "topic": "*"})).await;
    assert_eq!(
        eventually("a leader", async || Some(leader(&lab, 1, 1).await).filter(|id| *id != -1)).await,
        broker
    );
    assert_eq!(wire.produce("orders", 1, "x").await, 0);
}

#[tokio::test]
async fn a_group_without_coordinator_is_told_so() {
    let lab = small().await;
    let find = async || {
        let request =
            FindCoordinatorRequest::default().with_coordinator_keys(vec![StrBytes::from_static_str("g")]);
        let answer: FindCoordinatorResponse =
            Wire::to(&lab, 1).await.ask(ApiKey::FindCoordinator, 4, &request).await;
        answer.coordinators[0].error_code
    };
    assert_eq!(find().await, 0);
    inject(&lab, json!({"kind": "lose_coordinator", "group": "g"})).await;
    assert_eq!(find().await, ErrorCode::CoordinatorNotAvailable.code());
    inject(&lab, json!({"kind": "restore_coordinator"})).await;
    eventually("a coordinator", async || (find().await == 0).then_some(())).await;
}

#[tokio::test]
async fn the_timeline_has_the_fault_and_what_came_of_it() {
    let lab = small().await;
    let mut live = lab.timeline().subscribe();
    inject(&lab, json!({"kind": "strip_leader", "topic": "orders", "partitions": [0]})).await;
    let mut lines = Vec::new();
    while let Ok(entry) = live.try_recv() {
        lines.push(serde_json::to_value(&entry.what).expect("JSON"));
    }
    assert!(lines.iter().any(|line| line["cluster"]["change"] == "leader"), "{lines:?}");
    assert!(lines.iter().any(|line| line["fault"]["call"]["kind"] == "strip_leader"), "{lines:?}");
}

#[tokio::test]
async fn a_dead_broker_cannot_be_frozen() {
    let lab = small().await;
    inject(&lab, json!({"kind": "kill_broker", "broker": 2})).await;
    let refused = lab.inject(&crate::call(json!({"kind": "freeze_broker", "broker": 2}))).await;
    let refused = refused.expect_err("it is dead").to_string();
    assert_eq!(refused, "the cluster did not do it: broker 2 is dead; heal that first");
}
