//! One story for each fault: 200 over Kafka, the fault, degraded 200 and fast 503, the heal, 200 over Kafka again.

use scenario::{ClusterPlan, Strategy};
use serde_json::json;
use story_tests::{PARTITIONS, World, degrade, three_brokers};

/// Waits until quotes are degraded and orders refused on this partition.
async fn flips(world: &World, partition: u16) {
    world.eventually("a degraded quote", async || world.quote(partition).await.is_degraded()).await;
    let mut tries = 0;
    world
        .eventually("a fast rejection", async || {
            tries += 1;
            world.order(partition, &format!("flip-{partition}-{tries}")).await.is_fast_rejection()
        })
        .await;
}

#[tokio::test]
async fn a_partition_without_leader_degrades_alone() {
    let world = World::start(degrade()).await;
    world.inject(json!({"kind": "strip_leader", "topic": "*", "partitions": [0]})).await;
    flips(&world, 0).await;
    for healthy in 1..PARTITIONS {
        assert!(world.quote(healthy).await.is_kafka(), "partition {healthy}");
        assert!(world.order(healthy, &format!("beside-{healthy}")).await.is_kafka(), "partition {healthy}");
    }
    world.inject(json!({"kind": "restore_leader", "topic": "*", "partitions": [0]})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

#[tokio::test]
async fn a_frozen_controller_alone_changes_nothing() {
    let world = World::start(degrade()).await;
    world.inject(json!({"kind": "freeze_controller"})).await;
    for round in 0..10 {
        for partition in 0..PARTITIONS {
            assert!(world.quote(partition).await.is_kafka());
            assert!(world.order(partition, &format!("frozen-{partition}-{round}")).await.is_kafka());
        }
    }
    world.inject(json!({"kind": "thaw_controller"})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

/// A lost broker under a frozen controller: no ISR can shrink, so every partition of a cluster of three is stuck.
async fn lost_under_a_frozen_controller(fault: &str, heal: &str) {
    let world = World::start(degrade()).await;
    world.inject(json!({"kind": "freeze_controller"})).await;
    world.inject(json!({"kind": fault, "broker": 2})).await;
    for partition in 0..PARTITIONS {
        flips(&world, partition).await;
    }
    world.inject(json!({"kind": "thaw_controller"})).await;
    world.inject(json!({"kind": heal, "broker": 2})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

#[tokio::test]
async fn a_killed_broker_under_a_frozen_controller_stops_every_partition() {
    lost_under_a_frozen_controller("kill_broker", "start_broker").await;
}

#[tokio::test]
async fn a_frozen_broker_under_a_frozen_controller_stops_every_partition() {
    lost_under_a_frozen_controller("freeze_broker", "thaw_broker").await;
}

#[tokio::test]
async fn a_black_holed_broker_under_a_frozen_controller_stops_every_partition() {
    lost_under_a_frozen_controller("black_hole_broker", "restore_broker").await;
}

#[tokio::test]
async fn a_killed_broker_with_a_live_controller_is_survived_without_a_heal() {
    let world = World::start(degrade()).await;
    world.inject(json!({"kind": "kill_broker", "broker": 2})).await;
    flips(&world, 1).await;
    world.is_healthy("elected").await;
    world.inject(json!({"kind": "start_broker", "broker": 2})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

#[tokio::test]
async fn a_broker_that_stops_in_order_hands_over_and_nobody_has_to_heal_it() {
    let world = World::start(degrade()).await;
    world.inject(json!({"kind": "stop_broker", "broker": 2})).await;
    world.is_healthy("handed-over").await;
    world.inject(json!({"kind": "start_broker", "broker": 2})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

#[tokio::test]
async fn a_slow_broker_degrades_until_it_is_fast_again() {
    let world = World::start(degrade()).await;
    world.inject(json!({"kind": "slow_broker", "broker": 2, "delay_ms": 900})).await;
    flips(&world, 1).await;
    world.inject(json!({"kind": "restore_broker_speed", "broker": 2})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

#[tokio::test]
async fn a_lost_coordinator_does_not_touch_the_request_path() {
    let world = World::start(degrade()).await;
    world.inject(json!({"kind": "lose_coordinator"})).await;
    for round in 0..10 {
        for partition in 0..PARTITIONS {
            assert!(world.quote(partition).await.is_kafka());
            assert!(world.order(partition, &format!("lost-{partition}-{round}")).await.is_kafka());
        }
    }
    world.inject(json!({"kind": "restore_coordinator"})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

#[tokio::test]
async fn enough_stuck_partitions_take_the_whole_cluster_off_kafka() {
    let world = World::start_on(&ClusterPlan { partitions: 8, ..three_brokers() }, degrade()).await;
    world.inject(json!({"kind": "strip_leader", "topic": "*", "partitions": [0, 1, 2, 3]})).await;
    flips(&world, 7).await;
    let mode = world.mode(world.system.quote_address()).await;
    assert_eq!(
        mode["scopes"][0],
        json!({"name": "cluster", "partitions": 8, "open": 4, "admits_permille": 0})
    );
    assert_eq!(mode["circuits"][7]["state"], "closed", "by itself; its scope is not");
    world.inject(json!({"kind": "restore_leader", "topic": "*", "partitions": [0, 1, 2, 3]})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

#[tokio::test]
async fn an_operator_takes_a_partition_off_kafka_and_gives_it_back() {
    let world = World::start(degrade()).await;
    let quote = world.system.quote_address();
    let open =
        json!({"scope": "quote-1", "state": "open", "for_s": 600, "why": "broker 2 is being replaced"});
    let answer = world.orders_mode(quote, open).await;
    assert_eq!((answer.status, &answer.body["circuits"][1]["state"]), (200, &json!("forced_open")));
    assert!(world.quote(1).await.is_degraded());
    assert!(world.quote(0).await.is_kafka());
    assert_eq!(world.mode(quote).await["circuits"][1]["why"], "broker 2 is being replaced");
    let counted = world.metrics(quote).await;
    assert!(
        counted.contains("leaderless_quote_circuit_state{partition=\"1\",state=\"forced_open\"} 1"),
        "{counted}"
    );
    let answer = world.orders_mode(quote, json!({"scope": "quote-1", "state": "auto", "why": "done"})).await;
    assert_eq!(answer.status, 200);
    world.is_healthy("after").await;
    let refused = world.orders_mode(quote, json!({"scope": "quote-1", "state": "ajar", "why": "?"})).await;
    assert_eq!((refused.status, &refused.body["executed"]), (422, &json!("no")));
    world.stop().await;
}

#[tokio::test]
async fn an_order_in_doubt_is_found_out_under_its_own_id() {
    let world = World::start(degrade()).await;
    world.inject(json!({"kind": "strip_leader", "topic": "*", "partitions": [0]})).await;
    let caught = world.order(0, "caught").await;
    assert_eq!((caught.status, &caught.body["executed"]), (504, &json!("unknown")), "{caught:?}");
    flips(&world, 0).await;
    world.inject(json!({"kind": "restore_leader", "topic": "*", "partitions": [0]})).await;
    world
        .eventually("the order is found out", async || {
            let state = world.look_up(0, "caught").await.body["state"].clone();
            state == "FAILED" || state == "FILLED"
        })
        .await;
    world.stop().await;
}

#[tokio::test]
async fn the_same_id_is_the_same_order_or_a_conflict() {
    let world = World::start(degrade()).await;
    let first = world.order(0, "once").await;
    assert!(first.is_kafka(), "{first:?}");
    let again = world.order(0, "once").await;
    assert_eq!(again.body, first.body);
    assert_eq!(world.order_of(0, "once", "0.002").await.status, 409);
    world.stop().await;
}

#[tokio::test]
async fn without_protection_orders_hang_until_the_heal() {
    let world = World::start(Strategy::Hang).await;
    world.inject(json!({"kind": "strip_leader", "topic": "*", "partitions": [0]})).await;
    let mut hung = Box::pin(world.order(0, "hung"));
    // Long enough that any deadline of the other strategy would have ended it.
    let waited = tokio::time::timeout(std::time::Duration::from_secs(2), &mut hung).await;
    assert!(waited.is_err(), "{waited:?}");
    assert!(world.order(1, "beside").await.is_kafka());
    world.inject(json!({"kind": "restore_leader", "topic": "*", "partitions": [0]})).await;
    assert!(hung.await.is_kafka());
    world.stop().await;
}
