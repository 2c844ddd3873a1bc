//! The circuits of a service, tick by tick, in a world that answers or does not.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use circuit::circuits::UnknownPartition;
use circuit::signal::Verdict;
use circuit::{Beat, Circuits, Decision, Force, Guard, Reason, Settings, Words};
use expect_test::{Expect, expect};

const TICK: Duration = Duration::from_millis(10);
const WORDS: Words = Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" };

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Three partitions that answer calls and heartbeats after `latency`, except for the one that is stuck.
struct World {
    circuits: Circuits,
    now: Duration,
    latency: Duration,
    stuck: Option<usize>,
    beats: VecDeque<(Duration, Beat)>,
    calls: VecDeque<(Duration, usize, Guard)>,
    log: String,
}

impl World {
    fn new() -> Self {
        let names = ["orders-0", "orders-1", "orders-2"];
        let circuits = Circuits::new(names, WORDS, Settings::default(), 42).expect("defaults are valid");
        let (beats, calls) = Default::default();
        Self { circuits, now: ms(0), latency: ms(5), stuck: None, beats, calls, log: String::new() }
    }

    /// One tick: what is due returns, then the watchdog looks.
    fn tick(&mut self) {
        self.now += TICK;
        let (now, stuck, latency) = (self.now, self.stuck, self.latency);
        let moves = |partition: usize, sent: Duration| Some(partition) != stuck && now >= sent + latency;
        self.calls.retain(|(sent, partition, _)| !moves(*partition, *sent));
        let circuits = &mut self.circuits;
        self.beats.retain(|(sent, beat)| {
            let back = moves(beat.partition, *sent);
            if back {
                circuits.heartbeat_returned(*beat, now);
            }
            !back
        });
        for change in self.circuits.watch(now) {
            writeln!(self.log, "{:05} {change}", now.as_millis()).expect("a string takes everything");
        }
        self.beats.extend(self.circuits.heartbeats_due(now).into_iter().map(|beat| (now, beat)));
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.tick();
        }
    }

    /// As `run`, with calls to each partition whose circuit admits them, one every `every`.
    fn run_with_calls(&mut self, time: Duration, every: Duration) {
        let (switches, unacked) = (self.circuits.switches(), self.circuits.unacked());
        let end = self.now + time;
        while self.now < end {
            if self.now.as_millis().is_multiple_of(every.as_millis()) {
                for partition in (0..3).filter(|p| switches.decide(*p) == Decision::Primary) {
                    self.calls.push_back((self.now, partition, unacked.begin(partition)));
                }
            }
            self.tick();
        }
    }

    fn check(&mut self, expected: &Expect) {
        expected.assert_eq(&std::mem::take(&mut self.log));
    }
}

#[test]
fn a_stuck_partition_is_left_within_its_limit_and_come_back_to_by_heartbeats() {
    let mut world = World::new();
    world.run_with_calls(ms(1_000), ms(10));
    world.stuck = Some(1);
    world.run_with_calls(ms(1_000), ms(10));
    world.stuck = None;
    world.run_with_calls(ms(3_000), ms(10));
    world.check(&expect![[r#"
        01200 partition orders-1 stuck: oldest call 200 ms without an ack, 20 calls in flight; quotes now computed locally
        01430 partition orders-1 now probed with heartbeats, after 230 ms; customers stay where they are
        01740 partition orders-1 still stuck: heartbeat 310 ms without an ack; next probe in 471 ms
        02220 partition orders-1 now probed with heartbeats, after 480 ms; customers stay where they are
        02430 partition orders-1 healthy again after 1230 ms; quotes over Kafka again, 10 % of the calls at first
        02930 partition orders-1 admits every call again, after 500 ms
    "#]]);
}

#[test]
fn a_stuck_partition_that_nobody_calls_is_found_by_its_heartbeat() {
    let mut world = World::new();
    world.run(ms(1_000));
    world.stuck = Some(2);
    world.run(ms(700));
    world.check(&expect![[r#"
        01380 partition orders-2 suspect: heartbeat 210 ms without an ack, 0 calls in flight; nothing changed for customers yet
        01580 partition orders-2 stuck: heartbeat 410 ms without an ack, 0 calls in flight; quotes now computed locally
    "#]]);
}

#[test]
fn a_caller_that_gives_up_does_not_hide_a_stuck_record() {
    let mut world = World::new();
    let (unacked, unanswered) = (world.circuits.unacked(), world.circuits.unanswered());
    let _record = unacked.begin(0);
    let caller = unanswered.begin(0);
    world.run(ms(50));
    drop(caller);
    world.run(ms(150));
    world.check(&expect![[r#"
        00200 partition orders-0 stuck: oldest call 200 ms without an ack, 1 call in flight; quotes now computed locally
    "#]]);
}

#[test]
fn an_answer_that_never_comes_trips_though_every_record_is_acknowledged() {
    let mut world = World::new();
    let _caller = world.circuits.unanswered().begin(0);
    world.run(ms(210));
    world.check(&expect![[r#"
        00200 partition orders-0 stuck: oldest call 200 ms without an answer, 1 call in flight; quotes now computed locally
    "#]]);
}

#[test]
fn idle_partitions_and_bursts_and_a_slower_broker_are_not_stuck() {
    let mut world = World::new();
    world.run(ms(5_000));
    world.run_with_calls(ms(1_000), ms(10));
    world.run(ms(1_000));
    for latency in [40, 90, 130, 180] {
        world.latency = ms(latency);
        world.run_with_calls(ms(3_000), ms(10));
    }
    world.check(&expect![""]);
}

#[test]
fn a_process_that_was_stopped_does_not_blame_its_dependency() {
    let mut world = World::new();
    world.run_with_calls(ms(1_000), ms(10));
    world.now += ms(30_000);
    world.run_with_calls(ms(1_000), ms(10));
    world.check(&expect![""]);
}

#[test]
fn records_that_hung_before_do_not_trip_a_closed_circuit_again() {
    let mut world = World::new();
    let _never_reported = world.circuits.unacked().begin(1);
    world.stuck = Some(1);
    world.run(ms(400));
    world.stuck = None;
    world.run(ms(10_000));
    world.check(&expect![[r#"
        00200 partition orders-1 stuck: oldest call 200 ms without an ack, 1 call in flight; quotes now computed locally
        00430 partition orders-1 now probed with heartbeats, after 230 ms; customers stay where they are
        02640 partition orders-1 healthy again after 2440 ms; quotes over Kafka again, 10 % of the calls at first
        03140 partition orders-1 admits every call again, after 500 ms
    "#]]);
    assert_eq!(world.circuits.snapshot(world.now)[1].in_flight, 1);
}

/// The heartbeats' producer finds the new leader at once; the customers' records from before the trip take 900 ms more.
#[test]
fn customers_do_not_come_back_before_their_producer_has_found_the_new_leader() {
    let mut world = World::new();
    let hung = world.circuits.unacked().begin(1);
    world.stuck = Some(1);
    world.run(ms(400));
    world.stuck = None;
    world.run(ms(900));
    assert_eq!(world.circuits.switches().decide(1), Decision::Fallback);
    drop(hung);
    world.run(ms(2_000));
    world.check(&expect![[r#"
        00200 partition orders-1 stuck: oldest call 200 ms without an ack, 1 call in flight; quotes now computed locally
        00430 partition orders-1 now probed with heartbeats, after 230 ms; customers stay where they are
        01340 partition orders-1 healthy again after 1140 ms; quotes over Kafka again, 10 % of the calls at first
        01840 partition orders-1 admits every call again, after 500 ms
    "#]]);
}

#[test]
fn while_customers_come_back_a_share_of_the_calls_is_admitted() {
    let mut world = World::new();
    let switches = world.circuits.switches();
    world.circuits.force(0, Force::Open, ms(10), ms(0)).unwrap();
    world.run(ms(300));
    let shares: Vec<u32> = (0..5)
        .map(|_| {
            world.run(ms(50));
            switches.permille(0)
        })
        .collect();
    assert!(shares.is_sorted() && shares[0] > 0 && shares[0] < 1_000, "{shares:?}");
    let admitted = (0..1_000).filter(|_| switches.decide(0) == Decision::Primary).count();
    assert_eq!(admitted, switches.permille(0) as usize);
    world.run(ms(1_000));
    assert_eq!(switches.permille(0), 1_000);
}

#[test]
fn a_circuit_that_is_only_measured_tells_what_would_have_been() {
    let mut world = World::new();
    world.circuits.force(0, Force::MetricsOnly, ms(60_000), ms(0)).unwrap();
    world.stuck = Some(0);
    world.run(ms(600));
    world.stuck = None;
    world.run(ms(2_000));
    world.check(&expect![[r#"
        00420 partition orders-0 would be stuck: heartbeat 410 ms without an ack, 0 calls in flight; only measured, customers stay
        01420 partition orders-0 would be healthy again, after 1000 ms; only measured, nothing changed
    "#]]);
    let view = &world.circuits.snapshot(world.now)[0];
    assert_eq!((view.would_have_opened, view.state.permille()), (1, 1_000));
}

#[test]
fn a_disabled_circuit_shows_what_its_signals_say_and_admits() {
    let mut world = World::new();
    let _hung = world.circuits.unacked().begin(0);
    world.circuits.force(0, Force::Disabled, ms(60_000), ms(0)).unwrap();
    world.run(ms(300));
    world.check(&expect![[r#""#]]);
    let view = &world.circuits.snapshot(world.now)[0];
    assert_eq!(view.verdict, Verdict::Stuck(Reason::Unacked(ms(300))));
    assert_eq!(world.circuits.switches().decide(0), Decision::Primary);
}

#[test]
fn a_heartbeat_that_cannot_be_produced_trips_its_partition() {
    let mut world = World::new();
    let due = world.circuits.heartbeats_due(ms(0));
    world.circuits.heartbeat_failed(due[0], ms(0));
    world.tick();
    assert_eq!(world.circuits.switches().decide(0), Decision::Fallback);
    assert_eq!(world.circuits.snapshot(world.now)[0].state.reason(), Some(Reason::HeartbeatFailed));
}

#[test]
fn a_heartbeat_of_another_process_or_another_time_is_stale() {
    let mut world = World::new();
    world.circuits.heartbeat_returned(Beat { partition: 0, number: 99 }, ms(1));
    world.circuits.heartbeat_returned(Beat { partition: 77, number: 0 }, ms(1));
    world.circuits.heartbeat_failed(Beat { partition: 77, number: 0 }, ms(1));
    world.run(ms(100));
    world.check(&expect![""]);
    assert_eq!(world.circuits.snapshot(world.now)[0].stale_heartbeats, 1);
}

#[test]
fn an_operator_outranks_the_signals_until_the_order_expires() {
    let mut world = World::new();
    let switches = world.circuits.switches();
    let forced = world.circuits.force(0, Force::Open, ms(2_000), ms(0)).unwrap().unwrap();
    assert_eq!(forced.to_string(), "partition orders-0 forced open for 2000 ms; quotes now computed locally");
    assert_eq!(switches.decide(0), Decision::Fallback);
    assert_eq!(world.circuits.force(0, Force::Open, ms(1_000), ms(0)), Ok(None));
    world.run(ms(2_000));
    world.check(&expect![[r#"
        01000 partition orders-0 now probed with heartbeats, after 1000 ms; customers stay where they are
        01210 partition orders-0 healthy again after 1210 ms; quotes over Kafka again, 10 % of the calls at first
        01710 partition orders-0 admits every call again, after 500 ms
    "#]]);

    world.circuits.force(0, Force::Closed, ms(60_000), world.now).unwrap();
    world.stuck = Some(0);
    world.run(ms(2_000));
    assert_eq!(switches.decide(0), Decision::Primary);
    world.circuits.release(0, world.now).unwrap();
    world.run(ms(700));
    world.check(&expect![[r#"
        04010 partition orders-0 suspect: heartbeat 320 ms without an ack, 0 calls in flight; nothing changed for customers yet
        04100 partition orders-0 stuck: heartbeat 410 ms without an ack, 0 calls in flight; quotes now computed locally
        04350 partition orders-0 now probed with heartbeats, after 250 ms; customers stay where they are
        04660 partition orders-0 still stuck: heartbeat 310 ms without an ack; next probe in 454 ms
    "#]]);
}

#[test]
fn an_unknown_partition_is_an_error_for_an_operator_and_admitted_for_a_call() {
    let mut world = World::new();
    let error = world.circuits.force(3, Force::Open, ms(1), ms(0)).unwrap_err();
    assert_eq!(error, UnknownPartition { partition: 3, circuits: 3 });
    assert_eq!(world.circuits.switches().decide(3), Decision::Primary);
    let _untracked = world.circuits.unacked().begin(3);
    world.run(ms(1_000));
    world.check(&expect![""]);
}

#[test]
fn bad_settings_and_too_many_partitions_start_nothing() {
    let settings = Settings { probes_to_close: 0, ..Settings::default() };
    let error = Circuits::new(["a"], WORDS, settings, 0).unwrap_err();
    assert_eq!(error.to_string(), "probes_to_close is 0; allowed is 1 to 100");
    let names = (0..10_001).map(|n| n.to_string());
    let error = Circuits::new(names, WORDS, Settings::default(), 0).unwrap_err();
    assert_eq!(error.to_string(), "partitions is more than 10000; allowed is at most 10000");
}
