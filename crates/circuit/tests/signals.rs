//! Each signal through a whole circuit: what it trips on, and the false friends that it must not trip on.

use std::time::Duration;

use circuit::{AckReport, Circuits, ConsumerReport, Decision, Guard, Settings, Words};
use expect_test::{Expect, expect};

const WORDS: Words = Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" };

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One partition whose heartbeats return within a tick, so that only what a test does can trip it.
struct World {
    circuits: Circuits,
    now: Duration,
    calls: Vec<(Duration, Guard)>,
    log: String,
}

impl World {
    fn new() -> Self {
        let circuits = Circuits::new(["orders-0"], WORDS, Settings::default(), 1).expect("valid defaults");
        Self { circuits, now: ms(0), calls: Vec::new(), log: String::new() }
    }

    /// Ticks for `time`; `each` does something in every tick, given the ms since the start.
    fn run(&mut self, time: u64, mut each: impl FnMut(&mut Self, u64)) {
        for _ in 0..time / 10 {
            self.now += ms(10);
            self.calls.retain(|(ends, _)| self.now < *ends);
            each(self, u64::try_from(self.now.as_millis()).expect("a short test"));
            for change in self.circuits.watch(self.now) {
                self.log += &format!("{:05} {change}\n", self.now.as_millis());
            }
            for beat in self.circuits.heartbeats_due(self.now) {
                self.circuits.heartbeat_acked(beat, self.now);
                self.circuits.heartbeat_returned(beat, self.now);
            }
        }
    }

    fn call(&mut self, took: u64) {
        let guard = self.circuits.unacked().begin(0);
        self.calls.push((self.now + ms(took), guard));
        self.circuits.outcomes().ended(0, ms(took), false);
    }

    fn acks(&mut self, in_flight: u64, acked_total: u64) {
        self.circuits.acks_told(0, AckReport { in_flight, acked_total }, self.now);
    }

    fn consumer(&mut self, position: i64, end: i64) {
        self.circuits.consumer_told(0, ConsumerReport { position, end }, self.now);
    }

    fn check(&self, expected: &Expect) {
        expected.assert_eq(&self.log);
    }

    fn nothing_tripped(&self) {
        assert_eq!(self.circuits.switches().decide(0), Decision::Primary);
        assert!(!self.log.contains("stuck"), "{}", self.log);
    }
}

#[test]
fn a_leader_of_minus_one_trips_a_partition_that_is_called() {
    let mut world = World::new();
    world.run(1_000, |world, at| {
        world.circuits.leader_told(0, at < 300, world.now);
        if at.is_multiple_of(50) {
            world.call(20);
        }
    });
    world.log.truncate(world.log.find('\n').map_or(0, |end| end + 1));
    world.check(&expect![[r#"
        00800 partition orders-0 stuck: no leader for 500 ms, 1 call in flight; quotes now computed locally
    "#]]);
}

#[test]
fn records_in_flight_of_which_none_is_acknowledged_trip() {
    let mut world = World::new();
    world.run(1_000, |world, at| {
        if at.is_multiple_of(500) {
            world.acks(31, 700);
        }
    });
    world.check(&expect![[r#"
        01000 partition orders-0 stuck: nothing acknowledged for 500 ms with 31 in flight, 0 calls in flight; quotes now computed locally
    "#]]);
}

#[test]
fn a_consumer_that_stands_still_behind_the_end_trips() {
    let mut world = World::new();
    world.run(1_500, |world, at| {
        if at.is_multiple_of(500) {
            world.consumer(70, 70 + i64::try_from(at).expect("small"));
        }
    });
    world.check(&expect![[r#"
        01500 partition orders-0 stuck: consumer has not moved for 1000 ms, 1500 behind, 0 calls in flight; quotes now computed locally
    "#]]);
}

#[test]
fn calls_that_fail_and_calls_that_are_slow_trip_at_their_rates() {
    let mut world = World::new();
    world.run(500, |world, _| world.circuits.outcomes().ended(0, ms(3), true));
    world.log.truncate(world.log.find('\n').map_or(0, |end| end + 1));
    world.check(&expect![[r#"
        00200 partition orders-0 stuck: 100 % of 20 calls failed, 0 calls in flight; quotes now computed locally
    "#]]);

    let mut world = World::new();
    world.run(400, |world, _| world.circuits.outcomes().ended(0, ms(501), false));
    world.log.truncate(world.log.find('\n').map_or(0, |end| end + 1));
    world.check(&expect![[r#"
        00200 partition orders-0 stuck: 100 % of 20 calls were slow, 0 calls in flight; quotes now computed locally
    "#]]);
}

#[test]
fn a_queue_that_stays_full_trips() {
    let mut world = World::new();
    world.run(400, |world, at| {
        if (100..=300).contains(&at) {
            world.circuits.outcomes().refused(0);
        }
    });
    world.check(&expect![[r#"
        00100 partition orders-0 suspect: the client's queue has been full for 0 ms, 0 calls in flight; nothing changed for customers yet
        00300 partition orders-0 stuck: the client's queue has been full for 200 ms, 0 calls in flight; quotes now computed locally
    "#]]);
}

#[test]
fn an_idle_partition_is_not_stuck_even_without_a_leader() {
    let mut world = World::new();
    world.run(30_000, |world, at| {
        if at.is_multiple_of(1_000) {
            world.circuits.leader_told(0, false, world.now);
            world.acks(0, 50);
            world.consumer(70, 70);
        }
    });
    world.nothing_tripped();
}

#[test]
fn a_slow_broker_that_moves_is_not_stuck() {
    let mut world = World::new();
    world.run(2_000, |world, _| world.call(90));
    world.run(20_000, |world, at| {
        if at.is_multiple_of(100) {
            world.call(170);
        }
        if at.is_multiple_of(1_000) {
            world.acks(90, at);
            world.consumer(i64::try_from(at).expect("small"), 100_000);
        }
    });
    world.nothing_tripped();
}

#[test]
fn one_slow_call_is_not_stuck() {
    let mut world = World::new();
    world.run(5_000, |world, at| {
        world.call(3);
        if at == 2_000 {
            world.call(180);
            world.circuits.outcomes().ended(0, ms(2_500), true);
        }
    });
    world.nothing_tripped();
}

#[test]
fn a_burst_that_fills_the_queue_for_a_moment_is_not_stuck() {
    let mut world = World::new();
    world.run(5_000, |world, at| {
        if (1_000..1_100).contains(&at) {
            (0..500).for_each(|_| world.call(150));
            world.circuits.outcomes().refused(0);
        }
        if at.is_multiple_of(500) {
            world.acks(if at == 1_000 { 5_000 } else { 0 }, at);
        }
    });
    world.nothing_tripped();
}

#[test]
fn a_client_that_stopped_sending_is_not_stuck() {
    let mut world = World::new();
    world.run(2_000, |world, _| world.call(5));
    world.run(20_000, |world, at| {
        if at.is_multiple_of(1_000) {
            world.acks(0, 200);
            world.consumer(200, 200);
        }
    });
    world.nothing_tripped();
}

#[test]
fn a_clock_that_jumps_trips_nothing_neither_forth_nor_back() {
    let mut world = World::new();
    world.run(3_000, |world, at| {
        world.call(30);
        world.circuits.leader_told(0, at != 1_000, world.now);
        world.acks(3, 50 + at);
        match at {
            1_000 => world.now += ms(600_000),
            602_000 => world.now -= ms(500),
            _ => {}
        }
    });
    assert!(world.now > ms(600_000));
    world.nothing_tripped();
}

/// A deadline runs on while the process is stopped, and so does the client: everything ends badly at once.
#[test]
fn what_ended_badly_while_the_process_was_away_trips_nothing() {
    let mut world = World::new();
    let mut beat = None;
    world.run(3_000, |world, at| {
        if at == 510 {
            beat = world.circuits.heartbeats_due(world.now).pop();
            assert!(beat.is_some(), "one is under way");
            world.now += ms(2_000);
        }
        if (2_520..2_540).contains(&at) {
            (0..20).for_each(|_| world.circuits.outcomes().ended(0, ms(2_000), true));
            beat.take().into_iter().for_each(|beat| world.circuits.heartbeat_failed(beat, world.now));
        }
    });
    assert_eq!(beat, None, "it failed");
    world.nothing_tripped();
    world.run(20, |world, _| (0..20).for_each(|_| world.circuits.outcomes().ended(0, ms(2_000), true)));
    assert_eq!(world.circuits.switches().decide(0), Decision::Fallback, "and later it counts again");
}

/// Ten times a second for 60 ms: none of it is the dependency's, and what hangs is found all the same.
#[test]
fn a_process_that_is_stopped_again_and_again_blames_nobody_and_is_not_blind() {
    let mut world = World::new();
    let stopped = |world: &mut World, at: u64| {
        if at.is_multiple_of(100) {
            world.now += ms(60);
        }
    };
    world.run(5_000, |world, at| {
        stopped(world, at);
        world.call(120);
    });
    world.nothing_tripped();
    let _hung = world.circuits.unacked().begin(0);
    world.run(800, stopped);
    assert_eq!(world.circuits.switches().decide(0), Decision::Fallback);
}

#[test]
fn statistics_that_stop_arriving_trip_nothing() {
    let mut world = World::new();
    world.run(2_000, |world, at| {
        world.call(5);
        if at == 1_000 {
            world.acks(3, 50);
            world.consumer(7, 90);
            world.circuits.leader_told(0, true, world.now);
        }
    });
    world.run(30_000, |world, _| world.call(5));
    world.nothing_tripped();
}

/// Where calls go all the way every 100 ms, one heartbeat in four is left; where they stop, the next one is as soon as
/// ever.
#[test]
fn calls_that_go_all_the_way_stand_in_for_heartbeats() {
    let World { mut circuits, .. } = World::new();
    let mut sent = Vec::new();
    let calls_end = 5_000;
    for at in (10..=6_000_u64).step_by(10) {
        if at <= calls_end && at.is_multiple_of(100) {
            circuits.outcomes().proved(0);
        }
        let changes = circuits.watch(ms(at));
        assert!(changes.iter().all(|change| change.to.decision() == Decision::Primary), "{changes:?}");
        for beat in circuits.heartbeats_due(ms(at)) {
            sent.push(at);
            circuits.heartbeat_acked(beat, ms(at));
            circuits.heartbeat_returned(beat, ms(at));
        }
    }
    let while_called = sent.iter().filter(|at| **at <= calls_end).count();
    assert!((5..=6).contains(&while_called), "{sent:?}");
    let last_called = sent.iter().rfind(|at| **at <= calls_end).copied().expect("at least one in four");
    let next = sent.iter().find(|at| **at > calls_end).copied().expect("nobody calls any more");
    assert!(next <= calls_end + 260 && next <= last_called + 1_010, "{sent:?}");
}
