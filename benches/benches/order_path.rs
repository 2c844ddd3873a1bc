//! The whole order path while everything is healthy: HTTP -> 201 over Kafka, open loop.
//!
//! Nine embedded brokers at 200 orders/s; then, where Java and Kafka are, three embedded ones beside three of Apache
//! Kafka, which run as the JVM ships and are given a minute to get warm. Those are asked for 20 orders/s: an order is
//! eleven records on three replicas each, and 200/s of them are all that two cores can do with four JVMs. The arms are
//! those that are played by default, and `degrade` once more with hardly any heartbeats.

use std::sync::Arc;
use std::time::Duration;

use lab::apache::Kafka;
use lab::faults::Needs;
use leaderless::game_day::load;
use leaderless::system::{ClusterKind, System};
use loadgen::{Boundaries, RunResult};
use recorder::{Outcome, Phase};
use scenario::{Arm, Catalogue, DegradePlan, Load, Mix, Numbers, Scenario, Strategy};

const MANY_PER_S: f64 = 200.0;
const FEW_PER_S: f64 = 20.0;
const WARM_UP: Duration = Duration::from_secs(3);
const WARM_UP_OF_A_JVM: Duration = Duration::from_secs(60);
const THREE_BROKERS: &str = "total-stall";
/// After the warm-up, and not measured either.
const SETTLED: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(15);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let embedded = ClusterKind::Embedded;
    runtime.block_on(measure_all(Catalogue::DEFAULT, &embedded, MANY_PER_S, WARM_UP))?;
    let kafka = match Kafka::find() {
        Ok(kafka) => kafka,
        Err(missing) => {
            println!("on Apache Kafka: NOT MEASURED: {missing}");
            return Ok(());
        }
    };
    let apache = ClusterKind::Apache { kafka, needs: Needs::of([]) };
    runtime.block_on(measure_all(THREE_BROKERS, &embedded, FEW_PER_S, WARM_UP))?;
    runtime.block_on(measure_all(THREE_BROKERS, &apache, FEW_PER_S, WARM_UP_OF_A_JVM))
}

async fn measure_all(
    scenario: &str,
    cluster: &ClusterKind,
    rate_per_s: f64,
    warm_up: Duration,
) -> anyhow::Result<()> {
    let scenario = Catalogue::get(scenario, lab::faults::kinds())?;
    println!("{} brokers, {cluster}:", scenario.cluster.brokers);
    let played: Vec<_> = scenario.arms.iter().filter(|arm| !arm.optional).cloned().collect();
    let quiet = played.iter().filter_map(with_few_heartbeats);
    for arm in played.iter().cloned().chain(quiet) {
        measure(&scenario, &arm, cluster, rate_per_s, warm_up).await?;
    }
    Ok(())
}

/// An arm with circuits, whose heartbeats are a record every ten seconds to each partition of a path.
fn with_few_heartbeats(arm: &Arm) -> Option<Arm> {
    let Strategy::Degrade(plan) = &arm.strategy else { return None };
    let circuit: Numbers = plan.circuit.iter().chain([("heartbeat_period_ms", 10_000)]).collect();
    let strategy = Strategy::Degrade(DegradePlan { circuit, ..plan.clone() });
    Some(Arm { name: format!("{}-few-heartbeats", arm.name), strategy, ..arm.clone() })
}

async fn measure(
    scenario: &Scenario,
    arm: &Arm,
    cluster: &ClusterKind,
    rate_per_s: f64,
    warm_up: Duration,
) -> anyhow::Result<()> {
    let products = &scenario.load.products;
    let system = System::start(cluster, &scenario.cluster, &arm.strategy, products, 7).await?;
    // A JVM compiles what it meets often, so a warm-up is at the higher rate.
    drive(scenario, &arm.name, &system, MANY_PER_S / 2.0, warm_up).await?;
    let result = drive(scenario, &arm.name, &system, rate_per_s, SETTLED + MEASURED).await?;
    let warm = |seen: &loadgen::Observation<'_>| seen.intended >= SETTLED;
    let recorded = result.recorder(&Boundaries { outage: None, recovery: None }, warm);
    let name = &arm.name;
    let all: u64 = Outcome::ALL.iter().map(|outcome| recorded.count(Phase::Before, *outcome)).sum();
    let ok = recorded.summary(Phase::Before, Outcome::OkKafka);
    match ok.and_then(|ok| Some((ok.count, ok.response_ms?))) {
        Some((count, response)) => println!(
            "  {name}: {count} of {all} orders over Kafka at {rate_per_s}/s: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms \
             (target for degrade: p50 at most 10 ms)",
            response.p50, response.p99, response.max
        ),
        None => println!("  {name}: none of {all} orders went over Kafka"),
    }
    system.stop().await
}

/// Orders alone, for a while.
async fn drive(
    scenario: &Scenario,
    arm: &str,
    system: &System,
    rate_per_s: f64,
    lasting: Duration,
) -> anyhow::Result<RunResult> {
    let orders_only = Load {
        rate_per_s,
        mix: Mix { quotes: 0, orders: 1 },
        warmup: Duration::ZERO,
        before: lasting,
        outage: Duration::ZERO,
        recovery: Duration::ZERO,
        ..scenario.load.clone()
    };
    let seed = lasting.as_secs();
    let plan = load::plan(&orders_only, seed, arm, system.quote_address(), system.trade_address())?;
    Ok(loadgen::spawn(Arc::new(plan))?.finished().await?)
}
