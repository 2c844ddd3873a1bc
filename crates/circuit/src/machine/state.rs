//! The states of a circuit, and what each means for a call.

use std::time::Duration;

use super::ramp::Ramp;
use crate::signal::Reason;
use crate::switch::Decision;

/// Where a circuit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Admits.
    Closed,
    /// Admits, and the fallback should get ready.
    Suspect {
        /// What was suspicious first.
        reason: Reason,
        /// When something was suspicious last.
        last: Duration,
    },
    /// Does not admit.
    Open {
        /// Why it tripped.
        reason: Reason,
        /// When it will be probed.
        until: Duration,
    },
    /// Does not admit customers; heartbeats find out.
    HalfOpen {
        /// Why it tripped.
        reason: Reason,
        /// Healthy heartbeats so far, in a row; counted up to as many as are needed.
        healthy: u32,
        /// Since when they are as many as are needed: it waits for customers' records from before the trip.
        proven: Option<Duration>,
        /// The next verdict must come before.
        until: Duration,
    },
    /// Admits a share that grows.
    SlowStart {
        /// Why it had tripped.
        reason: Reason,
        /// The share.
        ramp: Ramp,
    },
    /// Does not admit, by an operator's order.
    ForcedOpen {
        /// When the order expires.
        until: Duration,
    },
    /// Admits, by an operator's order.
    ForcedClosed {
        /// When the order expires.
        until: Duration,
    },
    /// Admits, by an operator's order: its signals are looked at and shown, and nothing trips.
    Disabled {
        /// When the order expires.
        until: Duration,
    },
    /// Admits, by an operator's order, and counts what would have tripped it.
    MetricsOnly {
        /// When the order expires.
        until: Duration,
        /// It would not admit now: why it would have tripped, and when something last said so.
        would: Option<(Reason, Duration)>,
    },
}

impl State {
    /// A stable name for metrics, events and `/mode`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Suspect { .. } => "suspect",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
            Self::SlowStart { .. } => "slow_start",
            Self::ForcedOpen { .. } => "forced_open",
            Self::ForcedClosed { .. } => "forced_closed",
            Self::Disabled { .. } => "disabled",
            Self::MetricsOnly { .. } => "metrics_only",
        }
    }

    /// What a call is told; in `slow_start`, what some calls are told.
    #[must_use]
    pub const fn decision(self) -> Decision {
        if self.permille() == 0 { Decision::Fallback } else { Decision::Primary }
    }

    /// The share of the calls that is admitted, in thousandths.
    #[must_use]
    pub const fn permille(self) -> u32 {
        match self {
            Self::Open { .. } | Self::HalfOpen { .. } | Self::ForcedOpen { .. } => 0,
            Self::SlowStart { ramp, .. } => ramp.permille(),
            Self::Closed | Self::Suspect { .. } => 1_000,
            Self::ForcedClosed { .. } | Self::Disabled { .. } | Self::MetricsOnly { .. } => 1_000,
        }
    }

    /// Does not admit, by its own judgement.
    #[must_use]
    pub const fn is_tripped(self) -> bool {
        matches!(self, Self::Open { .. } | Self::HalfOpen { .. })
    }

    /// An operator's order is in force.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        matches!(
            self,
            Self::ForcedOpen { .. }
                | Self::ForcedClosed { .. }
                | Self::Disabled { .. }
                | Self::MetricsOnly { .. }
        )
    }

    /// Why it is not closed.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Closed => None,
            Self::Suspect { reason, .. }
            | Self::Open { reason, .. }
            | Self::HalfOpen { reason, .. }
            | Self::SlowStart { reason, .. }
            | Self::MetricsOnly { would: Some((reason, _)), .. } => Some(reason),
            Self::ForcedOpen { .. } | Self::ForcedClosed { .. } => Some(Reason::Operator),
            Self::Disabled { .. } | Self::MetricsOnly { would: None, .. } => Some(Reason::Operator),
        }
    }

    /// When it ends by itself, if nothing else happens.
    #[must_use]
    pub const fn until(self) -> Option<Duration> {
        match self {
            Self::Open { until, .. }
            | Self::HalfOpen { until, .. }
            | Self::ForcedOpen { until }
            | Self::ForcedClosed { until }
            | Self::Disabled { until }
            | Self::MetricsOnly { until, .. } => Some(until),
            Self::Closed | Self::Suspect { .. } | Self::SlowStart { .. } => None,
        }
    }

    /// Whether the two are the same for a reader: what is counted inside a state is no change of it.
    pub(super) fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::MetricsOnly { would: before, .. }, Self::MetricsOnly { would: after, .. }) => {
                before.is_some() == after.is_some()
            }
            _ => self.name() == other.name(),
        }
    }
}

/// What an operator may order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Off the primary path, whatever the signals say.
    Open,
    /// On the primary path, whatever the signals say.
    Closed,
    /// On the primary path; the signals are looked at and shown, and nothing trips.
    Disabled,
    /// On the primary path; what would have tripped is counted and told.
    MetricsOnly,
}

impl Force {
    /// The state that is ordered; prolonging an order keeps what was found out under it.
    pub(super) const fn state(self, until: Duration, before: State) -> State {
        match (self, before) {
            (Self::Open, _) => State::ForcedOpen { until },
            (Self::Closed, _) => State::ForcedClosed { until },
            (Self::Disabled, _) => State::Disabled { until },
            (Self::MetricsOnly, State::MetricsOnly { would, .. }) => State::MetricsOnly { until, would },
            (Self::MetricsOnly, _) => State::MetricsOnly { until, would: None },
        }
    }
}
