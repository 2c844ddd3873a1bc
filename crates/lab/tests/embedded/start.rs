//! How long a start takes: printed, not asserted.

use std::time::Instant;

use cluster::Spec;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use lab::Lab as _;
use lab::embedded::{Embedded, EmbeddedSpec, Ports, StartError};

use crate::started;
use crate::wire::{self, Wire};

#[tokio::test]
async fn three_brokers_start() {
    let began = Instant::now();
    let lab = Embedded::start(EmbeddedSpec::default()).expect("a cluster");
    println!("3 brokers: {:?}", began.elapsed());
    assert_eq!(Wire::to(&lab, 1).await.metadata().await.brokers.len(), 3);
}

#[tokio::test]
async fn a_large_exchange_starts() {
    let began = Instant::now();
    let lab = started(Spec { brokers: 30, ..Spec::new() }, &[("orders", 512)]).await;
    let request = MetadataRequest::default().with_topics(None);
    let metadata: MetadataResponse =
        Wire::to(&lab, 30).await.ask(ApiKey::Metadata, wire::METADATA, &request).await;
    println!("30 brokers, a topic with 512 partitions: {:?}", began.elapsed());
    let orders = metadata.topics.iter().find(|t| t.partitions.len() == 512).expect("the topic");
    assert!(orders.partitions.iter().all(|p| p.leader_id.0 > 0 && p.replica_nodes.len() == 3));
    assert_eq!(metadata.brokers.len(), 30);
}

#[tokio::test]
async fn broker_n_listens_on_the_nth_port_of_a_base() {
    let base =
        std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address").port();
    let base = base.min(65_000);
    let spec = EmbeddedSpec { ports: Ports::From(base), ..EmbeddedSpec::default() };
    match Embedded::start(spec) {
        Ok(lab) => {
            let addresses: Vec<String> = lab.brokers().into_iter().map(|broker| broker.address).collect();
            assert_eq!(addresses, [0, 1, 2].map(|n| format!("127.0.0.1:{}", base + n)));
        }
        // Somebody else has one of these ports; then the error says which.
        Err(error) => assert!(matches!(error, StartError::Port { .. }), "{error}"),
    }
}

#[test]
fn ports_beyond_the_last_are_refused() {
    let spec = EmbeddedSpec { ports: Ports::From(65_534), ..EmbeddedSpec::default() };
    let refused = Embedded::start(spec).expect_err("there is no port 65536");
    assert_eq!(refused.to_string(), "broker 3 cannot listen on port 65536: the last port is 65535");
}

#[tokio::test]
async fn a_cluster_may_be_dropped_on_any_thread_and_stopped_twice() {
    let lab = Embedded::start(EmbeddedSpec::default()).expect("a cluster");
    lab.shutdown().await;
    lab.shutdown().await;
    drop(lab);
    let lab = Embedded::start(EmbeddedSpec::default()).expect("a cluster");
    std::thread::spawn(move || drop(lab)).join().expect("no panic");
}
