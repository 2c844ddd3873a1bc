//! The circuits of one service: one for each partition that it uses.
//!
//! A service keeps one [`Circuits`] in its watchdog task (behind a mutex, if `/mode` and the heartbeat reader are other
//! tasks) and hands out what the hot path needs: the [`SwitchBoard`] and the two [`Calls`].
//!
//! ```
//! use std::time::Duration;
//! use circuit::{Circuits, Decision, Settings, Words};
//!
//! let words = Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" };
//! let mut circuits = Circuits::new(["orders-0", "orders-1"], words, Settings::default(), 42)?;
//! let (switches, unacked) = (circuits.switches(), circuits.unacked());
//!
//! let _delivery = unacked.begin(1); // dropped by the delivery report that never comes
//! for tick in 1..=22 {
//!     for change in circuits.watch(Duration::from_millis(tick * 10)) {
//!         println!("{change}");
//!     }
//! }
//! assert_eq!(switches.decide(1), Decision::Fallback);
//! assert_eq!(switches.decide(0), Decision::Primary);
//! # Ok::<(), circuit::BadSetting>(())
//! ```
//!
//! # Two ages
//! [`Circuits::unacked`] is for guards that end with the *delivery report*: dropping the future of a send does not
//! recall the record, so a caller who gives up must not hide a record that is stuck. [`Circuits::unanswered`] is for
//! guards that end with the *answer*, or with the caller: they see a dependency that acknowledges and never replies.
//!
//! # Heartbeats
//! Heartbeats want a producer of their own: in an idempotent one, a heartbeat that expires stops the healthy partitions.
//! After a heal they return before the customers' producer has found the new leader, so a circuit does not close while
//! records from before the trip are without a report, up to a bound (see [`machine`](crate::machine)). When it closes,
//! the calls that are in flight even then are written off the two ages: they hung because of what is over, and must not
//! trip it again.

mod change;
mod one;
mod outcomes;
mod scope;

use std::sync::Arc;
use std::time::Duration;

pub use self::change::{CircuitView, ModeChange, Words};
use self::one::Circuit;
pub use self::outcomes::Outcomes;
use self::scope::Scope;
pub use self::scope::{ScopeChange, ScopeKind, ScopeView};
use crate::heartbeat::Beat;
use crate::inflight::{Guard, InFlight};
use crate::machine::{Force, Input, Transition};
use crate::settings::{BadSetting, Settings};
use crate::signal::acks::AckReport;
use crate::signal::consumer::ConsumerReport;
use crate::switch::SwitchBoard;
use crate::time::SeenTime;

/// Circuits of one service, at most: each one is looked at in every tick, and takes about 20 kB with two lanes.
pub const PARTITIONS_MAX: usize = 10_000;

/// The longest order of an operator; a longer one is cut to it.
pub const ORDER_MAX: Duration = Duration::from_secs(24 * 3600);

/// Where calls begin, by partition. A clone is the same rings.
#[derive(Debug, Clone)]
pub struct Calls {
    rings: Arc<[InFlight]>,
}

impl Calls {
    /// Begins a call; it is in flight until the guard is dropped. A partition without a circuit is not tracked.
    #[inline]
    pub fn begin(&self, partition: usize) -> Guard {
        self.rings.get(partition).map_or(Guard::untracked(), InFlight::begin)
    }
}

/// There is no circuit of this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no circuit {partition}: there are {circuits}, counted from 0")]
pub struct UnknownPartition {
    /// The index that was asked for.
    pub partition: usize,
    /// How many there are.
    pub circuits: usize,
}

/// The circuits of one service.
#[derive(Debug)]
pub struct Circuits {
    settings: Settings,
    words: Words,
    time: SeenTime,
    circuits: Vec<Circuit>,
    scopes: Vec<Scope>,
    scope_changes: Vec<ScopeChange>,
    switches: SwitchBoard,
    unacked: Calls,
    unanswered: Calls,
    outcomes: Outcomes,
    next_beat: u64,
}

impl Circuits {
    /// A closed circuit for each partition of these topics, in this order, named `topic-partition`. A topic is a scope
    /// of its own, inside the cluster's.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn by_topic<N: Into<Arc<str>>>(
        topics: impl IntoIterator<Item = (N, usize)>,
        words: Words,
        settings: Settings,
        seed: u64,
    ) -> Result<Self, BadSetting> {
        let (mut names, mut scopes) = (Vec::new(), Vec::new());
        for (topic, partitions) in topics {
            let (topic, first): (Arc<str>, usize) = (topic.into(), names.len());
            names.extend((0..partitions.min(PARTITIONS_MAX + 1)).map(|index| format!("{topic}-{index}")));
            if names.len() > PARTITIONS_MAX {
                break;
            }
            scopes.push(Scope::new(ScopeKind::Topic, topic, first..names.len()));
        }
        let mut circuits = Self::new(names, words, settings, seed)?;
        circuits.scopes.splice(0..0, scopes);
        Ok(circuits)
    }

    /// A closed circuit for each name, in this order, in one scope, the cluster. The seed jitters the dwells.
    ///
    /// # Errors
    /// A setting that is out of bounds, or more than [`PARTITIONS_MAX`] names; nothing was started.
    pub fn new<N: Into<Arc<str>>>(
        names: impl IntoIterator<Item = N>,
        words: Words,
        settings: Settings,
        seed: u64,
    ) -> Result<Self, BadSetting> {
        settings.check()?;
        let names: Vec<Arc<str>> = names.into_iter().take(PARTITIONS_MAX + 1).map(Into::into).collect();
        if names.len() > PARTITIONS_MAX {
            return Err(BadSetting {
                key: "partitions",
                value: format!("more than {PARTITIONS_MAX}"),
                allowed: format!("at most {PARTITIONS_MAX}"),
            });
        }
        let count = names.len();
        let (mut unacked, mut unanswered) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut circuits = Vec::with_capacity(count);
        for (index, name) in names.into_iter().enumerate() {
            let (acks, ack_watch) = InFlight::new(settings.lanes, settings.span());
            let (answers, answer_watch) = InFlight::new(settings.lanes, settings.span());
            unacked.push(acks);
            unanswered.push(answers);
            // The first heartbeats are spread over the first period.
            let first = settings.heartbeat_period.mul_f64(index as f64 / count as f64);
            let seed = seed.wrapping_add((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            circuits.push(Circuit::new(name, &settings, seed, ack_watch, answer_watch, first));
        }
        Ok(Self {
            switches: SwitchBoard::new(count),
            outcomes: Outcomes::new(count, settings.slow_call),
            settings,
            words,
            time: SeenTime::default(),
            circuits,
            scopes: vec![Scope::new(ScopeKind::Cluster, Arc::from("cluster"), 0..count)],
            scope_changes: Vec::new(),
            unacked: Calls { rings: unacked.into() },
            unanswered: Calls { rings: unanswered.into() },
            next_beat: 0,
        })
    }

    /// What the hot path reads.
    #[must_use]
    pub fn switches(&self) -> SwitchBoard {
        self.switches.clone()
    }

    /// Where calls begin that end with the delivery report of their record.
    #[must_use]
    pub fn unacked(&self) -> Calls {
        self.unacked.clone()
    }

    /// Where calls begin that end with their answer.
    #[must_use]
    pub fn unanswered(&self) -> Calls {
        self.unanswered.clone()
    }

    /// Where calls tell how they ended, and sends that they were refused.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        self.outcomes.clone()
    }

    /// Looks at every circuit. To be called every 10 ms; a gap above 100 ms counts as 100 ms, so that a process that
    /// was stopped does not blame its dependency.
    ///
    /// A circuit may change twice in one look: closed by a heartbeat, tripped by a signal.
    pub fn watch(&mut self, now: Duration) -> Vec<ModeChange> {
        let seen = self.time.at(now);
        let mut changes = Vec::new();
        for index in 0..self.circuits.len() {
            let transitions = self.circuits[index].watch(self.outcomes.take(index), &self.settings, seen);
            changes.extend(transitions.into_iter().flatten().map(|t| self.publish(index, t, now, seen)));
            self.tell_switch(index);
        }
        self.watch_scopes(now, seen);
        changes
    }

    /// Statistics or metadata say whether a partition has a leader. Like every report, it counts from the next
    /// [`watch`](Self::watch), and only for the life of a report; of a partition without a circuit it is ignored.
    pub fn leader_told(&mut self, partition: usize, known: bool, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(partition) {
            circuit.leader.told(known, seen, &self.settings);
        }
    }

    /// Statistics say what is in flight and what was acknowledged.
    pub fn acks_told(&mut self, partition: usize, report: AckReport, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(partition) {
            circuit.acks.told(report, seen, &self.settings);
        }
    }

    /// Where the consumer of a partition is.
    pub fn consumer_told(&mut self, partition: usize, report: ConsumerReport, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(partition) {
            circuit.consumer.told(report, seen, &self.settings);
        }
    }

    /// The heartbeats to send now; whoever takes them must send them, for they are under way from here on.
    pub fn heartbeats_due(&mut self, now: Duration) -> Vec<Beat> {
        let seen = self.time.at(now);
        let mut due = Vec::new();
        for (partition, circuit) in self.circuits.iter_mut().enumerate() {
            if circuit.start_heartbeat(self.next_beat, seen) {
                due.push(Beat { partition, number: self.next_beat });
                self.next_beat += 1;
            }
        }
        due
    }

    /// The broker acknowledged a heartbeat.
    pub fn heartbeat_acked(&mut self, beat: Beat, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(beat.partition) {
            circuit.heartbeat_acked(beat.number, seen);
        }
    }

    /// A heartbeat was read back. What it means shows in the next [`watch`](Self::watch).
    pub fn heartbeat_returned(&mut self, beat: Beat, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(beat.partition) {
            circuit.heartbeat_returned(beat.number, seen);
        }
    }

    /// A heartbeat could not be produced: the queue is full, or its delivery failed. What it means shows in the next
    /// [`watch`](Self::watch).
    pub fn heartbeat_failed(&mut self, beat: Beat) {
        if let Some(circuit) = self.circuits.get_mut(beat.partition) {
            circuit.beats.failed(beat.number);
        }
    }

    /// An operator's order, for at most [`ORDER_MAX`]; `None` if it only prolongs the one in force.
    ///
    /// # Errors
    /// There is no such circuit.
    pub fn force(
        &mut self,
        partition: usize,
        force: Force,
        lasting: Duration,
        now: Duration,
    ) -> Result<Option<ModeChange>, UnknownPartition> {
        let until = self.time.at(now) + lasting.min(ORDER_MAX);
        self.order(partition, Input::Force { force, until }, now)
    }

    /// Takes an operator's order back; `None` if there was none.
    ///
    /// # Errors
    /// There is no such circuit.
    pub fn release(
        &mut self,
        partition: usize,
        now: Duration,
    ) -> Result<Option<ModeChange>, UnknownPartition> {
        self.order(partition, Input::Release, now)
    }

    /// Every circuit, by index.
    #[must_use]
    pub fn snapshot(&self, now: Duration) -> Vec<CircuitView> {
        let seen = self.time.peek(now);
        self.circuits.iter().enumerate().map(|(partition, circuit)| circuit.view(partition, seen)).collect()
    }

    fn order(
        &mut self,
        partition: usize,
        input: Input,
        now: Duration,
    ) -> Result<Option<ModeChange>, UnknownPartition> {
        let seen = self.time.at(now);
        let unknown = UnknownPartition { partition, circuits: self.circuits.len() };
        let circuit = self.circuits.get_mut(partition).ok_or(unknown)?;
        let transition = circuit.hear(input, seen);
        Ok(transition.map(|transition| self.publish(partition, transition, now, seen)))
    }

    /// What changed of the scopes in the last [`watch`](Self::watch); at most one change of each.
    #[must_use]
    pub fn scope_changes(&self) -> &[ScopeChange] {
        &self.scope_changes
    }

    /// Every topic, if there are any, and the cluster.
    #[must_use]
    pub fn scopes(&self) -> Vec<ScopeView> {
        self.scopes.iter().map(Scope::view).collect()
    }

    /// Looks at the scopes, and tells the switches of their partitions.
    fn watch_scopes(&mut self, now: Duration, seen: Duration) {
        self.scope_changes.clear();
        for index in 0..self.scopes.len() {
            let before = self.scopes[index].permille();
            let change = self.scopes[index].look(seen, &self.settings);
            let scope = &self.scopes[index];
            if let Some(escalated) = change {
                let (scope, words) = (scope.view(), self.words);
                self.scope_changes.push(ScopeChange { scope, at: now, escalated, words });
            }
            if scope.permille() != before {
                scope.members().for_each(|partition| self.tell_switch(partition));
            }
        }
    }

    /// A partition admits what the worst of its scopes admits, unless an operator has ordered something.
    fn tell_switch(&self, partition: usize) {
        let state = self.circuits[partition].state();
        let scopes =
            self.scopes.iter().filter(|scope| !state.is_ordered() && scope.members().contains(&partition));
        let permille = scopes.map(Scope::permille).fold(state.permille(), u32::min);
        self.switches.set_permille(partition, permille);
    }

    /// Flips the switch and writes the change down.
    fn publish(&mut self, partition: usize, step: one::Step, now: Duration, seen: Duration) -> ModeChange {
        let one::Step { transition: Transition { from, to, lasted }, degraded_for } = step;
        self.scopes.iter_mut().for_each(|scope| scope.count(partition, from.is_tripped(), to.is_tripped()));
        self.tell_switch(partition);
        let circuit = &self.circuits[partition];
        ModeChange {
            partition,
            name: Arc::clone(&circuit.name),
            at: now,
            from,
            to,
            lasted,
            ends_in: to.until().map(|until| until.saturating_sub(seen)),
            degraded_for,
            in_flight: circuit.in_flight(),
            words: self.words,
        }
    }
}
