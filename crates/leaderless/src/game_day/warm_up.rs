//! Quotes that nobody counts, before a cluster of real brokers is measured.
//!
//! A JVM interprets what it has not met before, and compiles what it meets often: the first seconds of nine fresh
//! brokers would measure their compilers, and open every circuit. So the load's own rate is driven, as quotes, which
//! leave nothing in the ledger, until a round of it comes back as from a healthy cluster.

use std::sync::Arc;
use std::time::Duration;

use recorder::{Outcome, Phase};
use scenario::{Load, Mix, Scenario};

use super::load;
use crate::system::System;

/// What is looked at before it is decided whether to go on.
const ROUND: Duration = Duration::from_secs(3);
/// The most rounds: on two idle cores two are enough for nine brokers, and a busy machine is never warm.
const ROUNDS_MAX: usize = 8;
/// Under `hang` a healthy quote takes five times `linger.ms`, 25 ms, and what the brokers take.
const P90_WARM: Duration = Duration::from_millis(100);

/// Whether the system was warm in the end.
///
/// # Errors
/// The load generator crashed, or the scenario's load is none.
pub(super) async fn run(scenario: &Scenario, seed: u64, system: &System) -> anyhow::Result<bool> {
    for round in 0..ROUNDS_MAX {
        if warm(&scenario.load, seed.wrapping_add(round as u64), system).await? {
            return Ok(true);
        }
        system.check()?;
    }
    Ok(false)
}

async fn warm(load: &Load, seed: u64, system: &System) -> anyhow::Result<bool> {
    let quotes_only = Load {
        mix: Mix { quotes: 1, orders: 0 },
        warmup: Duration::ZERO,
        before: ROUND,
        outage: Duration::ZERO,
        recovery: Duration::ZERO,
        ..load.clone()
    };
    let plan = load::plan(&quotes_only, seed, "warm-up", system.quote_address(), system.trade_address())?;
    let result = loadgen::spawn(Arc::new(plan))?.finished().await?;
    let recorded = result.recorder(&loadgen::Boundaries { outage: None, recovery: None }, |_| true);
    let over_kafka = recorded.summary(Phase::Before, Outcome::OkKafka);
    let all = Outcome::ALL.iter().map(|outcome| recorded.count(Phase::Before, *outcome)).sum::<u64>();
    let fast = over_kafka.is_some_and(|ok| {
        let p90 = ok.response_ms.map_or(f64::MAX, |it| it.p90);
        ok.count == all && p90 <= P90_WARM.as_secs_f64() * 1e3
    });
    Ok(fast && system.admits_everything().await)
}
