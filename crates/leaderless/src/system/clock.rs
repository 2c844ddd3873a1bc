//! The clock of the cluster: a preset with a scenario's overrides, and how it is reported.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::{Clock, Spec};
use scenario::{ClockPlan, ClockPreset, ClusterPlan};

/// The embedded cluster that a scenario describes.
#[must_use]
pub(super) fn spec(plan: &ClusterPlan, seed: u64) -> Spec {
    Spec {
        brokers: u32::from(plan.brokers),
        zones: u32::from(plan.zones),
        clock: clock(&plan.clock),
        replication_factor: plan.replication_factor.cast_signed(),
        min_isr: plan.min_isr.cast_signed(),
        partitions: i32::from(plan.partitions),
        seed,
        ..Spec::new()
    }
}

fn clock(plan: &ClockPlan) -> Clock {
    let preset = match plan.preset {
        ClockPreset::Apache => Clock::apache(),
        ClockPreset::Compressed => Clock::compressed(),
    };
    Clock {
        session: plan.session.unwrap_or(preset.session),
        heartbeat: plan.heartbeat.unwrap_or(preset.heartbeat),
        replica_lag: plan.replica_lag.unwrap_or(preset.replica_lag),
        stale_check: plan.stale_check.unwrap_or(preset.stale_check),
        quorum_election: plan.quorum_election.unwrap_or(preset.quorum_election),
        broker_start: plan.broker_start.unwrap_or(preset.broker_start),
        offsets_commit: plan.offsets_commit.unwrap_or(preset.offsets_commit),
        leader_rebalance: plan.leader_rebalance.unwrap_or(preset.leader_rebalance),
    }
}

/// Every time of a scenario's cluster by its name, in milliseconds.
#[must_use]
pub(super) fn values_ms(plan: &ClusterPlan) -> BTreeMap<String, u64> {
    let clock = clock(&plan.clock);
    let all = [
        ("session", clock.session),
        ("heartbeat", clock.heartbeat),
        ("replica_lag", clock.replica_lag),
        ("stale_check", clock.stale_check),
        ("quorum_election", clock.quorum_election),
        ("broker_start", clock.broker_start),
        ("offsets_commit", clock.offsets_commit),
        ("leader_rebalance", clock.leader_rebalance),
    ];
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    all.into_iter().map(|(name, time)| (name.to_owned(), ms(time))).collect()
}
