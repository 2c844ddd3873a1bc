//! What was seen of a partition, and the rules by which it becomes a verdict.
//!
//! | signal | source | suspicious | stuck |
//! |---|---|---|---|
//! | [oldest unacknowledged call](age) | a guard that ends with the delivery report | while recovering | older than twice the largest ack of the window, within 200 ms and half the objective |
//! | [oldest unanswered call](age) | a guard that ends with the answer | while recovering | the same, of answers |
//! | [heartbeat outstanding](age) | the heartbeat under way | longer than twice the largest round trip of the window, at least 200 ms | past its deadline |
//! | [leader](leader) | statistics, metadata | -1 for 500 ms of reports, nobody called | the same with demand |
//! | [ack progress](acks) | statistics | never | in flight, and nothing acknowledged for 500 ms of reports |
//! | [consumer progress](consumer) | positions and ends | never | a lag, and the position frozen for 1 s of reports |
//! | [completions](completions) | every call that ended | at half of the rates | half failed, or four in five were slow, of at least 20 in 10 s |
//! | [queue full](queue) | sends that the client refused | any | refused for 200 ms on end |
//!
//! "Unacknowledged" ends with the broker's report, "unanswered" with the caller: a caller that gives up ends the second,
//! and must not hide a record that is still stuck. The absence of calls is not a signal: idle is not stuck. The absence
//! of statistics is not one either: a report that is older than its life says nothing.
//!
//! The deadline of a heartbeat is kept in [`heartbeat`](crate::heartbeat): past it the heartbeat is over, and the state
//! machine hears of a failure.

pub mod acks;
pub mod age;
pub mod completions;
pub mod consumer;
pub mod leader;
pub mod queue;

mod reason;

use std::time::Duration;

pub use self::reason::Reason;
pub(crate) use self::reason::{Human, Percent};

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

    /// Stuck at the first limit, suspicious at the second, which is not above it.
    fn graded<T: PartialOrd>(value: T, stuck: T, suspicious: T, reason: Reason) -> Self {
        if value >= stuck {
            Self::Stuck(reason)
        } else if value >= suspicious {
            Self::Suspicious(reason)
        } else {
            Self::Healthy
        }
    }
}

/// The last report of something that is told from time to time, and since when it has not moved.
///
/// Time counts between reports only: what nobody told is not known. A report older than its life is no report, and the
/// first one after a silence starts anew.
#[derive(Debug, Clone, Copy)]
struct Told<T> {
    report: T,
    moved: Duration,
    at: Duration,
}

impl<T: Copy> Told<T> {
    /// Takes a report; `moves` says whether it shows progress since the one before.
    fn next(
        before: Option<Self>,
        report: T,
        now: Duration,
        life: Duration,
        moves: impl Fn(T, T) -> bool,
    ) -> Self {
        let fresh = before.filter(|told| now.saturating_sub(told.at) <= life);
        let moved = fresh.filter(|told| !moves(told.report, report)).map_or(now, |told| told.moved);
        Self { report, moved, at: now }
    }

    /// How long it stood still as of the last report; `None` once that is too old.
    fn still(&self, now: Duration, life: Duration) -> Option<Duration> {
        (now.saturating_sub(self.at) <= life).then(|| self.at.saturating_sub(self.moved))
    }
}
