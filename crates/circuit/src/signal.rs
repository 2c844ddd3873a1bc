//! What was seen of a partition, and the rule by which it becomes a verdict.
//!
//! | signal | suspicious | stuck |
//! |---|---|---|
//! | oldest unacknowledged call | never | older than twice the largest ack of the window, within 200 ms and half the objective |
//! | oldest unanswered call | never | the same, of answers |
//! | heartbeat outstanding | longer than twice the largest round trip of the window, at least 200 ms | past its deadline |
//!
//! "Unacknowledged" ends with the broker's report, "unanswered" with the caller: a caller that gives up ends the second,
//! and must not hide a record that is still stuck. The absence of calls is not a signal: idle is not stuck.
//!
//! The deadline of a heartbeat is kept in [`heartbeat`](crate::heartbeat): past it the heartbeat is over, and the state
//! machine hears of a failure.

use std::fmt;
use std::time::Duration;

use crate::settings::Settings;

/// One thing seen in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Age of the oldest call whose record was handed over and whose delivery was not reported.
    OldestUnacked(Duration),
    /// Age of the oldest call that waits for the business answer.
    OldestUnanswered(Duration),
    /// A heartbeat is under way.
    HeartbeatOutstanding {
        /// Since it was sent.
        age: Duration,
        /// The broker has acknowledged it; it was not read back yet.
        acked: bool,
    },
}

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
            Self::Operator => f.write_str("ordered by an operator"),
        }
    }
}

/// What the signals of one moment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against the primary path.
    Healthy,
    /// Unusual, and not yet a reason to leave the primary path.
    Suspicious(Reason),
    /// No progress.
    Stuck(Reason),
}

impl Verdict {
    /// The more severe of two; the first of two alike.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.severity() > self.severity() { other } else { self }
    }

    const fn severity(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Suspicious(_) => 1,
            Self::Stuck(_) => 2,
        }
    }
}

impl Signal {
    /// The rule: what this signal says when the largest of its kind lately was `usual`.
    #[must_use]
    pub fn verdict(self, usual: Duration, settings: &Settings) -> Verdict {
        match self {
            Self::OldestUnacked(age) if age >= settings.age_limit(usual) => {
                Verdict::Stuck(Reason::Unacked(age))
            }
            Self::OldestUnanswered(age) if age >= settings.age_limit(usual) => {
                Verdict::Stuck(Reason::Unanswered(age))
            }
            Self::HeartbeatOutstanding { age, acked } if age > settings.suspect_limit(usual) => {
                Verdict::Suspicious(Reason::heartbeat(age, acked))
            }
            _ => Verdict::Healthy,
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
