//! What the nodes' own metrics say: in the outage, while it heals, and in the end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lab::NodeMetrics;

use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::Ground;

const OF_CONTROLLERS: [&str; 4] =
    ["ActiveControllerCount", "OfflinePartitionsCount", "FencedBrokerCount", "ActiveBrokerCount"];
const OF_BROKERS: [&str; 5] = [
    "UnderReplicatedPartitions",
    "UnderMinIsrPartitionCount",
    "OfflineReplicaCount",
    "LeaderCount",
    "PartitionCount",
];

/// What a leader counts of its own partitions. Who leads the topic of `CreateTopics` is drawn, so these are added up.
const OF_LEADERS: [&str; 2] = ["UnderReplicatedPartitions", "LeaderCount"];

/// What turns red while a cluster heals, if anything does.
const ALARMS: [&str; 3] =
    ["OfflinePartitionsCount", "UnderReplicatedPartitions", "UnderMinIsrPartitionCount"];

/// How often they are read while it heals.
const EVERY: Duration = Duration::from_millis(500);

/// All metrics at one moment, `when` as the table calls it.
pub async fn at(ground: &Ground, when: &str) -> Vec<Seen> {
    let nodes = ground.lab.metrics().await;
    let controllers = OF_CONTROLLERS.map(|name| {
        let values = nodes.iter().filter(|node| is_controller(node)).filter_map(|node| value(node, name));
        let most = values.fold(None, |most: Option<f64>, value| Some(most.map_or(value, |m| m.max(value))));
        ground.seen(format!("metrics {when}: controller's {name}"), Class::word(spelled(most)))
    });
    let brokers = OF_BROKERS.map(|name| {
        let brokers = nodes.iter().filter(|node| !is_controller(node));
        let each: Vec<Option<f64>> = brokers.map(|node| value(node, name)).collect();
        let word = if OF_LEADERS.contains(&name) { together(&each) } else { one_by_one(&each) };
        ground.seen(format!("metrics {when}: brokers' {name}"), Class::word(word))
    });
    controllers.into_iter().chain(brokers).collect()
}

/// Reads the alarms until `until` and says which went off.
pub async fn alarms(ground: &Ground, until: Instant) -> Vec<Seen> {
    let mut went_off = BTreeSet::new();
    while Instant::now() < until {
        let nodes = ground.lab.metrics().await;
        for name in ALARMS {
            if nodes.iter().filter_map(|node| value(node, name)).any(|value| value > 0.0) {
                went_off.insert(name);
            }
        }
        tokio::time::sleep(EVERY).await;
    }
    let word = |name| if went_off.contains(name) { "above 0" } else { "0" };
    ALARMS
        .map(|name| ground.seen(format!("metrics, healing: {name} of any node"), Class::word(word(name))))
        .to_vec()
}

fn is_controller(node: &NodeMetrics) -> bool {
    node.node.starts_with("controller")
}

fn value(node: &NodeMetrics, name: &str) -> Option<f64> {
    node.values.as_ref()?.get(name).copied()
}

fn one_by_one(each: &[Option<f64>]) -> String {
    each.iter().map(|value| spelled(*value)).collect::<Vec<_>>().join(", ")
}

fn together(each: &[Option<f64>]) -> String {
    let sum: f64 = each.iter().flatten().sum();
    match each.iter().filter(|value| value.is_none()).count() {
        0 => format!("{sum:.0} together"),
        silent => format!("{sum:.0} together, {silent} silent"),
    }
}

fn spelled(value: Option<f64>) -> String {
    value.map_or_else(|| "no answer".to_owned(), |value| format!("{value:.0}"))
}
