//! The tables `[incident]`, `[cluster]` and `[load]`.

use std::time::Duration;

use super::section::Section;
use crate::model::{Arrivals, ClockPlan, ClockPreset, ClusterPlan, Incident, Load, Mix, Placement};

/// The longest line of prose.
const PROSE_CHARS_MAX: usize = 400;
/// The most lines of prose under one key.
const PROSE_LINES_MAX: usize = 40;
/// The most intended requests of a run, as the load generator precomputes them.
const REQUESTS_MAX: f64 = 20_000_000.0;

pub(super) fn incident(mut section: Section<'_>) -> Incident {
    let title = section.require("title", "one line in quotes").and_then(|entry| entry.text(PROSE_CHARS_MAX));
    let read = Incident {
        title: title.unwrap_or_default().to_owned(),
        sources: prose(&mut section, "sources"),
        reported: prose(&mut section, "reported"),
        modelled: prose(&mut section, "modelled"),
    };
    section.finish();
    read
}

/// A list of lines that must be there and not be empty: a game day says where it comes from.
fn prose(section: &mut Section<'_>, key: &'static str) -> Vec<String> {
    let Some(entry) = section.require(key, "a list of texts") else { return Vec::new() };
    let Some(items) = entry.items(PROSE_LINES_MAX) else { return Vec::new() };
    if items.is_empty() {
        entry.reject("must have at least one entry");
    }
    items.iter().filter_map(|item| item.text(PROSE_CHARS_MAX)).map(str::to_owned).collect()
}

pub(super) fn cluster(mut section: Section<'_>) -> ClusterPlan {
    let brokers = count(&mut section, "brokers", 100).unwrap_or(3);
    let zones = count(&mut section, "zones", 100).unwrap_or(brokers.min(3));
    let replication_factor = count(&mut section, "replication_factor", 100).unwrap_or(brokers.min(3));
    let min_isr = count(&mut section, "min_isr", 100).unwrap_or(replication_factor.min(2));
    let at_most = |section: &Section<'_>, key, value, limit, of| {
        if value > limit {
            section.reject(key, format!("must be at most {of}, which is {limit}"));
        }
    };
    at_most(&section, "zones", zones, brokers, "cluster.brokers");
    at_most(&section, "replication_factor", replication_factor, brokers, "cluster.brokers");
    at_most(&section, "min_isr", min_isr, replication_factor, "cluster.replication_factor");
    let plan = ClusterPlan {
        brokers,
        zones,
        replication_factor,
        min_isr,
        partitions: count(&mut section, "partitions", 1000).unwrap_or(9),
        placement: section.choice("placement", &Placement::NAMES).unwrap_or(Placement::Aligned),
        clock: clock(&mut section),
    };
    section.finish();
    plan
}

/// `clock = "compressed"`, or a table of `preset` and single values.
fn clock(cluster: &mut Section<'_>) -> ClockPlan {
    if let Some(named) = cluster.get("clock").filter(|entry| entry.is_text()) {
        let preset = named.choice(&ClockPreset::NAMES).unwrap_or_default();
        return ClockPlan { preset, ..ClockPlan::default() };
    }
    let mut section = cluster.section("clock");
    let preset = section.choice("preset", &ClockPreset::NAMES).unwrap_or_default();
    let mut millis = |key| section.millis(key, 10..=600_000);
    let plan = ClockPlan {
        preset,
        session: millis("session_ms"),
        heartbeat: millis("heartbeat_ms"),
        replica_lag: millis("replica_lag_ms"),
        stale_check: millis("stale_check_ms"),
        quorum_election: millis("quorum_election_ms"),
        broker_start: millis("broker_start_ms"),
        offsets_commit: millis("offsets_commit_ms"),
        leader_rebalance: millis("leader_rebalance_ms"),
    };
    section.finish();
    plan
}

pub(super) fn load(mut section: Section<'_>) -> Load {
    let ms = Duration::from_millis;
    let deadline = section.millis("deadline_ms", 10..=600_000).unwrap_or(ms(2000));
    // Its bound lies beyond the longest deadline, or the default could not be written down and read back.
    let drain = section.seconds("drain_s", 0.0..=660.0).unwrap_or(deadline + ms(500));
    let load = Load {
        arrivals: section.choice("arrivals", &Arrivals::NAMES).unwrap_or(Arrivals::Poisson),
        rate_per_s: section.number("rate_per_s", 0.1..=20_000.0).unwrap_or(200.0),
        mix: mix(&mut section),
        accounts: count(&mut section, "accounts", 10_000).unwrap_or(90),
        products: products(&mut section),
        warmup: section.seconds("warmup_s", 0.0..=600.0).unwrap_or(ms(1000)),
        before: section.seconds("before_s", 0.1..=3600.0).unwrap_or(ms(5000)),
        outage: section.seconds("outage_s", 0.1..=3600.0).unwrap_or(ms(8000)),
        recovery: section.seconds("recovery_s", 0.1..=3600.0).unwrap_or(ms(8000)),
        drain,
        deadline,
        in_flight_max: count(&mut section, "in_flight_max", 100_000).unwrap_or(512),
        lag_max: section.millis("lag_ms_max", 1..=60_000).unwrap_or(ms(50)),
    };
    let requests = load.rate_per_s * (load.warmup + load.measured()).as_secs_f64();
    if requests > REQUESTS_MAX {
        section.reject("rate_per_s", format!("makes {requests:.0} requests in all: at most {REQUESTS_MAX}"));
    }
    section.finish();
    load
}

fn mix(load: &mut Section<'_>) -> Mix {
    let mut section = load.section("mix");
    let mut weight = |key, otherwise| {
        section.integer(key, 0..=1000).and_then(|it| it.try_into().ok()).unwrap_or(otherwise)
    };
    let mix = Mix { quotes: weight("quotes", 4), orders: weight("orders", 1) };
    if mix.quotes == 0 && mix.orders == 0 {
        section.complain("one of quotes and orders must be above 0");
    }
    section.finish();
    mix
}

fn products(load: &mut Section<'_>) -> Vec<String> {
    let Some(entry) = load.get("products") else {
        return ["BTC-USD", "ETH-USD", "SOL-USD"].map(str::to_owned).to_vec();
    };
    let items = entry.items(20).unwrap_or_default();
    if items.is_empty() {
        entry.reject("must have at least one product");
    }
    let mut products = Vec::new();
    for item in items {
        match item.text(20) {
            Some(name) if !is_product(name) => {
                item.reject("must be two assets in capitals, e.g. \"BTC-USD\"")
            }
            Some(name) => products.push(name.to_owned()),
            None => {}
        }
    }
    products
}

fn is_product(name: &str) -> bool {
    let asset = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    name.split_once('-').is_some_and(|(base, quote)| asset(base) && asset(quote))
}

/// A whole number from 1 to `max`.
fn count<N: TryFrom<i64>>(section: &mut Section<'_>, key: &'static str, max: i64) -> Option<N> {
    section.integer(key, 1..=max).and_then(|number| number.try_into().ok())
}
