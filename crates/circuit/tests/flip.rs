//! How long after the first thing that hangs its partition flips: its limit and a tick, at any rate of calls.
//!
//! Calls come at random over twelve partitions, at any microsecond between the looks, each of which is late by as much as
//! a timer is. From one moment on nothing ends in one partition, neither calls nor heartbeats. Where calls are many, one of
//! them is the first to hang; where they are few, mostly a heartbeat is.

use std::time::Duration;

use circuit::{Beat, Circuits, Decision, Guard, LOOK_EVERY, Settings, Words};
use expect_test::expect;
use proptest::prelude::*;

const WORDS: Words = Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" };
const PARTITIONS: usize = 12;
const STUCK: usize = 5;
const TICK: Duration = Duration::from_millis(10);
/// A timer that counts in milliseconds is late by up to one.
const LATE_US: u64 = 1_000;
/// Until then everything ends, and what is usual gets known.
const CALM_US: u64 = 500_000;
/// Healthy calls and heartbeats take less. Twice as much, and a bucket, is below the limit.
const LATENCY_US: u64 = 30_000;

/// A call can look older than it is by the width of a bucket and a look.
const EARLY: Duration = Duration::from_millis(20);

/// The defaults, but with this limit for calls and heartbeats alike.
fn keen(limit: Duration) -> Settings {
    Settings {
        age_floor: limit,
        close_timeout: limit,
        heartbeat_floor: limit,
        probe_deadline: limit,
        ..Settings::default()
    }
}

/// Load over some circuits, of which one becomes stuck.
struct World {
    circuits: Circuits,
    random: u64,
    /// When the next look is due.
    due: Duration,
    now: u64,
    next_call: u64,
    stuck_from: u64,
    calls: Vec<(u64, Guard)>,
    beats: Vec<(u64, Beat)>,
    first_call: Option<u64>,
    first_beat: Option<u64>,
}

/// When it flipped, since the fault, the first call that hung, and the first heartbeat that did.
#[derive(Debug)]
struct Flip {
    fault: Duration,
    call: Option<Duration>,
    beat: Option<Duration>,
}

impl World {
    fn new(seed: u64, stuck_from: u64, settings: Settings) -> Self {
        let names = (0..PARTITIONS).map(|partition| format!("orders-{partition}"));
        let circuits = Circuits::new(names, WORDS, settings, seed).expect("valid settings");
        Self {
            circuits,
            random: seed,
            due: Duration::ZERO,
            now: 0,
            next_call: 0,
            stuck_from,
            calls: Vec::new(),
            beats: Vec::new(),
            first_call: None,
            first_beat: None,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    /// When something that begins at `at` ends: never, if that is after the fault and its partition is the stuck one.
    fn end(&mut self, partition: usize, at: u64) -> u64 {
        let end = at + self.below(LATENCY_US);
        if partition == STUCK && end >= self.stuck_from { u64::MAX } else { end }
    }

    /// The calls between two looks, each at its own microsecond, and then the watchdog's look.
    fn look(&mut self, calls_per_s: u64) {
        self.due += LOOK_EVERY;
        self.now = self.due.as_micros() as u64 + self.below(LATE_US + 1);
        while self.next_call < self.now {
            let (at, partition) = (self.next_call, self.below(PARTITIONS as u64) as usize);
            let end = self.end(partition, at);
            if end == u64::MAX {
                self.first_call.get_or_insert(at);
            }
            self.calls.push((end, self.circuits.unacked().begin(partition)));
            self.next_call += self.below(2_000_000 / calls_per_s);
        }
        let (now, at) = (self.now, Duration::from_micros(self.now));
        self.calls.retain(|(end, _)| *end > now);
        let (back, out) = std::mem::take(&mut self.beats).into_iter().partition(|(end, _)| *end <= now);
        self.beats = out;
        let back: Vec<(u64, Beat)> = back;
        for (_, beat) in back {
            self.circuits.heartbeat_acked(beat, at);
            self.circuits.heartbeat_returned(beat, at);
        }
        self.circuits.watch(at);
        for beat in self.circuits.heartbeats_due(at) {
            let end = self.end(beat.partition, now);
            if end == u64::MAX {
                self.first_beat.get_or_insert(now);
            }
            self.beats.push((end, beat));
        }
    }

    fn open(&self) -> Vec<usize> {
        let switches = self.circuits.switches();
        (0..PARTITIONS).filter(|partition| switches.decide(*partition) == Decision::Fallback).collect()
    }

    /// Goes on until a partition flips: it is the stuck one.
    fn until_it_flips(mut self, calls_per_s: u64) -> Flip {
        while self.open().is_empty() {
            self.look(calls_per_s);
            assert!(self.now < self.stuck_from + 2_000_000, "it never flips");
        }
        assert_eq!(self.open(), [STUCK]);
        let since = |began: u64| Duration::from_micros(self.now) - Duration::from_micros(began);
        Flip {
            fault: since(self.stuck_from),
            call: self.first_call.map(since),
            beat: self.first_beat.map(since),
        }
    }
}

fn flip(seed: u64, phase_us: u64, calls_per_s: u64, settings: Settings) -> Flip {
    World::new(seed, CALM_US + phase_us, settings).until_it_flips(calls_per_s)
}

/// The lowest, the median and the highest, in ms.
fn spread(times: impl Iterator<Item = Duration>) -> String {
    let mut times: Vec<u128> = times.map(|time| time.as_millis()).collect();
    times.sort_unstable();
    match times.as_slice() {
        [] => "never".to_owned(),
        all => format!("{} / {} / {} ms", all[0], all[all.len() / 2], all[all.len() - 1]),
    }
}

/// What flipped it: the oldest call, and if that was too young a heartbeat.
fn by_a_call(flip: &Flip, settings: &Settings) -> bool {
    flip.call.is_some_and(|since| since >= settings.age_floor - EARLY)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The first of the two that is over its limit is noticed by the next look.
    #[test]
    fn a_partition_flips_a_tick_after_the_limit_of_what_hangs_first(
        seed in any::<u64>(),
        phase_us in 0..250_000_u64,
        calls_per_s in prop_oneof![Just(2_000_u64), Just(20), 1..5_000_u64],
        settings in prop_oneof![
            Just(Settings::default()),
            (100_000..400_000_u64).prop_map(|limit_us| keen(Duration::from_micros(limit_us))),
        ],
    ) {
        let flip = flip(seed, phase_us, calls_per_s, settings.clone());
        let (by_age, by_heartbeat) = (settings.age_floor, settings.close_timeout);
        let over = |since: Option<Duration>, limit: Duration| since.is_some_and(|since| since >= limit);
        prop_assert!(flip.call.is_none_or(|since| since <= by_age + TICK), "{flip:?}");
        prop_assert!(flip.beat.is_none_or(|since| since <= by_heartbeat + TICK), "{flip:?}");
        prop_assert!(over(flip.call, by_age - EARLY) || over(flip.beat, by_heartbeat), "too early: {flip:?}");
    }
}

#[test]
fn flips_take_the_limit_and_a_tick_with_many_calls_and_with_few() {
    let default = Settings::default();
    let keen = keen(default.age_floor);
    let mut table = String::new();
    for (name, settings) in [("defaults", &default), ("heartbeats of 200 ms", &keen)] {
        for calls_per_s in [2_000, 20] {
            let flips = (0..50).map(|seed| flip(seed, seed * 4_937, calls_per_s, settings.clone()));
            let flips: Vec<Flip> = flips.collect();
            let (calls, beats): (Vec<&Flip>, _) = flips.iter().partition(|flip| by_a_call(flip, settings));
            let calls_spread = spread(calls.iter().filter_map(|flip| flip.call));
            let beats_spread = spread(beats.iter().filter_map(|flip| flip.beat));
            let fault = spread(flips.iter().map(|flip| flip.fault));
            table += &format!(
                "{name}, {calls_per_s} calls/s: {} by a call after {calls_spread}, {} by a heartbeat after \
                 {beats_spread}; after the fault {fault}\n",
                calls.len(),
                beats.len(),
            );
        }
    }
    expect![[r#"
        defaults, 2000 calls/s: 50 by a call after 197 / 202 / 206 ms, 0 by a heartbeat after never; after the fault 170 / 188 / 211 ms
        defaults, 20 calls/s: 23 by a call after 182 / 202 / 207 ms, 27 by a heartbeat after 404 / 404 / 405 ms; after the fault 228 / 472 / 641 ms
        heartbeats of 200 ms, 2000 calls/s: 50 by a call after 197 / 202 / 206 ms, 0 by a heartbeat after never; after the fault 170 / 188 / 211 ms
        heartbeats of 200 ms, 20 calls/s: 7 by a call after 200 / 203 / 207 ms, 43 by a heartbeat after 206 / 207 / 207 ms; after the fault 186 / 314 / 457 ms
    "#]]
    .assert_eq(&table);
}
