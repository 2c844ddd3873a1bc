//! Partition, topic, cluster: a partition's decision is the worst of its scopes.

use std::time::Duration;

use circuit::{Circuits, Decision, Force, Settings, Words};
use expect_test::expect;

const WORDS: Words = Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" };
const TICK: Duration = Duration::from_millis(10);

/// Two topics of ten partitions; heartbeats of the partitions that are not stuck return within a tick.
struct World {
    circuits: Circuits,
    now: Duration,
    stuck: Vec<usize>,
    log: String,
}

impl World {
    fn new() -> Self {
        Self::of(&[("orders", 10), ("fees", 10)])
    }

    fn of(topics: &[(&'static str, usize)]) -> Self {
        let topics = topics.iter().copied();
        let circuits = Circuits::by_topic(topics, WORDS, Settings::default(), 7).expect("valid defaults");
        Self { circuits, now: Duration::ZERO, stuck: Vec::new(), log: String::new() }
    }

    fn run(&mut self, time_ms: u64) {
        for _ in 0..time_ms / 10 {
            self.now += TICK;
            self.circuits.watch(self.now);
            for change in self.circuits.scope_changes() {
                self.log += &format!("{:05} {change}\n", self.now.as_millis());
            }
            for beat in self.circuits.heartbeats_due(self.now) {
                if !self.stuck.contains(&beat.partition) {
                    self.circuits.heartbeat_acked(beat, self.now);
                    self.circuits.heartbeat_returned(beat, self.now);
                }
            }
        }
    }

    fn open(&self) -> usize {
        (0..20).filter(|p| self.circuits.switches().decide(*p) == Decision::Fallback).count()
    }
}

#[test]
fn a_topic_of_which_enough_is_stuck_opens_as_a_whole_and_comes_back_step_by_step() {
    let mut world = World::new();
    world.stuck = vec![0, 3, 5, 9];
    world.run(1_000);
    assert_eq!(world.open(), 10, "orders, and nothing of fees");
    world.stuck.clear();
    world.run(8_000);
    assert_eq!(world.open(), 0);
    expect![[r#"
        00530 topic orders stuck: 4 of 10 partitions are open; quotes now computed locally for all of them
        01940 topic orders healthy again: 0 of 10 partitions are open; quotes over Kafka again, 10 % of the calls at first
    "#]].assert_eq(&world.log);
}

#[test]
fn enough_of_all_partitions_open_the_cluster() {
    let mut world = World::new();
    world.stuck = vec![0, 1, 2, 10, 11, 12];
    world.run(1_000);
    assert_eq!(world.open(), 20);
    let view = &world.circuits.snapshot(world.now)[19];
    assert_eq!((view.state.permille(), view.permille), (1_000, 0), "closed by itself, and its scope is not");
    let scopes: Vec<_> = world.circuits.scopes().iter().map(|scope| (scope.open, scope.permille)).collect();
    assert_eq!(scopes, [(3, 1_000), (3, 1_000), (6, 0)]);
}

#[test]
fn three_of_ten_partitions_degrade_themselves_only() {
    let mut world = World::new();
    world.stuck = vec![1, 4, 7];
    world.run(3_000);
    assert_eq!((world.open(), world.log.as_str()), (3, ""));
}

#[test]
fn thirty_percent_and_at_least_four_open_a_topic() {
    let escalates = |stuck: usize, of: usize| {
        let mut world = World::of(&[("orders", of)]);
        world.stuck = (0..stuck).collect();
        world.run(1_000);
        world.circuits.scopes()[0].permille == 0
    };
    assert_eq!(
        [(3, 3), (3, 10), (4, 4), (4, 13), (4, 14)].map(|(n, of)| escalates(n, of)),
        [false, false, true, true, false]
    );
}

#[test]
fn an_operator_outranks_the_scopes_and_what_he_orders_does_not_escalate() {
    let mut world = World::new();
    (0..20).for_each(|p| drop(world.circuits.force(p, Force::Open, TICK * 200, world.now).unwrap()));
    world.run(100);
    assert_eq!((world.open(), world.log.as_str()), (20, ""));

    let mut world = World::new();
    world.stuck = (0..8).collect();
    world.circuits.force(19, Force::Closed, TICK * 200, world.now).unwrap();
    world.run(1_000);
    assert_eq!(world.open(), 19);
}

#[test]
fn partitions_that_flap_around_the_threshold_do_not_make_the_scope_flap() {
    let mut world = World::new();
    for round in 0..30 {
        world.stuck = if round % 2 == 0 { vec![0, 1, 2, 3] } else { vec![0, 1, 2] };
        world.run(1_000);
    }
    assert!(world.log.lines().count() <= 1, "{}", world.log);
}
