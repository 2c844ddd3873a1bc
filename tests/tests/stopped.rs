//! The process itself is stopped now and then, as by a debugger, a hypervisor or a neighbour: nobody is moved off Kafka.
//!
//! Alone in its binary, since everything in the process is stopped with it.
#![cfg(unix)]

use std::process::Command;
use std::time::Duration;

use circuit::Decision;
use story_tests::{PARTITIONS, World, degrade};

/// Stops its parent for 300 ms, ten times.
const STOPS: &str =
    "for i in 1 2 3 4 5 6 7 8 9 10; do kill -STOP $PPID; sleep 0.3; kill -CONT $PPID; sleep 0.3; done";

#[tokio::test]
async fn a_process_that_is_stopped_now_and_then_moves_nobody() {
    let world = World::start(degrade()).await;
    let mut notices = world.system.notices();
    let mut stops = Command::new("sh").args(["-c", STOPS]).spawn().expect("a shell");
    let mut round = 0;
    while stops.try_wait().expect("a child").is_none() {
        round += 1;
        for partition in 0..PARTITIONS {
            world.quote(partition).await;
            world.order(partition, &format!("stopped-{partition}-{round}")).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let opened = std::iter::from_fn(|| notices.try_recv().ok())
        .filter(|notice| notice.change.decisions() == (Decision::Primary, Decision::Fallback));
    let opened: Vec<String> = opened.map(|notice| format!("{}: {notice}", notice.service)).collect();
    assert!(opened.is_empty(), "{opened:#?}");
    world.stop().await;
}
