//! Where replicas go: striped over the zones, as Kafka's own placer does it.

use crate::api::BrokerId;

/// Replicas of each of `partitions` partitions, the preferred leader first.
///
/// `brokers` come with their zones. They are ordered so that neighbours are in different zones; partition `p` starts
/// at broker `start + p` and its followers are the brokers after it, moved on by one more each time the leaders have
/// gone around (`shift` is where that begins), so that with as many partitions as brokers each broker leads one
/// partition and follows in `replication_factor - 1` others.
///
/// Returns fewer replicas than asked for only if there are fewer brokers.
#[must_use]
pub fn rack_aware(
    brokers: &[(BrokerId, String)],
    partitions: usize,
    replication_factor: usize,
    start: usize,
    shift: usize,
) -> Vec<Vec<BrokerId>> {
    let order = alternating(brokers);
    let replicas = replication_factor.min(order.len());
    (0..partitions).map(|p| striped(&order, start + p, shift + p / order.len().max(1), replicas)).collect()
}

/// One broker of each zone in turn, until all are used.
fn alternating(brokers: &[(BrokerId, String)]) -> Vec<(BrokerId, &str)> {
    let mut zones: Vec<(&str, Vec<BrokerId>)> = Vec::new();
    for (broker, zone) in brokers {
        match zones.iter_mut().find(|(name, _)| name == zone) {
            Some((_, members)) => members.push(*broker),
            None => zones.push((zone, vec![*broker])),
        }
    }
    let rounds = zones.iter().map(|(_, members)| members.len()).max().unwrap_or(0);
    let nth =
        |round: usize| zones.iter().filter_map(move |(zone, members)| Some((*members.get(round)?, *zone)));
    (0..rounds).flat_map(nth).collect()
}

/// The leader at `first`, then followers from there on, new zones before zones that have a replica already.
fn striped(order: &[(BrokerId, &str)], first: usize, shift: usize, replicas: usize) -> Vec<BrokerId> {
    let count = order.len();
    if count == 0 {
        return Vec::new();
    }
    let leader = order[first % count];
    // After a full round the followers are other ones than in the round before, or pairs would always fail together.
    let rotated: Vec<_> =
        (0..count - 1).map(|i| order[(first + 1 + (i + shift) % (count - 1)) % count]).collect();
    let mut chosen = vec![leader];
    for fresh_zones_only in [true, false] {
        for candidate in &rotated {
            let fresh = chosen.iter().all(|(_, zone)| zone != &candidate.1);
            let free = chosen.iter().all(|(broker, _)| broker != &candidate.0);
            if chosen.len() < replicas && free && (fresh || !fresh_zones_only) {
                chosen.push(*candidate);
            }
        }
    }
    chosen.into_iter().map(|(broker, _)| broker).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brokers(count: i32, zones: i32) -> Vec<(BrokerId, String)> {
        (1..=count).map(|b| (BrokerId(b), format!("zone-{}", (b - 1) % zones))).collect()
    }

    #[test]
    fn nine_brokers_in_three_zones_share_nine_partitions_evenly() {
        let placed = rack_aware(&brokers(9, 3), 9, 3, 0, 0);
        for broker in 1..=9 {
            let leads = placed.iter().filter(|replicas| replicas[0] == BrokerId(broker)).count();
            let holds = placed.iter().filter(|replicas| replicas.contains(&BrokerId(broker))).count();
            assert_eq!((leads, holds), (1, 3), "broker {broker}");
        }
    }

    #[test]
    fn another_start_gives_another_leader_to_the_same_partition() {
        let (a, b) = (rack_aware(&brokers(9, 3), 9, 3, 0, 0), rack_aware(&brokers(9, 3), 9, 3, 3, 0));
        assert_ne!(a[0], b[0]);
    }

    proptest! {
        #[test]
        fn replicas_are_distinct_and_cover_the_zones(count in 1..40i32, zones in 1..6i32, partitions in 1..60usize,
            rf in 1..5usize, start in 0..50usize, shift in 0..50usize) {
            let zones = zones.min(count);
            let all = brokers(count, zones);
            for replicas in rack_aware(&all, partitions, rf, start, shift) {
                let mut sorted = replicas.clone();
                sorted.sort();
                sorted.dedup();
                prop_assert_eq!(sorted.len(), rf.min(count as usize));
                let mut covered: Vec<_> = replicas.iter().map(|b| (b.0 - 1) % zones).collect();
                covered.sort();
                covered.dedup();
                prop_assert_eq!(covered.len(), rf.min(zones as usize).min(count as usize));
            }
        }
    }
}
