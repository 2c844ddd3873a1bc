//! Every order of events between calls and the watchdog, as far as the memory model allows them.
//!
//! How to run them: see the crate's documentation.
#![cfg(loom)]

use std::time::Duration;

use circuit::inflight::Watch;
use circuit::{Circuits, Decision, Guard, InFlight, Settings, SwitchBoard, Words};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

const TICK: Duration = Duration::from_millis(10);
const WORDS: Words = Words { degraded: "left", restored: "back" };

/// Without a bound to preemptions; executions are long, for most of their steps are of one thread.
fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = None;
    model.max_branches = 200_000;
    model.check(check);
}

/// The tick in which the call is found, and its age: a thread that was preempted while it began may have joined a bucket
/// that is looked at every so many ticks.
fn found(ring: &mut Watch) -> (u32, Duration) {
    let found = (4..=32).find_map(|tick| Some((tick, ring.tick(TICK * tick).oldest?)));
    found.expect("it is found")
}

/// One circuit of one lane.
fn one(settings: Settings) -> Circuits {
    Circuits::new(["orders-0"], WORDS, Settings { lanes: 1, ..settings }, 1).expect("valid settings")
}

/// Looks in these ticks, counted from the start.
fn watch(circuits: &mut Circuits, ticks: std::ops::Range<u32>) {
    for tick in ticks {
        circuits.watch(TICK * tick);
    }
}

/// As [`watch`], where others may go first.
fn watch_among_others(circuits: &mut Circuits, ticks: std::ops::Range<u32>) {
    for tick in ticks {
        thread::yield_now();
        circuits.watch(TICK * tick);
    }
}

#[test]
fn a_call_is_never_younger_than_it_is_and_never_lost() {
    model(|| {
        let (calls, mut ring) = InFlight::new(1, TICK * 3);
        let clock = Arc::new(AtomicU64::new(0));
        let caller = thread::spawn({
            let clock = Arc::clone(&clock);
            move || {
                let guard = calls.begin();
                // A load could be of any time before; what modifies reads the last value.
                (guard, clock.fetch_add(0, Ordering::SeqCst))
            }
        });
        for tick in 1..=3_u32 {
            thread::yield_now();
            clock.store(u64::from(tick), Ordering::SeqCst);
            ring.tick(TICK * tick);
        }
        let (guard, begun) = caller.join().expect("it does not panic");
        let (tick, age) = found(&mut ring);
        assert!(age >= TICK * (tick - begun as u32), "{age:?} at tick {tick}, begun before {begun}");
        assert_eq!(ring.len(), 1);
        drop(guard);
        assert_eq!((ring.tick(TICK * 40).oldest, ring.len()), (None, 0));
    });
}

#[test]
fn a_guard_that_ends_while_the_watchdog_turns_is_not_counted_after() {
    model(|| {
        let (calls, mut ring) = InFlight::new(1, TICK * 3);
        let (one, other): (Guard, Guard) = (calls.begin(), calls.begin());
        let caller = thread::spawn(move || {
            drop(one);
            calls.begin()
        });
        thread::yield_now();
        ring.tick(TICK);
        drop(other);
        thread::yield_now();
        ring.tick(TICK * 2);
        let last = caller.join().expect("it does not panic");
        found(&mut ring);
        assert_eq!(ring.len(), 1);
        drop(last);
        ring.tick(TICK * 40);
        assert!(ring.is_empty());
    });
}

/// The circuit falls asleep in the ticks 17 and 18: whatever the call sees of that, it opens its circuit.
#[test]
fn a_call_that_begins_while_its_circuit_falls_asleep_is_seen() {
    model(|| {
        let mut circuits = one(Settings::default());
        watch(&mut circuits, 1..17);
        let unacked = circuits.unacked();
        let caller = thread::spawn(move || unacked.begin(0));
        watch_among_others(&mut circuits, 17..20);
        let _hung = caller.join().expect("it does not panic");
        // With fences it would be 200 ms; without them, the look of each second is what the memory model grants.
        watch(&mut circuits, 20..142);
        assert_eq!(circuits.switches().decide(0), Decision::Fallback);
    });
}

#[test]
fn two_calls_that_wake_a_circuit_are_both_seen_at_once() {
    model(|| {
        let mut circuits = one(Settings::default());
        watch(&mut circuits, 1..30);
        let unacked = circuits.unacked();
        let caller = thread::spawn({
            let unacked = unacked.clone();
            move || unacked.begin(0)
        });
        let _mine = unacked.begin(0);
        watch_among_others(&mut circuits, 30..31);
        let _theirs = caller.join().expect("it does not panic");
        watch(&mut circuits, 31..32);
        let view = &circuits.snapshot(TICK * 31)[0];
        assert_eq!(view.in_flight, 2);
        assert!(view.oldest_unacked >= Some(TICK) && view.oldest_unacked <= Some(TICK * 2));
    });
}

#[test]
fn no_outcome_is_lost_between_two_looks() {
    model(|| {
        let all_of_two = Settings { completions_min: 2, failures_permille: 1_000, ..Settings::default() };
        let mut circuits = one(all_of_two);
        watch(&mut circuits, 1..30);
        let callers = [(); 2].map(|()| {
            let outcomes = circuits.outcomes();
            thread::spawn(move || outcomes.ended(0, TICK, true))
        });
        watch_among_others(&mut circuits, 30..31);
        callers.into_iter().for_each(|caller| caller.join().expect("it does not panic"));
        watch(&mut circuits, 31..32);
        assert_eq!(circuits.switches().decide(0), Decision::Fallback);
    });
}

#[test]
fn a_share_is_exact_whichever_threads_ask() {
    model(|| {
        let board = SwitchBoard::new(1);
        board.set_permille(0, 500);
        let ask =
            |board: SwitchBoard| move || (0..2).filter(|_| board.decide(0) == Decision::Primary).count();
        let other = thread::spawn(ask(board.clone()));
        let admitted = ask(board)() + other.join().expect("it does not panic");
        assert_eq!(admitted, 2, "of four calls at one half");
    });
}

#[test]
fn a_flip_is_seen_by_every_call_after_it_and_no_call_is_told_neither() {
    model(|| {
        let board = SwitchBoard::new(1);
        let caller = thread::spawn({
            let board = board.clone();
            move || [board.decide(0), board.decide(0)]
        });
        thread::yield_now();
        board.set(0, Decision::Fallback);
        let told = caller.join().expect("it does not panic");
        assert_ne!(told, [Decision::Fallback, Decision::Primary], "a flip is not taken back");
        assert_eq!(board.decide(0), Decision::Fallback);
    });
}
