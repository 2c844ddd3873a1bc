//! The state machine against its documentation, and against everything that can be fed to it.

use std::collections::BTreeSet;
use std::time::Duration;

use circuit::heartbeat::Outcome;
use circuit::machine::{Input, Transition};
use circuit::signal::Verdict;
use circuit::{Decision, Force, Machine, Reason, Settings, State};
use proptest::prelude::*;

const STATES: &str = include_str!("../src/states.md");
const REASON: Reason = Reason::HeartbeatFailed;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What the world does to a circuit in one step; generations are filled in when it is done.
#[derive(Debug, Clone, Copy)]
enum Event {
    Healthy,
    Suspicious,
    Stuck,
    Returned { stale: bool },
    Lost { stale: bool },
    ForceOpen,
    ForceClosed,
    Release,
}

fn input(event: Event, machine: &Machine, now: Duration) -> Input {
    let beat = |stale: bool, outcome| Input::Heartbeat {
        generation: machine.generation().wrapping_sub(u64::from(stale)),
        outcome,
    };
    match event {
        Event::Healthy => Input::Signals(Verdict::Healthy),
        Event::Suspicious => Input::Signals(Verdict::Suspicious(REASON)),
        Event::Stuck => Input::Signals(Verdict::Stuck(REASON)),
        Event::Returned { stale } => beat(stale, Outcome::Returned),
        Event::Lost { stale } => beat(stale, Outcome::Lost(REASON)),
        Event::ForceOpen => Input::Force { force: Force::Open, until: now + ms(700) },
        Event::ForceClosed => Input::Force { force: Force::Closed, until: now + ms(700) },
        Event::Release => Input::Release,
    }
}

fn natural() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Healthy),
        Just(Event::Suspicious),
        Just(Event::Stuck),
        any::<bool>().prop_map(|stale| Event::Returned { stale }),
        any::<bool>().prop_map(|stale| Event::Lost { stale }),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => natural(),
        1 => prop_oneof![Just(Event::ForceOpen), Just(Event::ForceClosed), Just(Event::Release)],
    ]
}

/// Events with the time since the one before.
fn events(of: impl Strategy<Value = Event>) -> impl Strategy<Value = Vec<(u64, Event)>> {
    prop::collection::vec((prop_oneof![9 => 1_u64..60, 1 => 60_u64..6_000], of), 1..400)
}

/// The lines `from -> to   why` of the documentation; the drawing above them has no word alone before an arrow.
fn documented() -> BTreeSet<String> {
    let lines = STATES.lines().filter_map(|line| line.split_once("->"));
    let edges = lines.filter_map(|(from, rest)| {
        let (from, to) = (from.trim(), rest.split_whitespace().next()?);
        from.chars().all(|c| c.is_ascii_lowercase() || c == '_').then(|| format!("{from} -> {to}"))
    });
    edges.collect()
}

fn edge(transition: &Transition) -> String {
    format!("{} -> {}", transition.from.name(), transition.to.name())
}

/// Any tiny generator will do; the walk is the same in every run.
fn dice(seed: &mut u64, sides: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % sides
}

#[test]
fn the_documented_diagram_has_exactly_the_edges_of_the_code() {
    use Event::{ForceClosed, ForceOpen, Healthy, Lost, Release, Returned, Stuck, Suspicious};
    let all = [
        Healthy,
        Suspicious,
        Stuck,
        Returned { stale: false },
        Lost { stale: false },
        ForceOpen,
        ForceClosed,
        Release,
    ];
    let mut machine = Machine::new(Settings::default(), 1);
    let (mut now, mut seed, mut seen) = (ms(0), 7, BTreeSet::new());
    for _ in 0..200_000 {
        now += ms([1, 90, 400, 1_500][dice(&mut seed, 4) as usize]);
        let event = all[dice(&mut seed, all.len() as u64) as usize];
        seen.extend(machine.on(input(event, &machine, now), now).as_ref().map(edge));
    }
    assert_eq!(seen, documented());
}

#[test]
fn a_stuck_signal_takes_customers_off_the_primary_path_at_once() {
    let mut machine = Machine::new(Settings::default(), 1);
    let transition = machine.on(Input::Signals(Verdict::Stuck(REASON)), ms(10)).unwrap();
    assert_eq!(transition.to.decision(), Decision::Fallback);
    assert_eq!(transition.to.reason(), Some(REASON));
}

#[test]
fn customers_calls_have_no_say_in_a_recovery() {
    let mut machine = Machine::new(Settings::default(), 1);
    machine.on(Input::Signals(Verdict::Stuck(REASON)), ms(10));
    let half_open = machine.on(Input::Signals(Verdict::Healthy), ms(300)).unwrap();
    assert_eq!(half_open.to.name(), "half_open");
    for at in 301..500 {
        machine.on(Input::Signals(Verdict::Healthy), ms(at));
        machine.on(Input::Signals(Verdict::Stuck(REASON)), ms(at));
        assert_eq!(machine.state(), half_open.to);
    }
}

#[test]
fn a_heartbeat_that_hangs_for_ever_does_not_wedge_a_half_open_circuit() {
    let mut machine = Machine::new(Settings::default(), 1);
    machine.on(Input::Signals(Verdict::Stuck(REASON)), ms(0));
    let names: Vec<_> = (1..2_000)
        .filter_map(|tick| machine.on(Input::Signals(Verdict::Healthy), ms(tick * 10)))
        .map(|transition| transition.to.name())
        .collect();
    assert!(names.len() >= 8, "{names:?}");
    assert!(names.iter().step_by(2).all(|name| *name == "half_open"), "{names:?}");
    assert!(names.iter().skip(1).step_by(2).all(|name| *name == "open"), "{names:?}");
}

#[test]
fn heartbeats_of_an_older_generation_neither_close_nor_trip() {
    let mut machine = Machine::new(Settings::default(), 1);
    machine.on(Input::Signals(Verdict::Stuck(REASON)), ms(0));
    machine.on(Input::Signals(Verdict::Healthy), ms(300));
    for outcome in [Outcome::Returned, Outcome::Lost(REASON)] {
        for _ in 0..5 {
            assert_eq!(machine.on(Input::Heartbeat { generation: 0, outcome }, ms(310)), None);
        }
    }
}

#[test]
fn the_dwell_doubles_to_its_cap_and_a_calm_time_takes_it_back() {
    let settings = Settings { dwell_max: ms(5_000), ..Settings::default() };
    let mut machine = Machine::new(settings.clone(), 3);
    let mut now = ms(0);
    let dwell = |machine: &mut Machine, now: &mut Duration| {
        let open = machine.on(Input::Signals(Verdict::Stuck(REASON)), *now).unwrap().to;
        let dwell = open.until().unwrap() - *now;
        *now = open.until().unwrap();
        machine.on(Input::Signals(Verdict::Healthy), *now);
        for _ in 0..settings.probes_to_close {
            let generation = machine.generation();
            machine.on(Input::Heartbeat { generation, outcome: Outcome::Returned }, *now);
        }
        assert_eq!(machine.state(), State::Closed);
        dwell
    };
    for nominal in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000] {
        let dwell = dwell(&mut machine, &mut now);
        assert!(dwell <= ms(nominal) && dwell >= ms(nominal * 8 / 10), "{nominal}: {dwell:?}");
    }
    now += settings.calm * 10;
    assert!(dwell(&mut machine, &mut now) <= ms(250));
}

/// Trips below the longest dwell each raise the level, calm periods lower it, and a trip at the longest dwell takes that
/// long. Around each trip there are at most four changes; a suspicion without a trip lasts for its whole hold.
fn changes_max(settings: &Settings, time: Duration) -> u128 {
    let per = |period: Duration| time.as_nanos() / period.as_nanos();
    let mut levels = 0;
    while settings.dwell_min * (1 << levels) < settings.dwell_max {
        levels += 1;
    }
    let trips = u128::from(levels + 1_u32) + per(settings.calm) + per(settings.dwell_max * 4 / 5);
    4 * trips + 2 * (per(settings.suspect_hold) + 1)
}

#[test]
fn the_worst_flapping_there_is_changes_a_bounded_number_of_times() {
    let settings = Settings::default();
    let mut machine = Machine::new(settings.clone(), 5);
    let mut changes = 0;
    for tick in 0..60_000_u64 {
        let now = ms(tick * 10);
        let event = match machine.state() {
            State::HalfOpen { .. } => Event::Returned { stale: false },
            State::Closed if tick % 2 == 0 => Event::Suspicious,
            _ => Event::Stuck,
        };
        changes += u128::from(machine.on(input(event, &machine, now), now).is_some());
    }
    let bound = changes_max(&settings, ms(600_000));
    assert!(changes <= bound, "{changes} > {bound}");
    assert!(changes > 400, "the adversary is no longer one: {changes}");
}

proptest! {
    #[test]
    fn flapping_input_gives_a_bounded_number_of_changes(events in events(natural()), seed in any::<u64>()) {
        let settings = Settings::default();
        let mut machine = Machine::new(settings.clone(), seed);
        let (mut now, mut changes) = (ms(0), 0);
        for (wait, event) in events {
            now += ms(wait);
            changes += u128::from(machine.on(input(event, &machine, now), now).is_some());
        }
        prop_assert!(changes <= changes_max(&settings, now));
    }

    #[test]
    fn any_sequence_of_events_leaves_a_legal_state(events in events(any_event()), seed in any::<u64>()) {
        let settings = Settings::default();
        let documented = documented();
        let mut machine = Machine::new(settings.clone(), seed);
        let mut now = ms(0);
        for (wait, event) in events {
            now += ms(wait);
            let (before, generation, since) = (machine.state(), machine.generation(), machine.since());
            let transition = machine.on(input(event, &machine, now), now);
            prop_assert!(machine.generation() >= generation);
            match transition {
                None => prop_assert_eq!((machine.state().name(), machine.since()), (before.name(), since)),
                Some(transition) => {
                    prop_assert!(documented.contains(&edge(&transition)), "{:?}", transition);
                    prop_assert_eq!((transition.from, transition.to), (before, machine.state()));
                    prop_assert_eq!((machine.since(), transition.lasted), (now, now - since));
                }
            }
            match machine.state() {
                State::Open { until, .. } => prop_assert!(until <= machine.since() + settings.dwell_max),
                State::HalfOpen { healthy, .. } => prop_assert!(healthy < settings.probes_to_close),
                State::Suspect { last, .. } => prop_assert!(now < last + settings.suspect_hold),
                _ => {}
            }
        }
    }

    #[test]
    fn whatever_happened_a_healthy_world_closes_the_circuit(events in events(any_event()), seed in any::<u64>()) {
        let settings = Settings::default();
        let mut machine = Machine::new(settings.clone(), seed);
        let mut now = ms(0);
        for (wait, event) in events {
            now += ms(wait);
            machine.on(input(event, &machine, now), now);
        }
        let latest = now + settings.dwell_max + settings.suspect_hold + ms(2_000);
        while now < latest {
            now += ms(10);
            machine.on(input(Event::Returned { stale: false }, &machine, now), now);
            machine.on(input(Event::Healthy, &machine, now), now);
        }
        prop_assert_eq!(machine.state(), State::Closed);
    }
}
