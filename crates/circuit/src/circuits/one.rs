//! The circuit of one partition: its rings, its heartbeats, what is usual for it, and its state.
//!
//! "Usual" is learned while the circuit admits by its own judgement, and only then: an outage must not teach it
//! patience, and a dependency that became slower, but moves, must not stay suspect for ever.
//!
//! # Rest
//! A circuit in which nothing happens is put to sleep after [`QUIET_LOOKS`]: its rings are not read until a call wakes
//! it. What still reaches it is a heartbeat that does not come back in time, in a short look, and a whole look every
//! [`REST_MAX`], which is how late it hears of what time alone changes.

use std::sync::Arc;
use std::time::Duration;

use super::change::CircuitView;
use super::outcomes::Told;
use crate::heartbeat::{Heartbeats, Outcome, Started};
use crate::inflight::Watch;
use crate::machine::{Input, Machine, State, Transition};
use crate::settings::Settings;
use crate::signal::Verdict;
use crate::signal::acks::AckProgress;
use crate::signal::age::{self, Oldest};
use crate::signal::completions::Completions;
use crate::signal::consumer::ConsumerProgress;
use crate::signal::leader::Leader;
use crate::signal::queue::QueueFull;
use crate::switch::Decision;
use crate::window::WindowedMax;

/// This many looks at nothing put a circuit to sleep: what it costs to fall asleep and to be woken (measured).
const QUIET_LOOKS: u32 = 16;

/// A sleep that was shorter than this has not paid, and doubles the looks before the next one. Calls that begin and end
/// between two looks are not seen by them.
const SLEEP_MIN: Duration = Duration::from_millis(200);

/// Up to this many looks, about ten seconds.
const QUIET_LOOKS_MAX: u32 = 1_024;

/// A circuit at rest is looked at as often as this.
pub(super) const REST_MAX: Duration = Duration::from_secs(1);

/// Whether anybody needs to look.
#[derive(Debug, Clone, Copy)]
enum Rest {
    /// In every tick; so many looks on end have seen nothing.
    Awake { quiet: u32 },
    /// The rings are marked; the next look decides.
    Dozing,
    /// Only when it is woken or due.
    Asleep {
        since: Duration,
        /// When it was looked at as a whole.
        looked: Duration,
    },
}

/// What the watchdog knows before it looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) now: Duration,
    /// The tick before.
    pub(super) before: Duration,
    /// It is awake, or somebody woke it.
    pub(super) awake: bool,
    /// What calls told since the last look.
    pub(super) told: Told,
}

#[derive(Debug)]
pub(super) struct Circuit {
    pub(super) name: Arc<str>,
    pub(super) beats: Heartbeats,
    pub(super) leader: Leader,
    pub(super) acks: AckProgress,
    pub(super) consumer: ConsumerProgress,
    completions: Completions,
    queue: QueueFull,
    called: Option<Duration>,
    said: Verdict,
    machine: Machine,
    unacked: Watch,
    unanswered: Watch,
    usual_ack: WindowedMax,
    usual_answer: WindowedMax,
    usual_round_trip: WindowedMax,
    degraded_since: Option<Duration>,
    rest: Rest,
    quiet_looks: u32,
}

/// A transition, and how long customers were degraded if it ends that.
pub(super) struct Step {
    pub(super) transition: Transition,
    pub(super) degraded_for: Option<Duration>,
}

impl Circuit {
    pub(super) fn new(
        name: Arc<str>,
        settings: &Arc<Settings>,
        seed: u64,
        unacked: Watch,
        unanswered: Watch,
        first_heartbeat: Duration,
    ) -> Self {
        Self {
            name,
            beats: Heartbeats::new(first_heartbeat),
            leader: Leader::default(),
            acks: AckProgress::default(),
            consumer: ConsumerProgress::default(),
            completions: Completions::new(settings),
            queue: QueueFull::default(),
            called: None,
            said: Verdict::Healthy,
            machine: Machine::new(Arc::clone(settings), seed),
            unacked,
            unanswered,
            usual_ack: WindowedMax::new(settings.window),
            usual_answer: WindowedMax::new(settings.window),
            usual_round_trip: WindowedMax::new(settings.window),
            degraded_since: None,
            rest: Rest::Awake { quiet: 0 },
            quiet_looks: QUIET_LOOKS,
        }
    }

    /// First what a heartbeat says, then what is seen of the calls that are left after it.
    pub(super) fn watch(&mut self, look: Look, settings: &Settings) -> [Option<Step>; 2] {
        let now = look.now;
        let told = look.told != Told::default();
        if let Rest::Asleep { since, .. } = self.rest
            && (look.awake || told)
        {
            let paid = now >= since + SLEEP_MIN;
            self.quiet_looks = if paid { QUIET_LOOKS } else { (self.quiet_looks * 2).min(QUIET_LOOKS_MAX) };
            self.rouse(look.before);
        }
        let whole = match self.rest {
            Rest::Asleep { looked, .. } => now >= looked + REST_MAX,
            _ => true,
        };
        let nothing = !whole || self.look(look.told, settings, now);
        let by_heartbeat = self
            .beats
            .settle(now)
            .and_then(|(generation, outcome)| self.heartbeat_ended(generation, outcome, now));
        self.said = if whole { self.verdict(settings, now) } else { self.heartbeat_verdict(settings, now) };
        let steps = [by_heartbeat, self.hear(Input::Signals(self.said), now)];
        let same = self.said == Verdict::Healthy && steps.iter().all(Option::is_none);
        self.settle_down(nothing && same && self.may_rest(), whole, look);
        steps
    }

    /// Reads the rings and the counters, and learns from them what is usual. Whether there was nothing to read.
    fn look(&mut self, told: Told, settings: &Settings, now: Duration) -> bool {
        let Told { ended, refused, proved } = told;
        if proved && self.machine.state() == State::Closed {
            self.beats.proved(now, settings.heartbeat_period);
        }
        let (acks, answers) = (self.unacked.tick(now), self.unanswered.tick(now));
        if self.learns() {
            acks.longest_ended.into_iter().for_each(|took| self.usual_ack.record(took, now));
            answers.longest_ended.into_iter().for_each(|took| self.usual_answer.record(took, now));
        }
        let nothing = acks.oldest.or(answers.oldest).is_none() && ended.is_none() && !refused;
        if !nothing {
            self.called = Some(now);
        }
        ended.into_iter().for_each(|ended| self.completions.add(ended, now));
        if refused {
            self.queue.refused(now, settings);
        }
        nothing && self.unacked.is_empty() && self.unanswered.is_empty()
    }

    /// A state in which only its end, a heartbeat or a call changes anything.
    fn may_rest(&self) -> bool {
        use State::{Closed, Disabled, ForcedClosed, ForcedOpen, MetricsOnly};
        let state = self.machine.state();
        !self.leader.is_missing()
            && matches!(
                state,
                Closed
                    | ForcedOpen { .. }
                    | ForcedClosed { .. }
                    | Disabled { .. }
                    | MetricsOnly { would: None, .. }
            )
    }

    /// One step towards sleep, or none at all.
    fn settle_down(&mut self, quiet: bool, whole: bool, look: Look) {
        let now = look.now;
        self.rest = match self.rest {
            Rest::Awake { .. } if !quiet => Rest::Awake { quiet: 0 },
            _ if !quiet => {
                // A whole look has just read the rings, and knows better since when there are calls.
                self.rouse(if whole { Duration::ZERO } else { look.before });
                Rest::Awake { quiet: 0 }
            }
            Rest::Awake { quiet } if quiet < self.quiet_looks => Rest::Awake { quiet: quiet + 1 },
            Rest::Awake { .. } => {
                self.unacked.doze();
                self.unanswered.doze();
                Rest::Dozing
            }
            Rest::Dozing if self.unacked.is_still() && self.unanswered.is_still() => {
                Rest::Asleep { since: now, looked: now }
            }
            Rest::Dozing => {
                self.rouse(Duration::ZERO);
                Rest::Awake { quiet: 0 }
            }
            Rest::Asleep { since, .. } if whole => Rest::Asleep { since, looked: now },
            asleep => asleep,
        };
    }

    /// Reads the rings again; the calls that woke it began after `slept_until`.
    fn rouse(&mut self, slept_until: Duration) {
        self.unacked.rouse(slept_until);
        self.unanswered.rouse(slept_until);
        self.rest = Rest::Awake { quiet: 0 };
    }

    /// When it must be looked at, though nobody wakes it; `None` while it is awake.
    pub(super) fn rests_until(&self, settings: &Settings, now: Duration) -> Option<Duration> {
        let Rest::Asleep { looked, .. } = self.rest else { return None };
        if self.beats.has_ended() {
            return Some(Duration::ZERO);
        }
        let heartbeat = self.beats.outstanding(now).map(|(age, _)| {
            (now + settings.suspect_limit(self.usual_round_trip.max(now))).saturating_sub(age)
        });
        let ends = [self.machine.state().until(), heartbeat];
        Some(ends.into_iter().flatten().fold(looked + REST_MAX, Duration::min))
    }

    /// When its next heartbeat is due; `None` while none is wanted, or it is held up.
    pub(super) fn next_heartbeat(&self) -> Option<Duration> {
        self.machine.heartbeat_timing()?;
        self.beats.next(self.machine.generation())
    }

    fn verdict(&self, settings: &Settings, now: Duration) -> Verdict {
        let recovering = matches!(self.machine.state(), State::SlowStart { .. });
        let age = |oldest: Oldest, age: Option<Duration>, usual: &WindowedMax| {
            age.map_or(Verdict::Healthy, |age| oldest.verdict(age, usual.max(now), recovering, settings))
        };
        let demand = self.called.is_some_and(|called| now.saturating_sub(called) <= settings.demand_life);
        [
            age(Oldest::Unacked, self.unacked.oldest_age(), &self.usual_ack),
            age(Oldest::Unanswered, self.unanswered.oldest_age(), &self.usual_answer),
            self.leader.verdict(demand, now, settings),
            self.acks.verdict(now, settings),
            self.consumer.verdict(now, settings),
            self.completions.verdict(now, settings),
            self.queue.verdict(now, settings),
            self.heartbeat_verdict(settings, now),
        ]
        .into_iter()
        .fold(Verdict::Healthy, Verdict::worse)
    }

    fn heartbeat_verdict(&self, settings: &Settings, now: Duration) -> Verdict {
        self.beats.outstanding(now).map_or(Verdict::Healthy, |(outstanding, acked)| {
            age::heartbeat(outstanding, acked, self.usual_round_trip.max(now), settings)
        })
    }

    fn heartbeat_ended(&mut self, generation: u64, outcome: Outcome, now: Duration) -> Option<Step> {
        let leftovers = self.degraded_since.is_some_and(|since| {
            self.unacked.oldest_age().is_some_and(|age| age >= now.saturating_sub(since))
        });
        self.hear(Input::Heartbeat { generation, outcome, leftovers }, now)
    }

    /// The one way into the state machine, and what follows from a change of state.
    pub(super) fn hear(&mut self, input: Input, now: Duration) -> Option<Step> {
        let transition = self.machine.on(input, now)?;
        match transition.to {
            State::HalfOpen { .. } => self.beats.hasten(now),
            State::SlowStart { .. } => {
                self.unacked.write_off(now);
                self.unanswered.write_off(now);
                self.forget_the_outage();
            }
            _ => {}
        }
        let degraded_for = match transition.to.decision() {
            Decision::Primary => self.degraded_since.take().map(|since| now.saturating_sub(since)),
            Decision::Fallback => {
                self.degraded_since.get_or_insert(now);
                None
            }
        };
        Some(Step { transition, degraded_for })
    }

    /// What was told and counted before the circuit closed is of the outage, and must not trip it again.
    fn forget_the_outage(&mut self) {
        self.leader = Leader::default();
        self.acks = AckProgress::default();
        self.consumer = ConsumerProgress::default();
        self.completions.forget();
        self.queue.forget();
    }

    pub(super) fn start_heartbeat(&mut self, number: u64, now: Duration, missed: Duration) -> bool {
        let Some((period, timeout)) = self.machine.heartbeat_timing() else { return false };
        let due = self.beats.due(self.machine.generation(), now);
        if due {
            self.beats.start(
                Started { number, generation: self.machine.generation(), at: now, missed },
                period,
                timeout,
            );
        }
        due
    }

    pub(super) fn heartbeat_acked(&mut self, number: u64, now: Duration) {
        let took = self.beats.acked(number, now);
        if self.learns() {
            took.into_iter().for_each(|took| self.usual_ack.record(took, now));
        }
    }

    pub(super) fn heartbeat_returned(&mut self, number: u64, now: Duration) {
        let Some(took) = self.beats.returned(number, now) else { return };
        if self.learns() {
            self.usual_round_trip.record(took, now);
        }
        if !matches!(self.machine.state(), State::HalfOpen { .. }) {
            // Nobody waits to hear that nothing is wrong: it is no reason to look.
            self.beats.settle(now);
        }
    }

    pub(super) fn state(&self) -> State {
        self.machine.state()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.unacked.len().max(self.unanswered.len())
    }

    pub(super) fn view(&self, partition: usize, permille: u32, now: Duration) -> CircuitView {
        let state = self.machine.state();
        CircuitView {
            partition,
            name: Arc::clone(&self.name),
            state,
            permille,
            verdict: self.said,
            lasted: now.saturating_sub(self.machine.since()),
            would_have_opened: self.machine.would_have_opened(),
            ends_in: state.until().map(|until| until.saturating_sub(now)),
            oldest_unacked: self.unacked.oldest_age(),
            oldest_unanswered: self.unanswered.oldest_age(),
            in_flight: self.in_flight(),
            heartbeat: self.beats.outstanding(now).map(|(age, _)| age),
            usual_round_trip: self.usual_round_trip.max(now),
            stale_heartbeats: self.beats.stale(),
        }
    }

    fn learns(&self) -> bool {
        use State::{Closed, MetricsOnly, SlowStart, Suspect};
        let state = self.machine.state();
        matches!(state, Closed | Suspect { .. } | SlowStart { .. } | MetricsOnly { would: None, .. })
    }
}
