//! Moments: what passes by itself, over the real services.
//!
//! A thaw moves the leaders of one broker, and its customers leave Kafka until the clients have found the new ones: that
//! is right, and it must be theirs only. Load that pauses and bursts moves nobody.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use circuit::Decision;
use cluster::Change;
use contracts::topics;
use futures::future::join_all;
use lab::timeline::What;
use scenario::ClusterPlan;
use serde_json::json;
use service_kit::health::ModeNotice;
use story_tests::{World, degrade, three_brokers};
use tokio::sync::broadcast::Receiver;

const PARTITIONS: u16 = 9;

/// The circuits that opened so far.
fn opened(notices: &mut Receiver<ModeNotice>) -> Vec<ModeNotice> {
    let all = std::iter::from_fn(|| notices.try_recv().ok());
    all.filter(|notice| notice.change.decisions() == (Decision::Primary, Decision::Fallback)).collect()
}

fn shown(notices: &[ModeNotice]) -> Vec<String> {
    notices.iter().map(|notice| format!("{}: {notice}", notice.service)).collect()
}

/// Asks on every partition in turn, round after round, for so long. One call at a time: what is meant to move nobody must
/// not keep every core busy.
async fn shop(world: &World, name: &str, lasting: Duration) {
    let until = Instant::now() + lasting;
    let mut round = 0;
    while Instant::now() < until {
        round += 1;
        for partition in 0..PARTITIONS {
            world.quote(partition).await;
            world.order(partition, &format!("{name}-{partition}-{round}")).await;
        }
    }
}

/// The partition indexes whose leader changed from `since` on, in any topic.
fn moved(world: &World, since: Duration) -> BTreeSet<usize> {
    let entries = world.system.lab().timeline().entries().into_iter().filter(|entry| entry.at >= since);
    let moved = entries.filter_map(|entry| match entry.what {
        What::Cluster(Change::Leader { partition, .. })
            if topics::ALL.iter().any(|topic| topic.name == partition.topic.to_string()) =>
        {
            usize::try_from(partition.partition).ok()
        }
        _ => None,
    });
    moved.collect()
}

#[tokio::test]
async fn a_frozen_controller_that_thaws_moves_only_the_customers_of_the_leaders_that_moved() {
    let plan = ClusterPlan { brokers: 9, partitions: PARTITIONS, ..three_brokers() };
    let world = World::start_on(&plan, degrade()).await;
    world.inject(json!({"kind": "freeze_controller"})).await;
    let mut notices = world.system.notices();
    // Longer than a session.
    shop(&world, "frozen", Duration::from_secs(2)).await;
    let early = opened(&mut notices);
    assert!(early.is_empty(), "a frozen controller alone is no harm: {:#?}", shown(&early));
    let thaw = world.system.lab().timeline().born().elapsed();
    world.inject(json!({"kind": "thaw_controller"})).await;
    shop(&world, "thawed", Duration::from_secs(3)).await;
    world.is_healthy("after").await;
    let (opened, moved) = (opened(&mut notices), moved(&world, thaw));
    let theirs =
        |notice: &ModeNotice| notice.change.partition().is_some_and(|partition| moved.contains(&partition));
    assert!(opened.iter().all(theirs), "the leaders of {moved:?} moved: {:#?}", shown(&opened));
    world.stop().await;
}

/// A minute of it: `cargo test -p story-tests --test moments -- --ignored`, on a machine that has nothing else to do.
#[tokio::test]
#[ignore = "a minute of load"]
async fn a_minute_of_pauses_and_bursts_moves_nobody() {
    let world = World::start(degrade()).await;
    let mut notices = world.system.notices();
    let until = Instant::now() + Duration::from_secs(60);
    let mut calls = 0;
    for round in 0.. {
        if Instant::now() > until {
            break;
        }
        // A trickle, a pause, a burst: each spell once in so many rounds.
        let (calls_at_once, pause_ms) = [(1, 20), (2, 5), (1, 400), (20, 50), (3, 0), (40, 3_000)][round % 6];
        join_all((0..calls_at_once).map(async |call| {
            let partition = u16::try_from(call % 3).expect("small");
            if call % 5 == 0 {
                world.order(partition, &format!("minute-{round}-{call}")).await;
            } else {
                world.quote(partition).await;
            }
        }))
        .await;
        calls += calls_at_once;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    let opened = opened(&mut notices);
    println!("{calls} calls, {} circuits opened", opened.len());
    assert!(opened.is_empty(), "{:#?}", shown(&opened));
    world.stop().await;
}
