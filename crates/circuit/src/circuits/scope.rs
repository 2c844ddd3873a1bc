//! When many partitions are stuck, the rest are not waited for: partition -> topic -> cluster.
//!
//! A scope opens when enough of its partitions are open by their own judgement (an operator's order does not count), in
//! number and in share; customers of all of them then leave the primary path. Heartbeats go on in those that are still
//! closed, and the scope lets customers back, step by step, when the share has been below a lower one for a hold. So a
//! scope changes at most twice in a hold and a ramp, whatever its partitions do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::change::Words;
use crate::machine::Ramp;
use crate::settings::Settings;
use crate::signal::Percent;

/// What a scope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// The partitions of one topic.
    Topic,
    /// All partitions.
    Cluster,
}

/// A scope, as `/mode` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeView {
    /// What it is.
    pub kind: ScopeKind,
    /// Its name.
    pub name: Arc<str>,
    /// Its partitions, by index.
    pub partitions: Range<usize>,
    /// How many of them are open by their own judgement.
    pub open: usize,
    /// The share of the calls that the scope admits, in thousandths; a partition admits no more than its scopes.
    pub permille: u32,
}

/// A scope escalated, or took that back. Displayed, it is the one log line that this deserves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeChange {
    /// The scope now.
    pub scope: ScopeView,
    /// When, in the time of whoever called.
    pub at: Duration,
    /// Its customers leave the primary path; otherwise they come back, step by step.
    pub escalated: bool,
    pub(super) words: Words,
}

impl fmt::Display for ScopeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScopeView { kind, name, partitions, open, permille } = &self.scope;
        match kind {
            ScopeKind::Topic => write!(f, "topic {name} ")?,
            ScopeKind::Cluster => f.write_str("cluster ")?,
        }
        let of = partitions.len();
        if self.escalated {
            write!(f, "stuck: {open} of {of} partitions are open; {} for all of them", self.words.degraded)
        } else {
            write!(f, "healthy again: {open} of {of} partitions are open; {}, ", self.words.restored)?;
            write!(f, "{} of the calls at first", Percent(*permille))
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open { calm: Option<Duration> },
    SlowStart(Ramp),
}

#[derive(Debug)]
pub(super) struct Scope {
    kind: ScopeKind,
    name: Arc<str>,
    members: Range<usize>,
    open: usize,
    state: State,
}

impl Scope {
    pub(super) fn new(kind: ScopeKind, name: Arc<str>, members: Range<usize>) -> Self {
        Self { kind, name, members, open: 0, state: State::Closed }
    }

    pub(super) fn members(&self) -> Range<usize> {
        self.members.clone()
    }

    /// A partition opened or closed by its own judgement.
    pub(super) fn count(&mut self, partition: usize, before: bool, after: bool) {
        if self.members.contains(&partition) {
            self.open = self.open + usize::from(after) - usize::from(before);
        }
    }

    pub(super) fn permille(&self) -> u32 {
        match self.state {
            State::Closed => 1_000,
            State::Open { .. } => 0,
            State::SlowStart(ramp) => ramp.permille(),
        }
    }

    /// Looks at the count; whether the scope escalated or took that back.
    pub(super) fn look(&mut self, now: Duration, settings: &Settings) -> Option<bool> {
        let share = |permille: u32| self.members.len() * permille as usize;
        let many =
            self.open >= settings.escalate_min && self.open * 1_000 >= share(settings.escalate_permille);
        let few = self.open * 1_000 < share(settings.deescalate_permille).max(1);
        let (state, change) = match self.state {
            State::Closed | State::SlowStart(_) if many => (State::Open { calm: None }, Some(true)),
            State::Closed => (State::Closed, None),
            State::Open { calm: Some(since) } if few && now >= since + settings.escalation_hold => {
                (State::SlowStart(Ramp::new(now, settings)), Some(false))
            }
            State::Open { calm } => (State::Open { calm: few.then(|| calm.unwrap_or(now)) }, None),
            State::SlowStart(ramp) => {
                (ramp.next(false, now, settings).map_or(State::Closed, State::SlowStart), None)
            }
        };
        self.state = state;
        change
    }

    pub(super) fn view(&self) -> ScopeView {
        ScopeView {
            kind: self.kind,
            name: Arc::clone(&self.name),
            partitions: self.members(),
            open: self.open,
            permille: self.permille(),
        }
    }
}
