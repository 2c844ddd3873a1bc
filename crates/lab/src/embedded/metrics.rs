//! What the nodes would say of themselves, under Apache Kafka's names.
//!
//! Who does not run does not answer: a frozen controller is asked in vain, which is why dashboards that are fed by it
//! stay as they were. A black hole swallows what goes to a broker's Kafka port, and not the questions of a dashboard.

use std::collections::BTreeMap;

use cluster::{BrokerState, Process, State};

use crate::NodeMetrics;

/// The only controller; Apache's are counted from here as well.
const CONTROLLER: &str = "controller 1001";

pub(super) fn of(state: &State) -> Vec<NodeMetrics> {
    let controller = NodeMetrics {
        node: CONTROLLER.to_owned(),
        values: (!state.controller.frozen || state.controller.quorum_lost).then(|| of_controller(state)),
    };
    let brokers = state.brokers.iter().map(|broker| NodeMetrics {
        node: format!("broker {}", broker.broker.0),
        values: matches!(broker.link.process, Process::Running | Process::BlackHoled)
            .then(|| of_broker(state, broker)),
    });
    std::iter::once(controller).chain(brokers).collect()
}

fn of_controller(state: &State) -> BTreeMap<String, f64> {
    let fenced = state.brokers.iter().filter(|broker| broker.fenced).count();
    named([
        ("ActiveControllerCount", state.controller.active_controller_count),
        ("OfflinePartitionsCount", state.controller.offline_partitions_count),
        ("FencedBrokerCount", fenced),
        ("ActiveBrokerCount", state.brokers.len() - fenced),
    ])
}

fn of_broker(state: &State, broker: &BrokerState) -> BTreeMap<String, f64> {
    let partitions = || state.topics.iter().flat_map(|topic| &topic.partitions);
    let led = partitions().filter(|partition| partition.leader == Some(broker.broker)).count();
    let held = partitions().filter(|partition| partition.replicas.contains(&broker.broker)).count();
    named([
        ("UnderReplicatedPartitions", broker.under_replicated_partitions),
        ("UnderMinIsrPartitionCount", broker.under_min_isr_partition_count),
        // A log directory that fails is none of the faults.
        ("OfflineReplicaCount", 0),
        ("LeaderCount", led),
        ("PartitionCount", held),
    ])
}

fn named<const N: usize>(values: [(&str, usize); N]) -> BTreeMap<String, f64> {
    values.into_iter().map(|(name, value)| (name.to_owned(), value as f64)).collect()
}
