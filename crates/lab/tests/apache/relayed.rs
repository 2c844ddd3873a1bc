//! A cluster whose links go through the relay: what its controller says when one broker is cut off.

use std::time::Duration;

use lab::Lab;
use lab::apache::{Apache, ApacheSpec, Network};
use serde_json::json;

use super::{inject, kafka};

/// Waits until the controller says so.
async fn eventually(cluster: &Apache, name: &str, wanted: f64) {
    let until = tokio::time::Instant::now() + Duration::from_secs(120);
    loop {
        let all = cluster.metrics().await;
        let controller = all.iter().find(|node| node.node == "controller 1001").expect("a controller");
        let value = controller.values.as_ref().and_then(|values| values.get(name)).copied();
        if value == Some(wanted) {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{name} is {value:?}, not {wanted}, for 120 s: {all:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_black_holed_broker_is_fenced_and_comes_back() {
    let Some((kafka, _turn)) = kafka().await else { return };
    if kafka.agent.is_none() {
        eprintln!("SKIPPED, nothing was tested: this Kafka has no metrics agent");
        return;
    }
    let spec = ApacheSpec { network: Network::Relayed, ..ApacheSpec::default() };
    let cluster = Apache::start(spec, &kafka).await.expect("it starts");
    eventually(&cluster, "ActiveBrokerCount", 3.0).await;
    inject(&cluster, json!({ "kind": "black_hole_broker", "broker": 2 })).await;
    eventually(&cluster, "FencedBrokerCount", 1.0).await;
    cluster.heal_all().await.expect("healed");
    eventually(&cluster, "FencedBrokerCount", 0.0).await;
    inject(&cluster, json!({ "kind": "freeze_controller" })).await;
    let frozen = cluster.metrics().await;
    assert!(
        frozen.iter().all(|node| node.values.is_some() != node.node.starts_with("controller")),
        "{frozen:?}"
    );
    cluster.shutdown().await;
}
