//! What a tick of the watchdog costs: a thousand partitions at rest, with their heartbeats, and a few of them busy.
//!
//! What is in it: the circuits' part, which is the look, the heartbeats that are due, and their acks and returns. What a
//! service's health watch does besides (a timer of the runtime, records to encode, a client that sends and reads them) is
//! not; `docs/operating-circuits.md` says what the whole of it takes.
//!
//! A tick comes every 9 ms, so a thousandth of a core is 9 us. To have the instructions of a thousand partitions at rest
//! counted, `TICKS` of them are done and nothing else.

use std::hint::black_box;
use std::time::{Duration, Instant};

use circuit::{Beat, Calls, Circuits, LOOK_EVERY, Settings, Words};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Ticks of nine seconds.
const TICKS: u32 = 1_000;
/// They are measured so often, and their median is told.
const ROUNDS: usize = 21;
const WORDS: Words =
    Words { degraded: "calls are answered without Kafka", restored: "calls over Kafka again" };

/// Circuits whose heartbeats come back in the next tick.
struct World {
    circuits: Circuits,
    unacked: Calls,
    now: Duration,
    beats: Vec<Beat>,
}

impl World {
    fn at_rest(partitions: usize) -> Self {
        let names = (0..partitions).map(|index| format!("orders-{index}"));
        let circuits = Circuits::new(names, WORDS, Settings::default(), 1).expect("the defaults are valid");
        let unacked = circuits.unacked();
        let mut world = Self { circuits, unacked, now: Duration::ZERO, beats: Vec::new() };
        (0..1_000).for_each(|_| world.tick(0));
        world
    }

    /// One tick, in which these many partitions are called.
    fn tick(&mut self, busy: usize) {
        (0..busy).for_each(|partition| drop(black_box(self.unacked.begin(partition))));
        self.now += LOOK_EVERY;
        for beat in self.beats.drain(..) {
            self.circuits.heartbeat_acked(beat, self.now);
            self.circuits.heartbeat_returned(beat, self.now);
        }
        assert!(self.circuits.watch(self.now).is_empty(), "nothing here changes");
        self.beats = self.circuits.heartbeats_due(self.now);
    }
}

/// What so many ticks take.
fn ticks_take(world: &mut World, busy: usize) -> Duration {
    let begun = Instant::now();
    (0..TICKS).for_each(|_| world.tick(busy));
    begun.elapsed()
}

fn ticks(criterion: &mut Criterion) {
    if let Ok(ticks) = std::env::var("TICKS") {
        let mut world = World::at_rest(1_000);
        return (0..ticks.parse().expect("a number")).for_each(|_: u32| world.tick(0));
    }
    let mut group = criterion.benchmark_group("a tick of the watchdog");
    for (partitions, busy) in [(12, 12), (1_000, 0), (1_000, 10), (1_000, 1_000), (10_000, 0)] {
        let mut world = World::at_rest(partitions);
        group.bench_function(
            BenchmarkId::new(format!("{partitions} partitions"), format!("{busy} busy")),
            |b| {
                b.iter(|| world.tick(busy));
            },
        );
        let looks = world.circuits.looks();
        let mut rounds: Vec<Duration> = (0..ROUNDS).map(|_| ticks_take(&mut world, busy)).collect();
        rounds.sort_unstable();
        let looks = world.circuits.looks() - looks;
        let tick = (rounds[ROUNDS / 2] / TICKS).as_secs_f64();
        println!(
            "{partitions} partitions, {busy} busy: {:.0} ns a tick, {:.1} ns a partition, {:.3} % of a core at a tick each 9 ms, \
             {:.1} looks a tick",
            tick * 1e9,
            tick * 1e9 / partitions as f64,
            tick / LOOK_EVERY.as_secs_f64() * 100.0,
            looks as f64 / (f64::from(TICKS) * ROUNDS as f64)
        );
    }
    group.finish();
}

criterion_group!(benches, ticks);
criterion_main!(benches);
