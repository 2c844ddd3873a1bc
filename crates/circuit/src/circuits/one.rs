//! The circuit of one partition: its rings, its heartbeats, what is usual for it, and its state.
//!
//! "Usual" is learned while the circuit admits by its own judgement, and only then: an outage must not teach it
//! patience, and a dependency that became slower, but moves, must not stay suspect for ever.

use std::sync::Arc;
use std::time::Duration;

use super::change::CircuitView;
use crate::heartbeat::{Heartbeats, Outcome};
use crate::inflight::Watch;
use crate::machine::{Input, Machine, State, Transition};
use crate::settings::Settings;
use crate::signal::Verdict;
use crate::signal::acks::AckProgress;
use crate::signal::age::{self, Oldest};
use crate::signal::completions::{Completions, Ended};
use crate::signal::consumer::ConsumerProgress;
use crate::signal::leader::Leader;
use crate::signal::queue::QueueFull;
use crate::switch::Decision;
use crate::window::WindowedMax;

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
}

/// A transition, and how long customers were degraded if it ends that.
pub(super) struct Step {
    pub(super) transition: Transition,
    pub(super) degraded_for: Option<Duration>,
}

impl Circuit {
    pub(super) fn new(
        name: Arc<str>,
        settings: &Settings,
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
            machine: Machine::new(settings.clone(), seed),
            unacked,
            unanswered,
            usual_ack: WindowedMax::new(settings.window),
            usual_answer: WindowedMax::new(settings.window),
            usual_round_trip: WindowedMax::new(settings.window),
            degraded_since: None,
        }
    }

    /// First what a heartbeat says, then what is seen of the calls that are left after it.
    pub(super) fn watch(
        &mut self,
        outcomes: (Option<Ended>, bool),
        settings: &Settings,
        now: Duration,
    ) -> [Option<Step>; 2] {
        self.look(outcomes, settings, now);
        let by_heartbeat = self
            .beats
            .settle(now)
            .and_then(|(generation, outcome)| self.heartbeat_ended(generation, outcome, now));
        let verdict = self.verdict(settings, now);
        self.said = verdict;
        [by_heartbeat, self.hear(Input::Signals(verdict), now)]
    }

    /// Reads the rings and the counters, and learns from them what is usual.
    fn look(&mut self, (ended, refused): (Option<Ended>, bool), settings: &Settings, now: Duration) {
        let (acks, answers) = (self.unacked.tick(now), self.unanswered.tick(now));
        if self.learns() {
            acks.longest_ended.into_iter().for_each(|took| self.usual_ack.record(took, now));
            answers.longest_ended.into_iter().for_each(|took| self.usual_answer.record(took, now));
        }
        if acks.oldest.or(answers.oldest).is_some() || ended.is_some() || refused {
            self.called = Some(now);
        }
        ended.into_iter().for_each(|ended| self.completions.add(ended, now));
        if refused {
            self.queue.refused(now, settings);
        }
    }

    fn verdict(&self, settings: &Settings, now: Duration) -> Verdict {
        let recovering = matches!(self.machine.state(), State::SlowStart { .. });
        let age = |oldest: Oldest, age: Option<Duration>, usual: &WindowedMax| {
            age.map_or(Verdict::Healthy, |age| oldest.verdict(age, usual.max(now), recovering, settings))
        };
        let heartbeat = self.beats.outstanding(now).map_or(Verdict::Healthy, |(outstanding, acked)| {
            age::heartbeat(outstanding, acked, self.usual_round_trip.max(now), settings)
        });
        let demand = self.called.is_some_and(|called| now.saturating_sub(called) <= settings.demand_life);
        [
            age(Oldest::Unacked, self.unacked.oldest_age(), &self.usual_ack),
            age(Oldest::Unanswered, self.unanswered.oldest_age(), &self.usual_answer),
            self.leader.verdict(demand, now, settings),
            self.acks.verdict(now, settings),
            self.consumer.verdict(now, settings),
            self.completions.verdict(now, settings),
            self.queue.verdict(now, settings),
            heartbeat,
        ]
        .into_iter()
        .fold(Verdict::Healthy, Verdict::worse)
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

    pub(super) fn start_heartbeat(&mut self, number: u64, now: Duration) -> bool {
        let Some((period, timeout)) = self.machine.heartbeat_timing() else { return false };
        let due = self.beats.due(self.machine.generation(), now);
        if due {
            self.beats.start(number, self.machine.generation(), now, period, timeout);
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
        let took = self.beats.returned(number, now);
        if self.learns() {
            took.into_iter().for_each(|took| self.usual_round_trip.record(took, now));
        }
    }

    pub(super) fn state(&self) -> State {
        self.machine.state()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.unacked.len().max(self.unanswered.len())
    }

    pub(super) fn view(&self, partition: usize, now: Duration) -> CircuitView {
        let state = self.machine.state();
        CircuitView {
            partition,
            name: Arc::clone(&self.name),
            state,
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
