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
mod orders;
mod outcomes;
mod schedule;
mod scope;
mod told;

use std::sync::Arc;
use std::time::Duration;

pub use self::change::{CircuitView, ModeChange, Words};
use self::one::{Circuit, Look};
pub use self::orders::{ORDER_MAX, UnknownPartition};
pub use self::outcomes::Outcomes;
use self::outcomes::Told;
use self::schedule::Schedule;
use self::scope::Scope;
pub use self::scope::{ScopeChange, ScopeKind, ScopeView};
use crate::inflight::{Guard, InFlight};
use crate::machine::Transition;
use crate::settings::{BadSetting, Settings};
use crate::switch::SwitchBoard;
use crate::time::SeenTime;
use crate::wake::WakeBits;

/// Circuits of one service, at most: each one takes about 20 kB with two lanes.
pub const PARTITIONS_MAX: usize = 10_000;

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

/// The circuits of one service.
#[derive(Debug)]
pub struct Circuits {
    settings: Arc<Settings>,
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
    schedule: Schedule,
    watched: Duration,
    looks: u64,
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
        let settings = Arc::new(settings);
        let names: Vec<Arc<str>> = names.into_iter().take(PARTITIONS_MAX + 1).map(Into::into).collect();
        if names.len() > PARTITIONS_MAX {
            return Err(BadSetting {
                key: "partitions",
                value: format!("more than {PARTITIONS_MAX}"),
                allowed: format!("at most {PARTITIONS_MAX}"),
            });
        }
        let count = names.len();
        let wake = WakeBits::new(count);
        let (mut unacked, mut unanswered) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut circuits = Vec::with_capacity(count);
        for (index, name) in names.into_iter().enumerate() {
            let ring = || InFlight::waking(settings.lanes, settings.span(), wake.clone(), index);
            let ((acks, ack_watch), (answers, answer_watch)) = (ring(), ring());
            unacked.push(acks);
            unanswered.push(answers);
            // The first heartbeats are spread over the first period.
            let first = settings.heartbeat_period.mul_f64(index as f64 / count as f64);
            let seed = seed.wrapping_add((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            circuits.push(Circuit::new(name, &settings, seed, ack_watch, answer_watch, first));
        }
        Ok(Self {
            switches: SwitchBoard::new(count),
            outcomes: Outcomes::new(count, settings.slow_call, wake.clone()),
            time: SeenTime::new(settings.gap()),
            settings,
            words,
            circuits,
            scopes: vec![Scope::new(ScopeKind::Cluster, Arc::from("cluster"), 0..count)],
            scope_changes: Vec::new(),
            unacked: Calls { rings: unacked.into() },
            unanswered: Calls { rings: unanswered.into() },
            next_beat: 0,
            schedule: Schedule::new(count, wake),
            watched: Duration::ZERO,
            looks: 0,
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

    /// Looks at the circuits in which something may have happened. To be called [every 9 ms](crate::LOOK_EVERY), and no later
    /// than every 10; a gap above [`gap_max`](Settings::gap_max) counts as one of that length, and calls that end right
    /// after it do not count as failed or slow, so that a process that was stopped does not blame its dependency.
    ///
    /// A circuit may change twice in one look: closed by a heartbeat, tripped by a signal. One in which nothing happens
    /// is at rest: it is not looked at until somebody calls, a heartbeat is late, or a second has passed.
    pub fn watch(&mut self, now: Duration) -> Vec<ModeChange> {
        let seen = self.time.look(now);
        let before = std::mem::replace(&mut self.watched, seen);
        let mut changes = Vec::new();
        for word in self.schedule.words() {
            let (turns, awake) = self.schedule.turns(word, seen);
            for partition in schedule::circuits(word, turns) {
                let awake = schedule::contains(awake, partition);
                let steps = self.look_at(partition, seen, before, awake);
                changes
                    .extend(steps.into_iter().flatten().map(|step| self.publish(partition, step, now, seen)));
                self.plan(partition, seen);
            }
        }
        self.watch_scopes(now, seen);
        changes
    }

    /// How many circuits were looked at, in all ticks together.
    #[must_use]
    pub fn looks(&self) -> u64 {
        self.looks
    }

    /// Every circuit, by index.
    #[must_use]
    pub fn snapshot(&self, now: Duration) -> Vec<CircuitView> {
        let seen = self.time.at(now);
        let view = |(partition, circuit): (usize, &Circuit)| {
            circuit.view(partition, self.switches.permille(partition), seen)
        };
        self.circuits.iter().enumerate().map(view).collect()
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

    /// One look at one circuit, and its switch.
    fn look_at(
        &mut self,
        partition: usize,
        now: Duration,
        before: Duration,
        awake: bool,
    ) -> [Option<one::Step>; 2] {
        self.looks += 1;
        let told = self.outcomes.take(partition);
        let told = Told { ended: told.ended.filter(|_| !self.time.settles()), ..told };
        let circuit = &mut self.circuits[partition];
        let admitted = circuit.state().permille();
        let steps = circuit.watch(Look { now, before, awake, told }, &self.settings);
        if circuit.state().permille() != admitted {
            self.tell_switch(partition);
        }
        steps
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

    /// When a circuit wants to be looked at next, and to send.
    fn plan(&mut self, partition: usize, seen: Duration) {
        let circuit = &self.circuits[partition];
        match circuit.rests_until(&self.settings, seen) {
            Some(until) => self.schedule.rest(partition, until),
            None => self.schedule.wake(partition),
        }
        self.schedule.beat(partition, circuit.next_heartbeat());
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
