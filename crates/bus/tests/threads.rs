//! No thread is left behind. Alone in its binary, because it counts the threads of the process.

#![cfg(target_os = "linux")]

mod common;

use bus::{Admin, Producer, StartAt};
use common::{SOON, cluster, eventually, reader, record, settings};

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[tokio::test]
async fn every_thread_of_every_client_ends_though_the_cluster_is_down() {
    let cluster = cluster(&["topic"]);
    // The pool of blocking threads is tokio's, and keeps its threads for a while: have one before counting.
    tokio::task::spawn_blocking(|| ()).await.unwrap();
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
