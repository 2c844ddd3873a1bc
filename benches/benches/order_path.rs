//! The whole order path while everything is healthy: HTTP -> 201 over Kafka, open loop at 200 orders/s.
//!
//! Nine embedded brokers; then, where Java and Kafka are, three embedded ones beside three of Apache Kafka, which run as
//! the JVM ships and are given a minute to get warm.

use std::sync::Arc;
use std::time::Duration;

use lab::apache::Kafka;
use lab::faults::Needs;
use leaderless::game_day::load;
use leaderless::system::{ClusterKind, System};
use loadgen::Boundaries;
use recorder::{Outcome, Phase};
use scenario::{Catalogue, Load, Mix, Scenario};

const RATE_PER_S: f64 = 200.0;
const WARM_UP: Duration = Duration::from_secs(3);
const WARM_UP_OF_A_JVM: Duration = Duration::from_secs(60);
const THREE_BROKERS: &str = "total-stall";
const MEASURED: Duration = Duration::from_secs(15);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure_all(Catalogue::DEFAULT, &ClusterKind::Embedded, WARM_UP))?;
    let kafka = match Kafka::find() {
        Ok(kafka) => kafka,
        Err(missing) => {
            println!("on Apache Kafka: NOT MEASURED: {missing}");
            return Ok(());
        }
    };
    let apache = ClusterKind::Apache { kafka, needs: Needs::of([]) };
    runtime.block_on(measure_all(THREE_BROKERS, &ClusterKind::Embedded, WARM_UP))?;
    runtime.block_on(measure_all(THREE_BROKERS, &apache, WARM_UP_OF_A_JVM))
}

async fn measure_all(scenario: &str, cluster: &ClusterKind, warm_up: Duration) -> anyhow::Result<()> {
    let scenario = Catalogue::get(scenario, lab::faults::kinds())?;
    println!("{} brokers, {cluster}:", scenario.cluster.brokers);
    for arm in &scenario.arms {
        measure(&scenario, &arm.name, cluster, warm_up).await?;
    }
    Ok(())
}

async fn measure(
    scenario: &Scenario,
    arm: &str,
    cluster: &ClusterKind,
    warm_up: Duration,
) -> anyhow::Result<()> {
    let strategy = &scenario.arm(arm).ok_or_else(|| anyhow::anyhow!("no arm {arm}"))?.strategy;
    let products = &scenario.load.products;
    let system = System::start(cluster, &scenario.cluster, strategy, products, 7).await?;
    let orders_only = Load {
        rate_per_s: RATE_PER_S,
        mix: Mix { quotes: 0, orders: 1 },
        warmup: warm_up,
        before: MEASURED,
        outage: Duration::ZERO,
        recovery: Duration::ZERO,
        ..scenario.load.clone()
    };
    let plan = load::plan(&orders_only, 7, arm, system.quote_address(), system.trade_address())?;
    let result = loadgen::spawn(Arc::new(plan))?.finished().await?;
    let warm = |seen: &loadgen::Observation<'_>| seen.intended >= warm_up;
    let recorded = result.recorder(&Boundaries { outage: None, recovery: None }, warm);
    let all: u64 = Outcome::ALL.iter().map(|outcome| recorded.count(Phase::Before, *outcome)).sum();
    let ok = recorded.summary(Phase::Before, Outcome::OkKafka);
    match ok.and_then(|ok| Some((ok.count, ok.response_ms?))) {
        Some((count, response)) => println!(
            "  {arm}: {count} of {all} orders over Kafka at {RATE_PER_S}/s: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms \
             (target for degrade: p50 at most 10 ms)",
            response.p50, response.p99, response.max
        ),
        None => println!("  {arm}: none of {all} orders went over Kafka"),
    }
    system.stop().await
}
