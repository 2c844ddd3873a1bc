//! The numbers that an arm may set in place of a service's own defaults: which there are, and between which bounds.
//!
//! The bounds are those of whoever takes the number, where one number does not depend on another; what depends is
//! checked by its taker, before a run begins. The takers live in crates that this one must not know, so a test of the
//! program that knows both holds the tables and the takers together.

use std::collections::BTreeMap;

/// A number by its key in a file; its unit is the end of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The key, e.g. `age_floor_ms`.
    pub key: &'static str,
    /// The smallest value, included.
    pub min: u32,
    /// The largest value, included.
    pub max: u32,
}

/// The numbers of an arm that are set, by their keys. What is not here keeps its taker's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(BTreeMap<&'static str, u32>);

impl Numbers {
    /// All that are set, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.0.iter().map(|(key, value)| (*key, *value))
    }

    /// The number of this key, if it is set.
    pub fn get(&self, key: &str) -> Option<u32> {
        self.0.get(key).copied()
    }
}

impl FromIterator<(&'static str, u32)> for Numbers {
    fn from_iter<I: IntoIterator<Item = (&'static str, u32)>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

const HOUR_MS: u32 = 3_600_000;

const fn number(key: &'static str, min: u32, max: u32) -> Number {
    Number { key, min, max }
}

/// `[arms.NAME.circuit]` of `degrade`: when circuits open and close. Every setting of a circuit is here.
pub const CIRCUIT: [Number; 35] = [
    number("slo_ms", 100, 60_000),
    number("age_floor_ms", 10, 30_000),
    number("gap_max_ms", 10, 1_000),
    number("window_ms", 1_000, HOUR_MS),
    number("heartbeat_period_ms", 20, 10_000),
    number("heartbeat_floor_ms", 10, 30_000),
    number("close_timeout_ms", 20, 30_000),
    number("probe_period_ms", 10, 10_000),
    number("probe_deadline_ms", 10, 30_000),
    number("probes_to_close", 1, 100),
    number("dwell_min_ms", 10, 600_000),
    number("dwell_max_ms", 10, 600_000),
    number("calm_ms", 100, HOUR_MS),
    number("suspect_hold_ms", 10, 600_000),
    number("drain_max_ms", 0, 60_000),
    number("slow_start_window_ms", 10, 600_000),
    number("slow_start_min_permille", 1, 1_000),
    number("slow_start_aggression_pct", 10, 1_000),
    number("escalate_permille", 1, 1_000),
    number("escalate_min", 1, 10_000),
    number("deescalate_permille", 0, 1_000),
    number("escalation_hold_ms", 10, 600_000),
    number("leader_limit_ms", 10, 60_000),
    number("demand_life_ms", 10, 600_000),
    number("ack_limit_ms", 10, 60_000),
    number("consumer_limit_ms", 10, 600_000),
    number("report_life_ms", 10, 600_000),
    number("completions_window_ms", 100, HOUR_MS),
    number("completions_min", 1, 1_000_000),
    number("failures_permille", 10, 1_000),
    number("slow_permille", 10, 1_000),
    number("slow_call_ms", 1, 60_000),
    number("queue_limit_ms", 10, 60_000),
    number("recovery_permille", 100, 900),
    number("lanes", 1, 64),
];

/// `[arms.NAME.layers]` of `degrade`: the bounds of the layers around and beside the circuits.
pub const LAYERS: [Number; 14] = [
    number("early_drop_least_ms", 0, 60_000),
    number("quotes_in_flight_max", 2, 1_000_000),
    number("orders_in_flight_max", 1, 1_000_000),
    number("orders_unresolved_max", 1, 1_000_000),
    number("orders_remembered_max", 1, 10_000_000),
    number("fallback_concurrency_max", 1, 65_536),
    number("fallback_staleness_ms_max", 0, 86_400_000),
    number("fallback_deadline_ms", 1, 60_000),
    number("fee_timeout_ms", 1, 10_000),
    number("shadow_one_in", 1, 1_000_000),
    number("shadow_concurrency_max", 1, 1_024),
    number("shadow_deadline_ms", 1, 60_000),
    number("shadow_strikes", 1, 1_000),
    number("proven_for_ms", 1_000, 86_400_000),
];

/// `[arms.NAME.breaker]` of `breaker`: the settings of tower-resilience's circuit breaker, under its own names.
pub const BREAKER: [Number; 8] = [
    number("failure_rate_permille", 1, 1_000),
    number("sliding_window_size", 1, 100_000),
    number("sliding_window_duration_ms", 1, 600_000),
    number("minimum_number_of_calls", 1, 100_000),
    number("wait_duration_in_open_ms", 1, 600_000),
    number("permitted_calls_in_half_open", 1, 10_000),
    number("slow_call_duration_ms", 1, 60_000),
    number("slow_call_rate_permille", 1, 1_000),
];
