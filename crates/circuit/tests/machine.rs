//! The state machine against its documentation, and against everything that can be fed to it.

use std::collections::BTreeSet;
use std::time::Duration;

use circuit::heartbeat::Outcome;
use circuit::machine::{Input, Transition};
use circuit::signal::Verdict;
use circuit::{Decision, Force, Machine, Reason, Settings, State};
use proptest::prelude::*;

const STATES: &str = include_str!("../src/machine/states.md");
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
    ReturnedBeforeTheRest,
    Lost { stale: bool },
    Order(Force),
    Release,
}

const ORDERS: [Force; 4] = [Force::Open, Force::Closed, Force::Disabled, Force::MetricsOnly];

fn input(event: Event, machine: &Machine, now: Duration) -> Input {
    let beat = |stale: bool, outcome| Input::Heartbeat {
        generation: machine.generation().wrapping_sub(u64::from(stale)),
        outcome,
        leftovers: matches!(event, Event::ReturnedBeforeTheRest),
    };
    match event {
        Event::Healthy => Input::Signals(Verdict::Healthy),
        Event::Suspicious => Input::Signals(Verdict::Suspicious(REASON)),
        Event::Stuck => Input::Signals(Verdict::Stuck(REASON)),
        Event::Returned { stale } => beat(stale, Outcome::Returned),
        Event::ReturnedBeforeTheRest => beat(false, Outcome::Returned),
        Event::Lost { stale } => beat(stale, Outcome::Lost(REASON)),
        Event::Order(force) => Input::Force { force, until: now + ms(700) },
        Event::Release => Input::Release,
    }
}

fn natural() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Healthy),
        Just(Event::Suspicious),
        Just(Event::Stuck),
        any::<bool>().prop_map(|stale| Event::Returned { stale }),
        Just(Event::ReturnedBeforeTheRest),
        any::<bool>().prop_map(|stale| Event::Lost { stale }),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => natural(),
        1 => prop_oneof![prop::sample::select(&ORDERS).prop_map(Event::Order), Just(Event::Release)],
    ]
}

/// Events with the time since the one before.
fn events(of: impl Strategy<Value = Event>) -> impl Strategy<Value = Vec<(u64, Event)>> {
    prop::collection::vec((prop_oneof![9 => 1_u64..60, 1 => 60_u64..6_000], of), 1..400)
}

/// The lines `from -> to   why` of the documentation; the drawing above them has no word alone before an arrow.
/// `any` is every other state.
fn documented() -> BTreeSet<String> {
    let lines = STATES.lines().filter_map(|line| line.split_once("->"));
    let edges = lines.filter_map(|(from, rest)| {
        let (from, to) = (from.trim(), rest.split_whitespace().next()?);
        from.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some((from, to))
    });
    let edges: Vec<_> = edges.collect();
    let states: BTreeSet<_> = edges.iter().map(|(_, to)| *to).collect();
    let from_any = |to| states.iter().filter(move |from| **from != to).map(move |from| (*from, to));
    let expanded = edges.iter().flat_map(|(from, to)| match *from {
        "any" => from_any(*to).collect(),
        _ => vec![(*from, *to)],
    });
    expanded.map(|(from, to)| format!("{from} -> {to}")).collect()
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
    use Event::{Healthy, Lost, Order, Release, Returned, ReturnedBeforeTheRest, Stuck, Suspicious};
    let mut all = vec![
        Healthy,
        Suspicious,
        Stuck,
        Returned { stale: false },
        Returned { stale: false },
        ReturnedBeforeTheRest,
        Lost { stale: false },
        Release,
    ];
    all.extend(ORDERS.map(Order));
    let mut machine = Machine::new(Settings::default(), 1);
    let (mut now, mut seed, mut seen) = (ms(0), 7, BTreeSet::new());
    for _ in 0..100_000 {
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

/// A machine that was tripped and is probed, and when.
fn half_open() -> (Machine, Duration) {
    let mut machine = Machine::new(Settings::default(), 1);
    machine.on(Input::Signals(Verdict::Stuck(REASON)), ms(0));
    machine.on(Input::Signals(Verdict::Healthy), ms(300));
    (machine, ms(300))
}

/// The time from a first healthy heartbeat until customers are admitted, with records left over until `drained`.
fn recovery(drained: Duration) -> Duration {
    let (mut machine, start) = half_open();
    for step in 0.. {
        let now = start + ms(100) * step;
        let event = if now < start + drained {
            Event::ReturnedBeforeTheRest
        } else {
            Event::Returned { stale: false }
        };
        machine.on(input(event, &machine, now), now);
        if machine.state().decision() == Decision::Primary {
            return now - start;
        }
    }
    unreachable!("a half-open circuit with healthy heartbeats closes")
}

#[test]
fn customers_stay_away_while_records_from_before_the_trip_are_left_but_not_for_ever() {
    assert_eq!(recovery(ms(0)), ms(200), "three heartbeats");
    assert_eq!(recovery(ms(900)), ms(900));
    assert_eq!(recovery(ms(3_600_000)), ms(2_200), "two seconds after the third heartbeat");
}

#[test]
fn a_heartbeat_that_is_lost_while_records_are_left_opens_again() {
    let (mut machine, mut now) = half_open();
    for event in [Event::ReturnedBeforeTheRest; 5] {
        now += ms(100);
        assert_eq!(machine.on(input(event, &machine, now), now), None);
    }
    let lost = machine.on(input(Event::Lost { stale: false }, &machine, now), now).unwrap();
    assert_eq!(edge(&lost), "half_open -> open");
}

#[test]
fn customers_come_back_step_by_step_and_leave_again_at_the_first_stuck_signal() {
    let (mut machine, start) = half_open();
    for _ in 0..3 {
        machine.on(input(Event::Returned { stale: false }, &machine, start), start);
    }
    let at = |machine: &mut Machine, after: u64, event| {
        let now = start + ms(after);
        machine.on(input(event, machine, now), now);
        machine.state().permille()
    };
    assert_eq!(at(&mut machine, 10, Event::Healthy), 100);
    assert_eq!(at(&mut machine, 300, Event::Healthy), 600);
    assert_eq!(at(&mut machine, 310, Event::Suspicious), 300);
    assert_eq!(at(&mut machine, 360, Event::Healthy), 400);
    assert_eq!(at(&mut machine, 370, Event::Stuck), 0);
    assert_eq!(machine.state().name(), "open");
}

#[test]
fn a_disabled_circuit_hears_everything_and_does_nothing_until_its_order_expires() {
    let mut machine = Machine::new(Settings::default(), 1);
    machine.on(input(Event::Order(Force::Disabled), &machine, ms(0)), ms(0));
    for at in 1..700 {
        for event in [Event::Stuck, Event::Lost { stale: false }, Event::Suspicious] {
            assert_eq!(machine.on(input(event, &machine, ms(at)), ms(at)), None);
        }
    }
    assert_eq!(machine.state().permille(), 1_000);
    assert_eq!(machine.on(input(Event::Stuck, &machine, ms(700)), ms(700)).unwrap().to, State::Closed);
}

#[test]
fn a_circuit_that_is_only_measured_counts_what_would_have_tripped_it_and_admits() {
    let mut machine = Machine::new(Settings::default(), 1);
    let until = ms(60_000);
    machine.on(Input::Force { force: Force::MetricsOnly, until }, ms(0));
    let mut edges = Vec::new();
    for at in (10..10_000).step_by(10) {
        let event = if at % 3_000 < 500 { Event::Stuck } else { Event::Healthy };
        if let Some(transition) = machine.on(input(event, &machine, ms(at)), ms(at)) {
            edges.push((at, transition.to.reason()));
        }
        assert_eq!(machine.state().permille(), 1_000);
    }
    let trip = |at| (at, Some(REASON));
    let calm = |at| (at, Some(Reason::Operator));
    assert_eq!(
        edges,
        [trip(10), calm(1_490), trip(3_000), calm(4_490), trip(6_000), calm(7_490), trip(9_000)]
    );
    assert_eq!(machine.would_have_opened(), 4);
    machine.on(Input::Force { force: Force::MetricsOnly, until }, ms(10_000));
    assert_eq!(machine.state().reason(), Some(REASON), "prolonging an order keeps what it found out");
}

#[test]
fn heartbeats_of_an_older_generation_neither_close_nor_trip() {
    let mut machine = Machine::new(Settings::default(), 1);
    machine.on(Input::Signals(Verdict::Stuck(REASON)), ms(0));
    machine.on(Input::Signals(Verdict::Healthy), ms(300));
    for outcome in [Outcome::Returned, Outcome::Lost(REASON)] {
        for _ in 0..5 {
            assert_eq!(
                machine.on(Input::Heartbeat { generation: 0, outcome, leftovers: false }, ms(310)),
                None
            );
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
            machine.on(input(Event::Returned { stale: false }, machine, *now), *now);
        }
        assert_eq!(machine.state().name(), "slow_start");
        *now += settings.slow_start_window;
        machine.on(Input::Signals(Verdict::Healthy), *now);
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
/// long. Around each trip there are at most five changes; a suspicion without a trip lasts for its whole hold.
fn changes_max(settings: &Settings, time: Duration) -> u128 {
    let per = |period: Duration| time.as_nanos() / period.as_nanos();
    let mut levels = 0;
    while settings.dwell_min * (1 << levels) < settings.dwell_max {
        levels += 1;
    }
    let trips = u128::from(levels + 1_u32) + per(settings.calm) + per(settings.dwell_max * 4 / 5);
    5 * trips + 2 * (per(settings.suspect_hold) + 1)
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
                State::HalfOpen { healthy, .. } => prop_assert!(healthy <= settings.probes_to_close),
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
        let latest = now + settings.dwell_max + settings.suspect_hold + settings.slow_start_window + ms(2_000);
        while now < latest {
            now += ms(10);
            machine.on(input(Event::Returned { stale: false }, &machine, now), now);
            machine.on(input(Event::Healthy, &machine, now), now);
        }
        prop_assert_eq!(machine.state(), State::Closed);
    }
}
