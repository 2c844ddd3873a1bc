//! What a tick looks at: not what is at rest, and at once what somebody wakes.

use std::time::Duration;

use circuit::{AckReport, Beat, Circuits, ConsumerReport, Force, Guard, Settings, Words};

const WORDS: Words = Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" };
const TICK: Duration = Duration::from_millis(10);

/// Partitions whose heartbeats come back in the next tick, except for those that are stuck.
struct World {
    circuits: Circuits,
    now: Duration,
    beats: Vec<Beat>,
    stuck: Vec<usize>,
}

impl World {
    /// At rest: nobody has called for two seconds.
    fn at_rest(partitions: usize) -> Self {
        let names = (0..partitions).map(|index| format!("orders-{index}"));
        let circuits = Circuits::new(names, WORDS, Settings::default(), 42).expect("valid defaults");
        let mut world = Self { circuits, now: Duration::ZERO, beats: Vec::new(), stuck: Vec::new() };
        world.run(200);
        world
    }

    /// The looks of these ticks.
    fn run(&mut self, ticks: u32) -> u64 {
        let before = self.circuits.looks();
        for _ in 0..ticks {
            self.now += TICK;
            for beat in std::mem::take(&mut self.beats) {
                if !self.stuck.contains(&beat.partition) {
                    self.circuits.heartbeat_acked(beat, self.now);
                    self.circuits.heartbeat_returned(beat, self.now);
                }
            }
            self.circuits.watch(self.now);
            self.beats = self.circuits.heartbeats_due(self.now);
        }
        self.circuits.looks() - before
    }

    fn is_open(&self, partition: usize) -> bool {
        self.circuits.switches().permille(partition) == 0
    }

    /// Ticks until this partition is open, of at most a thousand.
    fn ticks_until_open(&mut self, partition: usize) -> u32 {
        (1..1_000)
            .find(|_| {
                self.run(1);
                self.is_open(partition)
            })
            .expect("it opens")
    }
}

#[test]
fn a_thousand_idle_partitions_are_looked_at_once_a_second_though_each_sends_heartbeats() {
    let mut world = World::at_rest(1_000);
    let looks = world.run(1_000);
    assert!(looks <= 1_000 * 10, "{looks} looks in 1,000 ticks");
    assert!(looks >= 1_000 * 9, "{looks} looks in 1,000 ticks");
}

#[test]
fn only_the_partition_that_is_called_is_looked_at_in_every_tick() {
    let mut world = World::at_rest(1_000);
    let idle = world.run(100);
    let unacked = world.circuits.unacked();
    let called: u64 = (0..100)
        .map(|_| {
            let _call = unacked.begin(7);
            world.run(1)
        })
        .sum();
    assert!(
        (90..=110).contains(&(called - idle)),
        "{called} looks with one busy partition, {idle} with none"
    );
}

#[test]
fn a_call_that_hangs_after_a_rest_opens_its_circuit_no_later_than_one_in_a_busy_hour() {
    for partition in [0, 63, 64, 129] {
        let mut world = World::at_rest(130);
        let _hung = world.circuits.unanswered().begin(partition);
        assert_eq!(world.ticks_until_open(partition), 20, "200 ms");
        assert!((0..130).all(|other| world.is_open(other) == (other == partition)));
    }
}

#[test]
fn a_call_after_a_rest_is_as_old_as_it_is() {
    let mut world = World::at_rest(1);
    let _call = world.circuits.unacked().begin(0);
    world.run(5);
    let age = world.circuits.snapshot(world.now)[0].oldest_unacked;
    assert_eq!(age, Some(TICK * 5));
}

#[test]
fn a_heartbeat_that_does_not_come_back_opens_a_circuit_at_rest() {
    let mut world = World::at_rest(100);
    world.stuck = vec![70];
    let ticks = world.ticks_until_open(70);
    assert!(ticks <= 25 + 41 + 1, "period and deadline and a tick, not {ticks} ticks");
}

#[test]
fn calls_that_fail_and_records_that_are_refused_wake_a_circuit() {
    let mut world = World::at_rest(2);
    let outcomes = world.circuits.outcomes();
    (0..30).for_each(|_| outcomes.ended(0, TICK, true));
    world.run(1);
    assert!(world.is_open(0));

    let mut world = World::at_rest(2);
    let outcomes = world.circuits.outcomes();
    for _ in 0..21 {
        outcomes.refused(1);
        world.run(1);
    }
    assert!(world.is_open(1) && !world.is_open(0));
}

#[test]
fn reports_wake_a_circuit() {
    let frozen = ConsumerReport { position: 3, end: 9 };
    let stalled = AckReport { in_flight: 2, acked_total: 8 };
    let mut world = World::at_rest(4);
    let mut opened = [false; 4];
    for _ in 0..11 {
        world.circuits.consumer_told(0, frozen, world.now);
        world.circuits.acks_told(1, stalled, world.now);
        world.circuits.leader_told(2, false, world.now);
        let _demand = world.circuits.unacked().begin(2);
        world.run(10);
        opened.iter_mut().enumerate().for_each(|(partition, opened)| *opened |= world.is_open(partition));
    }
    assert_eq!(opened, [true, true, true, false]);
}

#[test]
fn an_order_ends_in_time_though_its_circuit_is_at_rest() {
    let mut world = World::at_rest(1);
    world.circuits.force(0, Force::Open, TICK * 300, world.now).expect("there is such a circuit");
    world.run(250);
    let looks = world.run(49);
    assert!(looks <= 2 && world.is_open(0), "{looks} looks");
    world.run(60);
    assert!(!world.is_open(0), "probed, and customers come back");
}

/// A record that is never reported is looked at for ever, and is the only one.
#[test]
fn a_call_that_never_ends_keeps_only_its_own_circuit_awake() {
    let mut world = World::at_rest(100);
    let _hung: Guard = world.circuits.unacked().begin(5);
    world.run(2_000);
    let looks = world.run(100);
    assert!(looks <= 100 * 5 + 100, "{looks} looks in a second");
}
