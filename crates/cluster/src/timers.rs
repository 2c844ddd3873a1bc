//! What is due when, in order of time and then of setting.
//!
//! Whoever sets a timer for something that may come earlier cancels it then: a client that asks for a wait of a day,
//! and is answered at once a million times, must not leave a million timers behind.

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
    /// A frozen broker that was told to go on does.
    Wake(BrokerId),
    /// A leader sees that a follower may be in sync again.
    Join(Pid, BrokerId),
    /// A follower may have been behind for too long.
    Lag(Pid, BrokerId),
    /// A broker that shuts down in order asks for it, or is gone.
    Leave(BrokerId),
    /// A controller that has just gone on fences a broker that it takes for dead.
    Stale(BrokerId),
    /// The controllers have a leader again.
    Quorum,
    /// Leadership goes back to preferred leaders.
    Rebalance,
}

/// When somebody who looks every so often, since the cluster's birth, sees what is so from `at` on.
pub(crate) fn next_look(at: Duration, every: Duration) -> Duration {
    let every = every.max(Duration::from_millis(1));
    let looks = at.as_nanos().div_ceil(every.as_nanos());
    every * u32::try_from(looks).unwrap_or(u32::MAX)
}

/// Names a timer that was set.
pub(crate) type TimerKey = (Duration, u64);

#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<TimerKey, Timer>,
    next: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Duration, timer: Timer) -> TimerKey {
        let key = (at, self.next);
        self.due.insert(key, timer);
        self.next += 1;
        key
    }

    pub(crate) fn cancel(&mut self, key: TimerKey) {
        self.due.remove(&key);
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop(&mut self, now: Duration) -> Option<Timer> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

#[cfg(test)]
impl Timers {
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }
}
