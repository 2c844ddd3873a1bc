//! Quotes that nobody counts, before a cluster of real brokers is measured.
//!
//! A JVM interprets what it has not met before, and compiles what it meets often: the first seconds of nine fresh
//! brokers would measure their compilers, and open every circuit. So quotes are asked for, which leave nothing in the
//! ledger: at a quarter of the load's rate until a round comes back as from a healthy cluster, so that nothing piles
//! up, and then at all of it. The detectors look all the while, as they will: what answers them is cold, too.

use std::sync::Arc;
use std::time::Duration;

use recorder::{Outcome, Phase};
use scenario::{Load, Mix, Scenario, Strategy};

use super::detectors::Race;
use super::load;
use crate::system::System;

/// What is looked at before it is decided whether to go on.
const ROUND: Duration = Duration::from_secs(3);
/// The most rounds, with their drains about a minute: a machine that is not warm by then is too busy to measure on.
const ROUNDS_MAX: usize = 10;
/// Under `hang` a healthy quote takes five times `linger.ms`, 25 ms, and what the brokers take.
const P90_WARM: Duration = Duration::from_millis(100);

/// Whether the system was warm in the end.
///
/// # Errors
/// The load generator crashed, a part of the system ended, or the scenario's load is none.
pub(super) async fn run(
    scenario: &Scenario,
    strategy: &Strategy,
    seed: u64,
    system: &System,
) -> anyhow::Result<bool> {
    let mut race = Race::new(system, scenario, strategy)?;
    let warm = tokio::select! {
        warm = rounds(scenario, seed, system) => warm,
        never = race.run(system.lab()) => match never {},
    };
    race.close().await;
    warm
}

async fn rounds(scenario: &Scenario, seed: u64, system: &System) -> anyhow::Result<bool> {
    let all = scenario.load.rate_per_s;
    let mut at_all_of_it = false;
    for round in 0..ROUNDS_MAX {
        let load = quotes_only(&scenario.load, if at_all_of_it { all } else { all / 4.0 });
        let warm = is_warm(&load, seed.wrapping_add(round as u64), system).await?;
        if warm && at_all_of_it {
            return Ok(true);
        }
        at_all_of_it = warm;
        system.check()?;
    }
    Ok(false)
}

fn quotes_only(load: &Load, rate_per_s: f64) -> Load {
    Load {
        rate_per_s,
        mix: Mix { quotes: 1, orders: 0 },
        warmup: Duration::ZERO,
        before: ROUND,
        outage: Duration::ZERO,
        recovery: Duration::ZERO,
        ..load.clone()
    }
}

async fn is_warm(load: &Load, seed: u64, system: &System) -> anyhow::Result<bool> {
    let plan = load::plan(load, seed, "warm-up", system.quote_address(), system.trade_address())?;
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
