//! Every fault of the lab under every arm: what customers see while it lasts, and that it passes.
//!
//! Nine brokers in three zones with aligned topics, so that one lost broker touches three of nine partitions, and six
//! are healthy whatever happens to it. The table says of each fault whether anybody is stuck for as long as it lasts.
//!
//! | arm | who is stuck | who is healthy | who notices |
//! |---|---|---|---|
//! | `hang` | waits | is answered, or waits behind the stuck | nobody |
//! | `timeout` | waits out the deadline, every time | is answered | nobody |
//! | `breaker` | is refused once enough calls have timed out | is refused with them | the breaker |
//! | `degrade` | is answered without Kafka | is answered over Kafka | the circuits of the stuck partitions |
//!
//! Under `degrade` each circuit that opens does so once: no healthy partition with it, no second dip after the heal, no
//! flapping. That is told of circuits with patience; those with the defaults are asked who is stuck and how soon they noticed.
//! In both cases what a circuit tripped on was no older than its limit and a look, by its own clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use circuit::{Decision, Reason, Settings};
use contracts::partitioner::partition_of;
use contracts::topics;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use scenario::{BreakerPlan, ClusterPlan, DegradePlan, Strategy, TimeoutPlan};
use serde_json::{Value, json};
use service_kit::circuit_settings::CircuitSettings;
use service_kit::health::ModeNotice;
use story_tests::{PATIENCE, World, three_brokers};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;

const PARTITIONS: u16 = 9;
/// Systems at a time: most of a story is waiting, and the machine has two cores.
static SYSTEMS: Semaphore = Semaphore::const_new(3);
/// Longer than any deadline of the services: what takes longer has none.
const HANGS: Duration = Duration::from_millis(1_500);
/// Circuits with more patience than by default, so that a machine that stands still for half a second is not taken for a
/// stuck Kafka. The highest limit of an age is half of the objective.
const PATIENT: [(&str, u32); 9] = [
    ("slo_ms", 3_000),
    ("age_floor_ms", 1_000),
    ("heartbeat_floor_ms", 1_000),
    ("close_timeout_ms", 1_500),
    ("probe_deadline_ms", 1_000),
    ("leader_limit_ms", 1_000),
    ("ack_limit_ms", 1_500),
    ("queue_limit_ms", 1_000),
    ("slow_call_ms", 2_000),
];
/// Looks after the recovery, a tenth of a second apart, for a second dip.
const LOOKS: u32 = 10;

/// A fault with its heal.
struct Row {
    name: &'static str,
    inject: &'static [&'static str],
    heal: &'static [&'static str],
    harm: Harm,
}

impl Row {
    /// Whether healthy partitions are surely answered meanwhile by services that have no circuits. A broker answers a
    /// connection in its order: a record that is stuck on a leader that lives keeps those behind it waiting, of healthy
    /// partitions too, with a deadline and without. Where the leader is gone there is nobody to wait behind.
    fn leaves_the_others_alone(&self) -> bool {
        self.harm != Harm::Lasting || self.inject == ["strip_leader"]
    }
}

/// Whom a fault harms. `LOST` in a call is the broker that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// Some of the lost broker's partitions, until the heal.
    Lasting,
    /// Some of the lost broker's partitions, for a moment or not at all.
    Brief,
    /// Nobody, and at the heal the partitions of one broker for a moment.
    AtTheHeal,
    /// Nobody.
    None,
}

const ROWS: [Row; 11] = [
    Row { name: "slow", inject: &["slow_broker"], heal: &["restore_broker_speed"], harm: Harm::Lasting },
    Row { name: "stripped", inject: &["strip_leader"], heal: &["restore_leader"], harm: Harm::Lasting },
    Row { name: "group", inject: &["lose_coordinator"], heal: &["restore_coordinator"], harm: Harm::None },
    Row { name: "quorum", inject: &["lose_quorum"], heal: &["restore_quorum"], harm: Harm::None },
    Row { name: "frozen", inject: &["freeze_controller"], heal: &["thaw_controller"], harm: Harm::AtTheHeal },
    Row { name: "stopped", inject: &["stop_broker"], heal: &["start_broker"], harm: Harm::Brief },
    Row { name: "killed", inject: &["kill_broker"], heal: &["start_broker"], harm: Harm::Brief },
    Row { name: "still", inject: &["freeze_broker"], heal: &["thaw_broker"], harm: Harm::Brief },
    Row {
        name: "killed-frozen",
        inject: &["freeze_controller", "kill_broker"],
        heal: &["thaw_controller", "start_broker"],
        harm: Harm::Lasting,
    },
    Row {
        name: "still-frozen",
        inject: &["freeze_controller", "freeze_broker"],
        heal: &["thaw_controller", "thaw_broker"],
        harm: Harm::Lasting,
    },
    Row {
        name: "black-holed-frozen",
        inject: &["freeze_controller", "black_hole_broker"],
        heal: &["thaw_controller", "restore_broker"],
        harm: Harm::Lasting,
    },
];

/// A world whose map is known.
struct Story {
    world: World,
    /// The broker that is lost: one that has nothing of the prices' partition, which would grow old on a slow machine.
    lost: i32,
    /// Its partitions, the one that it leads by preference first.
    touched: Vec<u16>,
    notices: Receiver<ModeNotice>,
}

impl Story {
    async fn begin(strategy: Strategy) -> Self {
        let plan = ClusterPlan { brokers: 9, partitions: PARTITIONS, ..three_brokers() };
        let world = World::start_on(&plan, strategy).await;
        let replicas = replicas(&world);
        let prices = partition_of(b"BTC-USD", PARTITIONS.into());
        let lost = (1..=9).find(|broker| !replicas[&prices].contains(broker)).expect("three of nine have it");
        let mut touched: Vec<i32> =
            replicas.keys().copied().filter(|p| replicas[p].contains(&lost)).collect();
        touched.sort_by_key(|partition| replicas[partition][0] != lost);
        let touched = touched.into_iter().map(|partition| u16::try_from(partition).expect("a partition"));
        let notices = world.system.notices();
        Self { touched: touched.collect(), world, lost, notices }
    }

    fn healthy(&self) -> impl Iterator<Item = u16> {
        (0..PARTITIONS).filter(|partition| !self.touched.contains(partition))
    }

    async fn does(&self, calls: &[&str]) {
        for kind in calls {
            self.world.inject(call(kind, self.lost, self.touched[0])).await;
        }
    }

    /// A partition on which a quote does not come over Kafka.
    async fn stuck_one(&self) -> u16 {
        let mut stuck = None;
        self.world
            .eventually("somebody is stuck", async || {
                for partition in self.touched.iter().copied() {
                    let asked = tokio::time::timeout(HANGS, self.world.quote(partition)).await;
                    if !asked.is_ok_and(|answer| answer.is_kafka()) {
                        stuck = Some(partition);
                        return true;
                    }
                }
                false
            })
            .await;
        stuck.expect("it was found")
    }

    /// Quotes over Kafka on every partition that has nothing to do with the lost broker.
    async fn healthy_ones_are_answered(&self) {
        for partition in self.healthy() {
            self.world
                .eventually("a quote over Kafka", async || self.world.quote(partition).await.is_kafka())
                .await;
        }
    }

    fn noticed(&mut self) -> Vec<ModeNotice> {
        std::iter::from_fn(|| self.notices.try_recv().ok()).collect()
    }

    /// Every replica is in sync again, so that the next loss of the same broker does the same harm.
    async fn is_whole(&self) {
        let whole = async || {
            let topics = partitions(&self.world);
            topics.values().all(|(replicas, in_sync)| replicas.len() == in_sync.len())
        };
        self.world.eventually("every replica is in sync", whole).await;
    }

    async fn end(self) {
        self.world.stop().await;
    }
}

/// The brokers of each partition, the preferred leader first; aligned, they are those of every topic.
fn replicas(world: &World) -> BTreeMap<i32, Vec<i32>> {
    partitions(world).into_iter().map(|(partition, (replicas, _))| (partition, replicas)).collect()
}

/// The replicas of each partition, and those that are in sync.
fn partitions(world: &World) -> BTreeMap<i32, (Vec<i32>, Vec<i32>)> {
    let bootstrap = world.system.lab().bootstrap();
    let client: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("a client");
    let metadata = client.fetch_metadata(Some(topics::ORDERS), PATIENCE).expect("metadata");
    let partitions = metadata.topics()[0].partitions().iter();
    partitions.map(|p| (p.id(), (p.replicas().to_vec(), p.isr().to_vec()))).collect()
}

fn call(kind: &str, lost: i32, partition: u16) -> Value {
    match kind {
        "strip_leader" => json!({"kind": kind, "topic": "*", "partitions": [partition]}),
        "restore_leader" => json!({"kind": kind, "topic": "*"}),
        "slow_broker" => json!({"kind": kind, "broker": lost, "delay_ms": 3_000}),
        _ if kind.ends_with("_broker") || kind == "restore_broker_speed" => {
            json!({"kind": kind, "broker": lost})
        }
        _ => json!({"kind": kind}),
    }
}

#[test]
fn every_fault_of_the_lab_has_a_story() {
    let told: BTreeSet<&str> = ROWS.iter().flat_map(|row| row.inject).copied().collect();
    let there_are = lab::faults::kinds().iter().filter(|kind| kind.healed_by.is_some()).map(|kind| kind.name);
    assert_eq!(told, there_are.collect());
}

/// Tells all rows to one system, one after the other: these arms remember nothing of the last.
async fn told(strategy: Strategy, tell: impl AsyncFn(&mut Story, &Row)) {
    let _place = SYSTEMS.acquire().await;
    let mut story = Story::begin(strategy).await;
    for row in &ROWS {
        eprintln!("{}: {:?}", row.name, row.harm);
        tell(&mut story, row).await;
        story.is_whole().await;
    }
    story.end().await;
}

#[tokio::test]
async fn hanging_customers_of_a_stuck_partition_wait_for_the_heal_and_nobody_notices() {
    told(Strategy::Hang, async |story, row| {
        let mut hung = None;
        story.does(row.inject).await;
        if row.harm == Harm::Lasting {
            let stuck = story.stuck_one().await;
            let customer = (*story.world).clone();
            let mut order = Box::pin(async move { customer.order(stuck, row.name).await });
            assert!(
                tokio::time::timeout(HANGS, &mut order).await.is_err(),
                "{}: it has no deadline",
                row.name
            );
            hung = Some(order);
        }
        if row.leaves_the_others_alone() {
            story.healthy_ones_are_answered().await;
        }
        story.does(row.heal).await;
        if let Some(order) = hung {
            let answer = order.await;
            assert!(answer.is_kafka(), "{}: {answer:?}", row.name);
        }
        story.world.is_healthy(&format!("after-{}", row.name)).await;
        assert!(story.noticed().is_empty(), "{}: there is nobody who could notice", row.name);
    })
    .await;
}

#[tokio::test]
async fn a_deadline_alone_is_waited_out_again_and_again_and_nobody_notices() {
    told(Strategy::Timeout(TimeoutPlan::default()), async |story, row| {
        story.does(row.inject).await;
        if row.harm == Harm::Lasting {
            let stuck = story.stuck_one().await;
            for look in 0..3 {
                let quote = story.world.quote(stuck).await;
                assert_eq!((quote.status, &quote.body["executed"]), (504, &json!("no")), "{quote:?}");
                let order = story.world.order(stuck, &format!("{}-{look}", row.name)).await;
                assert_eq!((order.status, &order.body["executed"]), (504, &json!("unknown")), "{order:?}");
            }
        }
        if row.leaves_the_others_alone() {
            story.healthy_ones_are_answered().await;
        }
        story.does(row.heal).await;
        story.world.is_healthy(&format!("after-{}", row.name)).await;
        assert!(story.noticed().is_empty(), "{}: there is nobody who could notice", row.name);
    })
    .await;
}

/// The preset with a small window and little patience, for stories of few requests.
fn breaker() -> Strategy {
    let numbers =
        [("sliding_window_size", 10), ("minimum_number_of_calls", 10), ("wait_duration_in_open_ms", 300)];
    Strategy::Breaker(BreakerPlan { breaker: numbers.into_iter().collect(), ..BreakerPlan::default() })
}

#[tokio::test]
async fn a_breaker_that_opens_for_a_stuck_partition_refuses_the_healthy_ones_too() {
    told(breaker(), async |story, row| {
        story.does(row.inject).await;
        if row.harm == Harm::Lasting {
            let stuck = story.stuck_one().await;
            let healthy = story.healthy().next().expect("six are");
            story
                .world
                .eventually("a healthy partition is refused", async || {
                    let timed_out = (0..10).map(|_| story.world.quote(stuck));
                    futures::future::join_all(timed_out).await;
                    story.world.quote(healthy).await.is_fast_rejection()
                })
                .await;
            let opened = story.noticed();
            let opened = opened.iter().find(|notice| notice.change.decisions().1 == Decision::Fallback);
            assert_eq!(opened.map(|notice| notice.change.scope()).as_deref(), Some("breaker quote"));
        } else {
            story.healthy_ones_are_answered().await;
        }
        story.does(row.heal).await;
        story.world.is_healthy(&format!("after-{}", row.name)).await;
        story.noticed();
    })
    .await;
}

/// Circuits with these settings, and the defaults for all others.
fn circuits(set: &[(&'static str, u32)]) -> (Strategy, Settings) {
    let numbers = || set.iter().map(|(key, value)| ((*key).to_owned(), *value));
    let settings = CircuitSettings { set: numbers().collect(), ..CircuitSettings::default() };
    let deadline = Some(Duration::from_secs(2));
    let plan = DegradePlan { circuit: set.iter().copied().collect(), deadline, ..DegradePlan::default() };
    (Strategy::Degrade(plan), settings.checked().expect("valid settings"))
}

/// Tells one row to a system of its own: how long a circuit stays open depends on how often it has opened lately.
async fn degrades(name: &str) {
    let _place = SYSTEMS.acquire().await;
    let row = ROWS.iter().find(|row| row.name == name).expect("a row of the table");
    let (strategy, settings) = circuits(&PATIENT);
    let mut story = Story::begin(strategy).await;
    story.does(row.inject).await;
    if row.harm == Harm::Lasting {
        let stuck = story.stuck_one().await;
        let world = &story.world;
        world.eventually("a degraded quote", async || world.quote(stuck).await.is_degraded()).await;
        let mut tries = 0;
        world
            .eventually("a fast rejection", async || {
                tries += 1;
                world.order(stuck, &format!("{name}-{tries}")).await.is_fast_rejection()
            })
            .await;
    }
    story.healthy_ones_are_answered().await;
    let during = story.noticed();
    story.does(row.heal).await;
    story.world.is_healthy("after").await;
    for look in 0..LOOKS {
        for partition in story.touched.iter().copied() {
            story.world.quote(partition).await;
            story.world.order(partition, &format!("look-{look}-{partition}")).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let after = story.noticed();
    circuits_kept_their_promises(row, &story, &during, &after);
    tripped_in_time(row, during.iter().chain(&after), &settings);
    let fallback = story.world.system.fallback();
    assert_eq!(fallback.beyond_limit, 0, "{name}: {fallback:?}");
    assert!(row.harm != Harm::Lasting || fallback.served > 0, "{name}: {fallback:?}");
    story.end().await;
}

fn circuits_kept_their_promises(row: &Row, story: &Story, during: &[ModeNotice], after: &[ModeNotice]) {
    let all: Vec<_> = during.iter().chain(after).collect();
    let told: Vec<String> = all.iter().map(|notice| format!("{}: {notice}", notice.service)).collect();
    let mut openings: BTreeMap<(&str, usize), u32> = BTreeMap::new();
    for notice in &all {
        let partition = notice.change.partition();
        let partition =
            partition.unwrap_or_else(|| panic!("{}: three of nine are no scope: {told:#?}", row.name));
        if notice.change.decisions() == (Decision::Primary, Decision::Fallback) {
            *openings.entry((&notice.service, partition)).or_default() += 1;
        }
    }
    assert!(openings.values().all(|times| *times == 1), "{}: once each: {told:#?}", row.name);
    let opened: BTreeSet<u16> =
        openings.keys().map(|(_, partition)| u16::try_from(*partition).expect("a partition")).collect();
    match row.harm {
        Harm::None => assert!(opened.is_empty(), "{}: {told:#?}", row.name),
        // Whichever broker the thawed controller takes for dead, it has three partitions.
        Harm::AtTheHeal => {
            let calm = during.iter().all(|notice| notice.change.decisions().1 == Decision::Primary);
            assert!(calm && opened.len() <= 3, "{}: {told:#?}", row.name);
        }
        Harm::Brief | Harm::Lasting => {
            let touched = story.touched.iter().copied().collect();
            assert!(opened.is_subset(&touched), "{}: {opened:?} of {touched:?}: {told:#?}", row.name);
        }
    }
    assert!(row.harm != Harm::Lasting || !opened.is_empty(), "{}: somebody was stuck", row.name);
}

/// What a circuit tripped on was no older than its limit and a look, or for what is told a report, by its own clock.
fn tripped_in_time<'a>(row: &Row, notices: impl Iterator<Item = &'a ModeNotice>, settings: &Settings) {
    let opened =
        notices.filter(|notice| notice.change.decisions() == (Decision::Primary, Decision::Fallback));
    for notice in opened {
        if let Some((age, limit)) = notice.change.reason().and_then(|reason| age_and_limit(reason, settings))
        {
            assert!(age <= limit, "{}: {}: {notice}; {limit:?}", row.name, notice.service);
        }
    }
}

fn age_and_limit(reason: Reason, settings: &Settings) -> Option<(Duration, Duration)> {
    let (age, limit, late) = match reason {
        Reason::Unacked(age) | Reason::Unanswered(age) => (age, settings.slo / 2, settings.gap_max),
        Reason::HeartbeatUnacked(age) | Reason::HeartbeatUnread(age) => {
            (age, settings.close_timeout, settings.gap_max)
        }
        // A pause of this length ends it.
        Reason::QueueFull(age) => (age, settings.queue_limit, settings.queue_limit),
        Reason::NoAcks { stalled: age, .. } => (age, settings.ack_limit, settings.report_life),
        Reason::ConsumerFrozen { frozen: age, .. } => (age, settings.consumer_limit, settings.report_life),
        // These have no age, or one that only the first call ends.
        Reason::NoLeader(_) | Reason::HeartbeatFailed | Reason::NoHeartbeat => return None,
        Reason::Failing { .. } | Reason::Slow { .. } | Reason::Operator => return None,
    };
    Some((age, limit + late))
}

/// The faults that last, on a machine that may be busy: who is healthy may be slow there, and is not looked at.
#[tokio::test]
async fn what_lasts_is_noticed_within_the_default_limits() {
    for row in ROWS.iter().filter(|row| row.harm == Harm::Lasting) {
        let _place = SYSTEMS.acquire().await;
        let (strategy, settings) = circuits(&[]);
        let mut story = Story::begin(strategy).await;
        story.noticed();
        story.does(row.inject).await;
        let stuck = story.stuck_one().await;
        let world = &story.world;
        world.eventually("a degraded quote", async || world.quote(stuck).await.is_degraded()).await;
        let noticed = story.noticed();
        let opened = |notice: &&ModeNotice| {
            notice.change.partition() == Some(usize::from(stuck))
                && notice.change.decisions().1 == Decision::Fallback
        };
        let first = noticed.iter().find(opened).map(|notice| format!("{}: {notice}", notice.service));
        eprintln!("{}: {}", row.name, first.expect("it is degraded by a circuit"));
        tripped_in_time(row, noticed.iter(), &settings);
        story.does(row.heal).await;
        story.world.is_healthy("after").await;
        story.end().await;
    }
}

/// One test for each row, so that they run side by side.
macro_rules! degrades {
    ($($test:ident: $row:literal,)*) => {
        $(#[tokio::test] async fn $test() { degrades($row).await; })*

        #[test]
        fn every_row_of_the_table_degrades() {
            let told: Vec<&str> = vec![$($row),*];
            let rows: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
            assert_eq!(told, rows);
        }
    };
}

degrades! {
    a_slow_broker_degrades_its_own_partitions: "slow",
    a_partition_without_a_leader_degrades_alone: "stripped",
    a_lost_coordinator_degrades_nothing: "group",
    a_lost_quorum_degrades_nothing: "quorum",
    a_frozen_controller_degrades_nothing_before_it_thaws: "frozen",
    a_broker_that_stops_in_order_degrades_no_other_broker: "stopped",
    a_killed_broker_degrades_its_own_partitions: "killed",
    a_frozen_broker_degrades_its_own_partitions: "still",
    a_killed_broker_under_a_frozen_controller_degrades_its_own_partitions: "killed-frozen",
    a_frozen_broker_under_a_frozen_controller_degrades_its_own_partitions: "still-frozen",
    a_black_holed_broker_under_a_frozen_controller_degrades_its_own_partitions: "black-holed-frozen",
}
