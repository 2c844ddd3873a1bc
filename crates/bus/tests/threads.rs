//! No thread is left behind. Alone in its binary, because it counts the threads of the process.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]
#![cfg(target_os = "linux")]

mod common;

use bus::{Admin, Producer, StartAt};
use common::{SOON, cluster, eventually, reader, record, settings};

/// The threads of the process but for tokio's, which stay for a while in case they are needed again.
fn threads() -> usize {
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap);
    // A thread that ends in between has no name any more.
    tasks.filter_map(|task| name(task).ok()).filter(|name| !name.starts_with("tokio")).count()
}

#[tokio::test]
async fn every_thread_of_every_client_ends_though_the_cluster_is_down() {
    let cluster = cluster(&["topic"]);
    let before = threads();
    let producer = Producer::new(&settings(&cluster)).unwrap();
    let reader = reader(&settings(&cluster), "topic", 4, StartAt::End).await;
    let admin = Admin::new(&settings(&cluster)).unwrap();
    assert!(admin.partition_count("topic", SOON).await.unwrap().is_some());
    assert!(threads() > before);

    cluster.broker_down(-1).unwrap();
    let _stuck = producer.send(&record("topic", 0, "x"), ()).unwrap();
    producer.close(SOON).await.unwrap();
    reader.close(SOON).await.unwrap();
    admin.close(SOON).await.unwrap();
    // A thread is in the list for a moment longer than it runs.
    eventually("all threads have ended", || threads() <= before).await;
}
