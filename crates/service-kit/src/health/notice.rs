//! Changes of mode for whoever runs the service inside itself.
//!
//! Bound: a listener that lags by more than [`NOTICES_MAX`] changes loses the oldest ones, and is told how many.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use circuit::{Decision, ModeChange, Reason, ScopeChange, ScopeKind};
use tokio::sync::broadcast;
use trading::time::Timestamp;

use crate::breaker::BreakerChange;

/// The most changes that wait for a listener.
pub const NOTICES_MAX: usize = 4_096;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The circuit of a partition.
    Partition(ModeChange),
    /// So many partitions are stuck that the rest are not waited for, or no longer.
    Scope(ScopeChange),
    /// Under `breaker`, one of its breakers.
    Breaker(BreakerChange),
}

impl Change {
    /// Which part of the service, such as `partition quote-7` or `cluster`.
    #[must_use]
    pub fn scope(&self) -> String {
        match self {
            Self::Partition(change) => format!("partition {}", change.name),
            Self::Scope(change) => match change.scope.kind {
                ScopeKind::Topic => format!("topic {}", change.scope.name),
                ScopeKind::Cluster => change.scope.name.to_string(),
            },
            Self::Breaker(change) => change.name.clone(),
        }
    }

    /// The partition, if it is one.
    #[must_use]
    pub const fn partition(&self) -> Option<usize> {
        match self {
            Self::Partition(change) => Some(change.partition),
            Self::Scope(_) => None,
            Self::Breaker(change) => change.partition,
        }
    }

    /// An operator's order for this partition is over.
    pub(super) fn ends_an_order_of(&self, partition: usize) -> bool {
        matches!(self, Self::Partition(change) if change.partition == partition && !change.to.is_ordered())
    }

    /// Where calls went before, and where they go now.
    #[must_use]
    pub const fn decisions(&self) -> (Decision, Decision) {
        match self {
            Self::Partition(change) => (change.from.decision(), change.to.decision()),
            Self::Scope(ScopeChange { escalated: true, .. }) => (Decision::Primary, Decision::Fallback),
            Self::Scope(_) => (Decision::Fallback, Decision::Primary),
            Self::Breaker(change) => change.decisions(),
        }
    }

    /// The names of the states before and now.
    #[must_use]
    pub const fn states(&self) -> (&'static str, &'static str) {
        match self {
            Self::Partition(change) => (change.from.name(), change.to.name()),
            Self::Scope(ScopeChange { escalated: true, .. }) => ("closed", "open"),
            Self::Scope(_) => ("open", "slow_start"),
            Self::Breaker(change) => (change.from, change.to),
        }
    }

    /// Why a partition is not closed, or was not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Partition(change) => change.reason(),
            Self::Scope(_) | Self::Breaker(_) => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(change) => change.fmt(f),
            Self::Scope(change) => change.fmt(f),
            Self::Breaker(change) => change.fmt(f),
        }
    }
}

/// A change of mode, and when. Displayed, it is the sentence for people.
#[derive(Debug, Clone)]
pub struct ModeNotice {
    /// The kind of service.
    pub service: String,
    /// What changed, from what, to what and why.
    pub change: Change,
    /// What the operator said who ordered it.
    pub why: Option<Arc<str>>,
    /// When, on the clock of this process.
    pub at: Instant,
    /// When, on the wall.
    pub at_wall: Timestamp,
}

impl fmt::Display for ModeNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change.fmt(f)?;
        self.why.iter().try_for_each(|why| write!(f, " (an operator: {why})"))
    }
}

/// Where changes of mode are told. Clones are the same place.
#[derive(Debug, Clone)]
pub struct ModeNotices(broadcast::Sender<ModeNotice>);

impl Default for ModeNotices {
    fn default() -> Self {
        Self(broadcast::Sender::new(NOTICES_MAX))
    }
}

impl ModeNotices {
    /// Listens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<ModeNotice> {
        self.0.subscribe()
    }

    pub(super) fn tell(&self, notice: ModeNotice) {
        // Nobody listens in a service that runs alone.
        let _ = self.0.send(notice);
    }
}
