//! Ten minutes of healthy load, compressed into virtual time: pauses, bursts, slow spells, a process that is stopped,
//! statistics that stay away. Nothing of it trips a circuit.

use std::collections::VecDeque;
use std::time::Duration;

use circuit::{AckReport, Beat, Circuits, ConsumerReport, Decision, Guard, Outcomes, Settings, State, Words};
use proptest::prelude::*;

const WORDS: Words = Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" };
const TICK: Duration = Duration::from_millis(10);
const TEN_MINUTES: u32 = 60_000;
const PARTITIONS: usize = 12;

/// What the next so many ticks are like.
#[derive(Debug, Clone)]
struct Spell {
    ticks: u32,
    /// Calls of each partition in every tick; none is a pause.
    calls: usize,
    /// Ticks until an ack, at most; an answer takes one more.
    latency: u32,
    /// Whether statistics come, every 25 ticks.
    statistics: bool,
    /// How long the process is stopped at its end, in ms.
    stopped_ms: u64,
    /// Calls in a thousand that fail, as far as [`Luck`] lets them.
    failing: u32,
    /// Ticks in which one partition has no leader, at its beginning: an election. Not in a spell that is too short to
    /// tell of its end.
    election: u32,
}

/// A report of before and one of after the longest election.
const ELECTION_TOLD: u32 = 100;

fn spell() -> impl Strategy<Value = Spell> {
    let calls = prop_oneof![3 => Just(0_usize), 6 => 1..3_usize, 2 => 20..60_usize];
    let stopped = prop_oneof![8 => Just(0_u64), 1 => 20..400_u64, 1 => 1_000..60_000_u64];
    (1..600_u32, calls, 1..16_u32, prop::bool::weighted(0.8), stopped, 0..200_u32, 0..40_u32).prop_map(
        |(ticks, calls, latency, statistics, stopped_ms, failing, election)| Spell {
            // A burst is short.
            ticks: if calls > 10 { ticks.min(30) } else { ticks },
            calls,
            latency,
            statistics,
            stopped_ms,
            failing,
            election: if statistics && calls <= 10 && ticks >= ELECTION_TOLD { election } else { 0 },
        },
    )
}

/// A record, and the call that waits for its answer.
struct Call {
    partition: usize,
    sent: u32,
    acked: u32,
    unacked: Option<Guard>,
    _unanswered: Guard,
    drawn_to_fail: bool,
}

/// The last outcomes of a partition, a bit each. A draw of two failures in ten is, once in some thousand windows, one of
/// half of them, and that is no good day: of any twenty answers in a row six fail at most, so less than half of any
/// window of twenty or more.
#[derive(Default, Clone, Copy)]
struct Luck(u32);

impl Luck {
    const TWENTY: u32 = (1 << 20) - 1;

    fn fails(&mut self, drawn: bool) -> bool {
        let shifted = (self.0 << 1) & Self::TWENTY;
        let fails = drawn && shifted.count_ones() < 6;
        self.0 = shifted | u32::from(fails);
        fails
    }
}

/// Kafka on a good day, with a service in front of it.
struct World {
    circuits: Circuits,
    outcomes: Outcomes,
    now: Duration,
    tick: u32,
    random: u64,
    calls: VecDeque<Call>,
    beats: VecDeque<(u32, Beat)>,
    acked: [u64; PARTITIONS],
    luck: [Luck; PARTITIONS],
}

impl World {
    fn new(seed: u64) -> Self {
        let topics = [("orders", PARTITIONS)];
        let circuits = Circuits::by_topic(topics, WORDS, Settings::default(), seed).expect("valid defaults");
        let outcomes = circuits.outcomes();
        let (calls, beats) = Default::default();
        Self {
            circuits,
            outcomes,
            now: Duration::ZERO,
            tick: 0,
            random: seed,
            calls,
            beats,
            acked: [0; PARTITIONS],
            luck: Default::default(),
        }
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as u32 % bound
    }

    /// One tick: what is due comes back, calls begin, the watchdog looks. The first partition that tripped, and how.
    fn run(&mut self, spell: &Spell, tick_of_spell: u32) -> Option<String> {
        self.tick += 1;
        self.now += TICK;
        self.answer();
        self.begin(spell);
        if spell.statistics && self.tick.is_multiple_of(25) {
            self.tell(tick_of_spell >= spell.election);
        }
        let (now, late) = (self.now, self.below(spell.latency));
        let changes = self.circuits.watch(now);
        let beats = self.circuits.heartbeats_due(now);
        self.beats.extend(beats.into_iter().map(|beat| (self.tick + 1 + late, beat)));
        if tick_of_spell + 1 == spell.ticks {
            self.now += Duration::from_millis(spell.stopped_ms);
        }
        let tripped = changes.into_iter().find(|change| change.to.decision() == Decision::Fallback);
        tripped.map(|change| format!("{now:?} {change}"))
    }

    fn answer(&mut self) {
        let (tick, now) = (self.tick, self.now);
        let (acked, luck, outcomes) = (&mut self.acked, &mut self.luck, &self.outcomes);
        self.calls.retain_mut(|call| {
            if tick >= call.acked && call.unacked.take().is_some() {
                acked[call.partition] += 1;
            }
            let answered = tick > call.acked;
            if answered {
                let fails = luck[call.partition].fails(call.drawn_to_fail);
                outcomes.ended(call.partition, TICK * (tick - call.sent), fails);
            }
            !answered
        });
        let circuits = &mut self.circuits;
        self.beats.retain(|(back, beat)| {
            if tick >= *back {
                circuits.heartbeat_acked(*beat, now);
                circuits.heartbeat_returned(*beat, now);
            }
            tick < *back
        });
    }

    fn begin(&mut self, spell: &Spell) {
        let (unacked, unanswered) = (self.circuits.unacked(), self.circuits.unanswered());
        for partition in (0..PARTITIONS).flat_map(|partition| std::iter::repeat_n(partition, spell.calls)) {
            let acked = self.tick + 1 + self.below(spell.latency);
            let drawn_to_fail = self.below(1_000) < spell.failing;
            let (unacked, unanswered) = (Some(unacked.begin(partition)), unanswered.begin(partition));
            self.calls.push_back(Call {
                partition,
                sent: self.tick,
                acked,
                unacked,
                _unanswered: unanswered,
                drawn_to_fail,
            });
        }
    }

    /// As librdkafka does: late by up to a tick, and true.
    fn tell(&mut self, led: bool) {
        let mut in_flight = [0; PARTITIONS];
        self.calls
            .iter()
            .filter(|call| call.unacked.is_some())
            .for_each(|call| in_flight[call.partition] += 1);
        for (partition, in_flight) in in_flight.into_iter().enumerate() {
            let acked_total = self.acked[partition];
            let position = i64::try_from(acked_total).expect("few calls");
            let report =
                ConsumerReport { position, end: position + i64::try_from(in_flight).expect("few calls") };
            self.circuits.acks_told(partition, AckReport { in_flight, acked_total }, self.now);
            self.circuits.consumer_told(partition, report, self.now);
            self.circuits.leader_told(partition, led || partition > 0, self.now);
        }
    }
}

/// Four times ten minutes, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 4 };
    ProptestConfig { cases, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn ten_minutes_of_healthy_load_trip_nothing(
        spells in prop::collection::vec(spell(), 40..80),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(seed);
        for spell in spells.iter().cycle() {
            for tick in 0..spell.ticks {
                let tripped = world.run(spell, tick);
                prop_assert_eq!(tripped, None, "in {:?}", spell);
            }
            if world.tick >= TEN_MINUTES {
                break;
            }
        }
        let admits = |view: &circuit::CircuitView| view.permille == 1_000;
        let views = world.circuits.snapshot(world.now);
        prop_assert!(views.iter().all(admits));
        let settled = |view: &circuit::CircuitView| matches!(view.state, State::Closed | State::Suspect { .. });
        prop_assert!(views.iter().all(settled));
    }
}
