//! The topics of the trading path, placed as a scenario says.
//!
//! Placed alike, partition `p` of every topic lies on the same brokers, so that what belongs to one account fails
//! together or not at all. Spread, every topic is shifted by one broker, and a request crosses as many fates as its
//! path has topics.

use bus::NewTopic;
use cluster::BrokerId;
use cluster::placement::rack_aware;
use contracts::topics;
use scenario::{ClusterPlan, Placement};

/// The topics that the three services need, in the order in which a request meets them first.
const TOPICS: [&str; 12] = [
    topics::ORDERS,
    topics::QUOTE_REQUESTS,
    topics::FEE_REQUESTS,
    topics::QUOTE_REPLIES,
    topics::TRADE_REPLIES,
    topics::QUOTES,
    topics::TRADES,
    topics::LEDGER,
    topics::FEES,
    topics::MARKET_TICKS,
    topics::MODES,
    topics::DEAD_LETTERS,
];

/// The topics that an order waits for: the first eight.
const ORDER_PATH: usize = 8;

/// The same by name.
pub(crate) const ORDER_PATH_TOPICS: &[&str] = TOPICS.split_at(ORDER_PATH).0;

/// Every topic with its replicas.
#[must_use]
pub(super) fn placed(plan: &ClusterPlan) -> Vec<NewTopic> {
    let topic = |(ordinal, name): (usize, &&str)| {
        let replicas = replicas(plan, plan.placement, ordinal);
        let ids = replicas.into_iter().map(|brokers| brokers.into_iter().map(|b| b.0).collect()).collect();
        NewTopic::new(*name, bus::Placement::Explicit(ids))
            .with("min.insync.replicas", plan.min_isr.to_string())
    };
    TOPICS.iter().enumerate().map(topic).collect()
}

/// On how many of the partitions an order waits for a replica on `broker`, if topics were placed like that.
///
/// With one broker lost under a frozen controller this is how many order paths stop: no ISR can shrink, so a lost
/// follower stops a partition as a lost leader does.
#[must_use]
pub fn order_paths_touched(plan: &ClusterPlan, placement: Placement, broker: i32) -> usize {
    let topics: Vec<_> = (0..ORDER_PATH).map(|ordinal| replicas(plan, placement, ordinal)).collect();
    let touched = |p: &usize| topics.iter().any(|partitions| partitions[*p].contains(&BrokerId(broker)));
    (0..usize::from(plan.partitions)).filter(touched).count()
}

fn replicas(plan: &ClusterPlan, placement: Placement, ordinal: usize) -> Vec<Vec<BrokerId>> {
    let zone = |id: u16| format!("zone-{}", (id - 1) % plan.zones);
    let brokers: Vec<_> = (1..=plan.brokers).map(|id| (BrokerId(i32::from(id)), zone(id))).collect();
    let start = match placement {
        Placement::Aligned => 0,
        Placement::Spread => ordinal,
    };
    rack_aware(&brokers, usize::from(plan.partitions), usize::from(plan.replication_factor), start, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenario::ClockPlan;

    fn plan(brokers: u16) -> ClusterPlan {
        ClusterPlan {
            brokers,
            zones: 3,
            replication_factor: 3,
            min_isr: 2,
            partitions: 9,
            placement: Placement::Aligned,
            clock: ClockPlan::default(),
        }
    }

    #[test]
    fn one_of_nine_brokers_touches_a_third_of_aligned_paths_and_all_spread_ones() {
        assert_eq!(order_paths_touched(&plan(9), Placement::Aligned, 2), 3);
        assert_eq!(order_paths_touched(&plan(9), Placement::Spread, 2), 9);
    }

    #[test]
    fn one_of_three_brokers_touches_every_path() {
        assert_eq!(order_paths_touched(&plan(3), Placement::Aligned, 2), 9);
    }

    #[test]
    fn every_topic_of_the_contracts_is_placed() {
        let placed: Vec<_> = placed(&plan(9)).iter().map(|topic| topic.name().to_owned()).collect();
        for topic in topics::ALL {
            assert!(placed.iter().any(|name| name == topic.name), "{}", topic.name);
        }
    }
}
