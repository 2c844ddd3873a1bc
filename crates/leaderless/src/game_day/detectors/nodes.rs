//! What the nodes' own metrics would have told whoever watches them.
//!
//! A node that does not answer leaves its alarms as they were: a dashboard has no value, which is none of an alarm's
//! business. That it does not answer is a sign of its own.

use std::time::Instant;

use lab::NodeMetrics;

use super::Detector;
use super::signs::Signs;

/// Notes what the nodes say now. Nothing, where nobody can ask them.
pub(super) fn note(nodes: &[NodeMetrics], at: Instant, signs: &mut Signs) {
    if nodes.is_empty() {
        return;
    }
    signs.says(Detector::MetricsUnanswered, nodes.iter().any(|node| node.values.is_none()), at);
    let mut alarm = |detector: Detector, wrong: fn(f64) -> bool| {
        if let Some(sum) = sum(nodes, detector.name()) {
            signs.says(detector, wrong(sum), at);
        }
    };
    alarm(Detector::OfflinePartitions, |sum| sum > 0.0);
    alarm(Detector::UnderReplicated, |sum| sum > 0.0);
    alarm(Detector::ActiveController, |sum| sum != 1.0);
}

/// Over all nodes that say it; `None` if none does.
fn sum(nodes: &[NodeMetrics], name: &str) -> Option<f64> {
    let said = nodes.iter().filter_map(|node| node.values.as_ref()?.get(name));
    said.copied().reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(node: &str, values: Option<&[(&str, f64)]>) -> NodeMetrics {
        let values =
            values.map(|values| values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect());
        NodeMetrics { node: node.to_owned(), values }
    }

    /// Which detectors give a sign when the nodes go from `before` to `after`.
    fn signs(before: &[NodeMetrics], after: &[NodeMetrics]) -> Vec<&'static str> {
        let (mut signs, from) = (Signs::default(), Instant::now());
        note(before, from, &mut signs);
        let struck = Instant::now();
        note(after, struck, &mut signs);
        let given = Detector::ALL.into_iter().filter(|it| signs.first(*it, struck, None).is_some());
        given.map(Detector::name).collect()
    }

    fn healthy() -> Vec<NodeMetrics> {
        let controller = [("ActiveControllerCount", 1.0), ("OfflinePartitionsCount", 0.0)];
        let broker = [("UnderReplicatedPartitions", 0.0)];
        vec![node("controller 1001", Some(&controller)), node("broker 1", Some(&broker))]
    }

    #[test]
    fn a_frozen_controller_keeps_its_alarms_green_and_is_missed_by_who_asks_it() {
        let frozen = [node("controller 1001", None), healthy().remove(1)];
        assert_eq!(signs(&healthy(), &frozen), ["metrics_unanswered"]);
    }

    #[test]
    fn values_that_are_wrong_are_signs() {
        let controller = [("ActiveControllerCount", 0.0), ("OfflinePartitionsCount", 3.0)];
        let broker = [("UnderReplicatedPartitions", 7.0)];
        let wrong = [node("controller 1001", Some(&controller)), node("broker 1", Some(&broker))];
        let all = ["OfflinePartitionsCount", "UnderReplicatedPartitions", "ActiveControllerCount"];
        assert_eq!(signs(&healthy(), &wrong), all);
        assert_eq!(signs(&healthy(), &[]), [""; 0], "nobody could ask");
    }
}
