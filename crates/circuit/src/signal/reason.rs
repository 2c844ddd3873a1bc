//! Why a circuit is not closed, for people and for metrics.

use std::fmt;
use std::time::Duration;

/// Why a circuit is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The oldest call had no ack at this age.
    Unacked(Duration),
    /// The oldest call had no answer at this age.
    Unanswered(Duration),
    /// A heartbeat was outstanding this long, and was not acknowledged either.
    HeartbeatUnacked(Duration),
    /// A heartbeat was outstanding this long: acknowledged, and not read back.
    HeartbeatUnread(Duration),
    /// A heartbeat could not be produced.
    HeartbeatFailed,
    /// A half-open circuit heard of no heartbeat at all.
    NoHeartbeat,
    /// There was no leader for this long.
    NoLeader(Duration),
    /// Records were in flight, and none was acknowledged.
    NoAcks {
        /// How many were in flight.
        in_flight: u64,
        /// For how long none was acknowledged.
        stalled: Duration,
    },
    /// There was something to consume, and the position stood still.
    ConsumerFrozen {
        /// Records between the position and the end.
        lag: u64,
        /// For how long the position stood still.
        frozen: Duration,
    },
    /// Too many of the calls that ended had failed.
    Failing {
        /// Failed calls, in thousandths of all that ended.
        permille: u32,
        /// Calls that ended within the window.
        calls: u32,
    },
    /// Too many of the calls that ended were slow.
    Slow {
        /// Slow calls, in thousandths of all that ended.
        permille: u32,
        /// Calls that ended within the window.
        calls: u32,
    },
    /// The client has refused records for this long: its queue is full.
    QueueFull(Duration),
    /// An operator said so.
    Operator,
}

impl Reason {
    pub(crate) const fn heartbeat(age: Duration, acked: bool) -> Self {
        if acked { Self::HeartbeatUnread(age) } else { Self::HeartbeatUnacked(age) }
    }

    /// A stable name for metrics and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unacked(_) => "unacked_age",
            Self::Unanswered(_) => "unanswered_age",
            Self::HeartbeatUnacked(_) => "heartbeat_unacked",
            Self::HeartbeatUnread(_) => "heartbeat_unread",
            Self::HeartbeatFailed => "heartbeat_failed",
            Self::NoHeartbeat => "no_heartbeat",
            Self::NoLeader(_) => "no_leader",
            Self::NoAcks { .. } => "no_acks",
            Self::ConsumerFrozen { .. } => "consumer_frozen",
            Self::Failing { .. } => "failure_rate",
            Self::Slow { .. } => "slow_rate",
            Self::QueueFull(_) => "queue_full",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unacked(age) => write!(f, "oldest call {} without an ack", Human(age)),
            Self::Unanswered(age) => write!(f, "oldest call {} without an answer", Human(age)),
            Self::HeartbeatUnacked(age) => write!(f, "heartbeat {} without an ack", Human(age)),
            Self::HeartbeatUnread(age) => write!(f, "heartbeat acked but not read back after {}", Human(age)),
            Self::HeartbeatFailed => f.write_str("heartbeat could not be produced"),
            Self::NoHeartbeat => f.write_str("no heartbeat came back"),
            Self::NoLeader(age) => write!(f, "no leader for {}", Human(age)),
            Self::NoAcks { in_flight, stalled } => {
                write!(f, "nothing acknowledged for {} with {in_flight} in flight", Human(stalled))
            }
            Self::ConsumerFrozen { lag, frozen } => {
                write!(f, "consumer has not moved for {}, {lag} behind", Human(frozen))
            }
            Self::Failing { permille, calls } => write!(f, "{} of {calls} calls failed", Percent(permille)),
            Self::Slow { permille, calls } => write!(f, "{} of {calls} calls were slow", Percent(permille)),
            Self::QueueFull(age) => write!(f, "the client's queue has been full for {}", Human(age)),
            Self::Operator => f.write_str("ordered by an operator"),
        }
    }
}

/// A duration as a tired person reads it: `214 ms`, `12.4 s`.
pub(crate) struct Human(pub(crate) Duration);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(10) {
            write!(f, "{} ms", self.0.as_millis())
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        }
    }
}

/// Thousandths as whole percent.
pub(crate) struct Percent(pub(crate) u32);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0 / 10)
    }
}
