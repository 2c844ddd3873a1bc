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

/// How long the load goes on. `LASTING_S=60 cargo test -p story-tests --test moments pauses` is the minute that it once was.
fn lasting() -> Duration {
    let told = std::env::var("LASTING_S").map_or(12, |told| told.parse().expect("seconds"));
    Duration::from_secs(told)
}

/// What a turn on a processor may be waited for, so that healthy orders of dozens of hops stay far below 200 ms. Threads of
/// this test waited for 0.1 to 0.7 ms beside compilers, and for 1.5 to 2.5 ms beside eight busy loops (measured). Looked at
/// once in all the spells, about two seconds, so that a bad time is not lost among good ones.
const TURN_WAITED_MAX: Duration = Duration::from_millis(1);

/// How long the threads of this process stood in line for a processor, and how often they had one; nothing where the kernel
/// keeps no account.
fn stood_in_line() -> Option<(Duration, u32)> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?.flatten();
    let accounts = threads.filter_map(|thread| {
        let account = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let mut numbers = account.split_whitespace().skip(1).map(str::parse::<u64>);
        Some((Duration::from_nanos(numbers.next()?.ok()?), u32::try_from(numbers.next()?.ok()?).ok()?))
    });
    accounts.reduce(|(waited, turns), (more, also)| (waited + more, turns + also))
}

/// How long a turn was waited for since then, on the average.
fn waited_since(before: Option<(Duration, u32)>) -> Option<Duration> {
    let ((waited, turns), (waited_now, turns_now)) = (before?, stood_in_line()?);
    Some(waited_now.saturating_sub(waited) / turns_now.saturating_sub(turns).max(1))
}

/// A machine that starves this process slows every hop down, and a circuit may take that for a stuck Kafka: nothing is said
/// of such a run, and it says so.
#[tokio::test]
async fn pauses_and_bursts_move_nobody_on_a_machine_that_lets_them_run() {
    let world = World::start(degrade()).await;
    let (mut notices, mut before) = (world.system.notices(), stood_in_line());
    let until = Instant::now() + lasting();
    let (mut calls, mut waited) = (0, None);
    // A trickle, a pause, a burst.
    let spells = [(1, 20), (2, 5), (1, 400), (20, 50), (3, 0), (40, 1_500)];
    for round in 0.. {
        if round % spells.len() == 0 {
            (waited, before) = (waited.max(waited_since(before)), stood_in_line());
            if Instant::now() > until {
                break;
            }
        }
        let (calls_at_once, pause_ms) = spells[round % spells.len()];
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
    println!("{calls} calls, {} circuits opened, a turn was waited for {waited:?} at worst", opened.len());
    let starved = waited.is_some_and(|waited| waited > TURN_WAITED_MAX);
    assert!(starved || opened.is_empty(), "{waited:?}: {:#?}", shown(&opened));
    world.stop().await;
}
