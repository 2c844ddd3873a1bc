//! The whole order path while everything is healthy: HTTP -> 201 over Kafka, open loop.
//!
//! Nine embedded brokers at 200 orders/s; then, where Java and Kafka are, three embedded ones beside three of Apache
//! Kafka as a game day starts them, given a minute and a half to get warm. Those are asked for 20 orders/s, and for one
//! after the other: an order is eleven records on three replicas each, and 200/s of them are all that two cores can do
//! with four JVMs. Every broker leads one partition of each topic. The arms are those that are played by default, and
//! `degrade` once more with hardly any heartbeats; `-- NAME ...` plays some of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lab::apache::Kafka;
use lab::faults::Needs;
use leaderless::game_day::load;
use leaderless::system::{ClusterKind, System};
use loadgen::{Boundaries, RunResult};
use recorder::{Outcome, Phase};
use scenario::{Arm, Catalogue, ClusterPlan, DegradePlan, Load, Mix, Numbers, Scenario, Strategy};

const MANY: Pace = Pace { rate_per_s: 200.0, one_at_a_time: false };
const FEW: Pace = Pace { rate_per_s: 20.0, one_at_a_time: false };
/// The next one comes when the one before is answered, 5 ms later on average; what would come before is not sent.
const ONE_BY_ONE: Pace = Pace { one_at_a_time: true, ..MANY };
/// A JVM compiles what it meets often.
const WARMING: Pace = Pace { rate_per_s: 100.0, ..MANY };
const WARM_UP: Duration = Duration::from_secs(3);
const WARM_UP_OF_A_JVM: Duration = Duration::from_secs(90);
const THREE_BROKERS: &str = "total-stall";
/// After the warm-up, and not measured either.
const SETTLED: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(15);

/// How orders come.
#[derive(Clone, Copy)]
struct Pace {
    rate_per_s: f64,
    one_at_a_time: bool,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let embedded = ClusterKind::Embedded;
    runtime.block_on(measure_all(Catalogue::DEFAULT, &embedded, &[MANY], WARM_UP))?;
    let kafka = match Kafka::find() {
        Ok(kafka) => kafka,
        Err(missing) => {
            println!("on Apache Kafka: NOT MEASURED: {missing}");
            return Ok(());
        }
    };
    let apache = ClusterKind::Apache { kafka, needs: Needs::of([]) };
    runtime.block_on(measure_all(THREE_BROKERS, &embedded, &[FEW, ONE_BY_ONE], WARM_UP))?;
    runtime.block_on(measure_all(THREE_BROKERS, &apache, &[FEW, ONE_BY_ONE], WARM_UP_OF_A_JVM))
}

async fn measure_all(
    scenario: &str,
    cluster: &ClusterKind,
    paces: &[Pace],
    warm_up: Duration,
) -> anyhow::Result<()> {
    let mut scenario = Catalogue::get(scenario, lab::faults::kinds())?;
    let ClusterPlan { brokers, partitions, .. } = &mut scenario.cluster;
    *partitions = *brokers;
    println!("{brokers} brokers, {partitions} partitions a topic, {cluster}:");
    let played: Vec<_> = scenario.arms.iter().filter(|arm| !arm.optional).cloned().collect();
    let quiet = played.iter().filter_map(with_few_heartbeats);
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |arm: &Arm| named.is_empty() || named.contains(&arm.name);
    for arm in played.iter().cloned().chain(quiet).filter(wanted) {
        measure(&scenario, &arm, cluster, paces, warm_up).await?;
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
    paces: &[Pace],
    warm_up: Duration,
) -> anyhow::Result<()> {
    let products = &scenario.load.products;
    let system = System::start(cluster, &scenario.cluster, &arm.strategy, products, 7).await?;
    drive(scenario, &arm.name, &system, WARMING, warm_up).await?;
    for pace in paces {
        let result = drive(scenario, &arm.name, &system, *pace, SETTLED + MEASURED).await?;
        print(&arm.name, *pace, &result);
    }
    system.stop().await
}

fn print(arm: &str, pace: Pace, result: &RunResult) {
    let warm = |seen: &loadgen::Observation<'_>| seen.intended >= SETTLED;
    let recorded = result.recorder(&Boundaries { outage: None, recovery: None }, warm);
    let sent = |outcome: &&Outcome| !(pace.one_at_a_time && **outcome == Outcome::UnsentCap);
    let all = Outcome::ALL.iter().filter(sent).map(|outcome| recorded.count(Phase::Before, *outcome));
    let (all, how) = (all.sum::<u64>(), pace.to_string());
    let ok = recorded.summary(Phase::Before, Outcome::OkKafka);
    match ok.and_then(|ok| Some((ok.count, ok.response_ms?))) {
        Some((count, response)) => println!(
            "  {arm}: {count} of {all} orders over Kafka, {how}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms (target for \
             degrade: p50 at most 10 ms; published 2021, of records: p50 < 10 ms)",
            response.p50, response.p99, response.max
        ),
        None => println!("  {arm}: none of {all} orders went over Kafka, {how}"),
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { one_at_a_time: true, .. } => f.write_str("one after the other"),
            Self { rate_per_s, .. } => write!(f, "{rate_per_s}/s"),
        }
    }
}

/// Orders alone, for a while.
async fn drive(
    scenario: &Scenario,
    arm: &str,
    system: &System,
    pace: Pace,
    lasting: Duration,
) -> anyhow::Result<RunResult> {
    let orders_only = Load {
        rate_per_s: pace.rate_per_s,
        in_flight_max: if pace.one_at_a_time { 1 } else { scenario.load.in_flight_max },
        mix: Mix { quotes: 0, orders: 1 },
        warmup: Duration::ZERO,
        before: lasting,
        outage: Duration::ZERO,
        recovery: Duration::ZERO,
        ..scenario.load.clone()
    };
    // Of its own: an order that has an answer already would get that one.
    let seed = lasting.as_secs() * 1_000 + pace.rate_per_s as u64;
    let plan = load::plan(&orders_only, seed, arm, system.quote_address(), system.trade_address())?;
    Ok(loadgen::spawn(Arc::new(plan))?.finished().await?)
}
