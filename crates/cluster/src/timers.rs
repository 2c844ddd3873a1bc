//! What is due when, in order of time and then of setting.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::{BrokerId, Token};
use crate::partition::Pid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The wait of a parked request is over.
    Parked(Token),
    /// A coordinator's record was not committed in time.
    GroupRecord(u64),
    /// The groups have something due.
    Groups,
    /// The controller looks whether it has heard of a broker lately.
    Session(BrokerId),
    /// A started broker registers, or a fenced one that is back is heard of.
    Return(BrokerId),
    /// A slow follower has fetched.
    CatchUp(Pid, BrokerId),
    /// A follower may have been behind for too long.
    Lag(Pid, BrokerId),
    /// A survivor may be in sync again.
    Rejoin(Pid, BrokerId),
    /// Leadership goes back to preferred leaders.
    Rebalance,
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<(Duration, u64), Timer>,
    next: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Duration, timer: Timer) {
        self.due.insert((at, self.next), timer);
        self.next += 1;
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop(&mut self, now: Duration) -> Option<Timer> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
