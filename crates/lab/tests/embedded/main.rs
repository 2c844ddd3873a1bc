//! The embedded cluster from outside: sockets, frames, clients.

mod clients;
mod connection;
mod faults;
mod feed;
mod frames;
mod links;
mod start;
mod wire;

use std::time::Duration;

use cluster::{Clock, NewReplicas, NewTopic, Spec};
use lab::embedded::{Embedded, EmbeddedSpec};
use scenario::FaultCall;

/// Long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Three brokers whose sessions run out in 300 ms, with a topic `orders` of three partitions, RF 3.
async fn small() -> Embedded {
    let clock = Clock {
        session: Duration::from_millis(300),
        heartbeat: Duration::from_millis(50),
        ..Clock::compressed()
    };
    started(Spec { clock, ..Spec::new() }, &[("orders", 3)]).await
}

async fn started(spec: Spec, topics: &[(&str, i32)]) -> Embedded {
    let lab = Embedded::start(EmbeddedSpec { cluster: spec, ..EmbeddedSpec::default() }).expect("a cluster");
    let topic = |(name, partitions): &(&str, i32)| NewTopic {
        name: (*name).to_owned(),
        replicas: NewReplicas::Counts { partitions: *partitions, replication_factor: -1 },
        configs: Vec::new(),
    };
    lab.create_topics(topics.iter().map(topic).collect()).await.expect("topics");
    lab
}

fn call(json: serde_json::Value) -> FaultCall {
    lab::faults::call_from_json(json.as_object().expect("an object")).unwrap_or_else(|e| panic!("{e}"))
}

async fn inject(lab: &Embedded, json: serde_json::Value) {
    use lab::Lab as _;
    lab.inject(&call(json)).await.unwrap_or_else(|e| panic!("{e}"));
}

/// Polls until the answer is there, with patience.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// Waits for what must happen.
async fn soon<T>(what: &str, happening: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, happening).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// Sees that something does not happen for a while.
async fn not_for_a_while<T>(what: &str, happening: impl Future<Output = T>) {
    let waited = tokio::time::timeout(Duration::from_millis(300), happening).await;
    assert!(waited.is_err(), "it happened: {what}");
}
