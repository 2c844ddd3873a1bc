//! Orders that are asked for more than once, taken back too late, or caught by an outage: one execution at most, and
//! nothing on the record that a customer was told did not happen.

use std::time::Duration;

use futures::future::join_all;
use leaderless::game_day::ledger;
use report::LedgerResult;
use serde_json::json;
use story_tests::{Answer, PARTITIONS, PATIENCE, World, degrade};
use trading::ids::{AccountId, ClientOrderId, OrderKey};
use trading::order::Executed;

/// Holds the record against what customers were told; waits for orders in doubt to be resolved.
async fn audit(world: &World, answers: &[(OrderKey, Executed)]) -> LedgerResult {
    let settings = world.system.client("story");
    let found = ledger::audit(&settings, PARTITIONS, answers, PATIENCE).await.expect("a record");
    assert!(found.complete, "every record was read");
    found.ledger
}

fn key(world: &World, partition: u16, id: &str) -> OrderKey {
    let account = AccountId::new(world.account(partition)).expect("an account");
    OrderKey { account, client_order_id: ClientOrderId::new(id).expect("an id") }
}

/// What the customer was told about the execution.
fn told(answer: &Answer) -> Executed {
    match answer.body["executed"].as_str() {
        Some("yes") => Executed::Yes,
        Some("no") => Executed::No,
        Some("unknown") => Executed::Unknown,
        _ => panic!("every answer to an order says whether it is executed: {answer:?}"),
    }
}

#[tokio::test]
async fn twenty_callers_of_the_same_order_get_one_answer_and_one_trade() {
    let world = World::start(degrade()).await;
    let answers = join_all((0..20).map(|_| world.order(0, "same"))).await;
    for answer in &answers {
        assert!(answer.is_kafka(), "{answer:?}");
        assert_eq!(answer.body, answers[0].body);
    }
    // To the audit an order told as executed that has no trade is a violation, and so is one with two.
    let ledger = audit(&world, &[(key(&world, 0, "same"), Executed::Yes)]).await;
    assert_eq!(ledger.violations_total, 0, "{:?}", ledger.violations);
    world.stop().await;
}

#[tokio::test]
async fn a_filled_order_cannot_be_taken_back_and_an_unknown_one_is_not_found() {
    let world = World::start(degrade()).await;
    assert!(world.order(0, "filled").await.is_kafka());
    let too_late = world.cancel(0, "filled").await;
    assert_eq!((too_late.status, &too_late.body["executed"]), (409, &json!("yes")), "{too_late:?}");
    assert_eq!(world.look_up(0, "filled").await.body["state"], "FILLED");
    let never_placed = world.cancel(0, "never-placed").await;
    assert_eq!(never_placed.status, 404, "{never_placed:?}");
    // The same id of another account is another order.
    assert_eq!(world.cancel(1, "filled").await.status, 404);
    world.stop().await;
}

#[tokio::test]
async fn no_order_of_an_outage_is_told_one_thing_and_recorded_as_another() {
    const ORDERS: u16 = 60;
    let world = World::start(degrade()).await;
    let place = async |n: u16| {
        let (partition, id) = (n % PARTITIONS, format!("flip-{n}"));
        // Arrivals at a pace: before the leaders are gone, while that is noticed, and after it.
        tokio::time::sleep(Duration::from_millis(u64::from(n) * 25)).await;
        let answer = world.order(partition, &id).await;
        (key(&world, partition, &id), told(&answer))
    };
    let strip = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.inject(json!({"kind": "strip_leader", "topic": "*", "partitions": [0]})).await;
    };
    let (answers, ()) = tokio::join!(join_all((0..ORDERS).map(place)), strip);
    world.inject(json!({"kind": "restore_leader", "topic": "*", "partitions": [0]})).await;
    world.is_healthy("after").await;

    let count = |what| answers.iter().filter(|(_, executed)| *executed == what).count();
    let (yes, no, unknown) = (count(Executed::Yes), count(Executed::No), count(Executed::Unknown));
    assert!(yes > 0 && no > 0, "both sides of the flip were seen: {yes} yes, {no} no, {unknown} unknown");
    let ledger = audit(&world, &answers).await;
    assert_eq!((ledger.violations_total, ledger.unresolved), (0, 0), "{:?}", ledger.violations);
    assert_eq!(ledger.in_doubt, u64::try_from(unknown).expect("few"));
    assert!(ledger.balanced, "the ledger sums to zero");
    for ((key, executed), n) in answers.iter().zip(0..) {
        if *executed == Executed::Unknown {
            let found = world.look_up(n % PARTITIONS, key.client_order_id.as_str()).await;
            let state = &found.body["state"];
            assert!(*state == "FAILED" || *state == "FILLED", "{key} is resolved: {state}");
        }
    }
    world.stop().await;
}
