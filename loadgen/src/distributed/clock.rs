//! How another machine's clocks differ from ours, by asking it for the time.
//!
//! Of several rounds the fastest counts: the answer was given somewhere within it, so its middle is wrong by half of it
//! at most (as NTP does, RFC 5905).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// How many rounds; on a busy machine most are slow.
pub(super) const ROUNDS: u32 = 32;

/// The time of one machine, in nanoseconds: by a clock that is never set, and by the one on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reading {
    pub(super) steady_ns: u64,
    pub(super) unix_ns: u64,
}

/// The clocks of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    epoch: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now() }
    }

    pub(super) fn now(&self) -> Reading {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Reading { steady_ns: self.steady_ns(Instant::now()), unix_ns: ns(unix) }
    }

    pub(super) fn steady_ns(&self, at: Instant) -> u64 {
        ns(at.saturating_duration_since(self.epoch))
    }

    /// The instant of a reading of this clock.
    pub(super) fn instant(&self, steady_ns: u64) -> Option<Instant> {
        self.epoch.checked_add(Duration::from_nanos(steady_ns))
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How another machine's clock on the wall differs from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// By how many nanoseconds it is ahead; negative if it is behind.
    pub ahead_ns: i64,
    /// By how much this may be wrong.
    pub error: Duration,
}

/// What rounds of asking found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Estimate {
    /// By how much its steady clock reads more than ours; the two began at different times.
    pub(super) steady_ahead_ns: i64,
    pub(super) wall: ClockOffset,
}

impl Estimate {
    /// Of one round: our readings before and after, and theirs in between.
    pub(super) fn of(before: Reading, theirs: Reading, after: Reading) -> Self {
        let middle = |before: u64, after: u64| before / 2 + after / 2;
        let ahead = |theirs: u64, ours: u64| i128::from(theirs) - i128::from(ours);
        let as_i64 = |ns: i128| i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX });
        let took_ns = after.steady_ns.saturating_sub(before.steady_ns);
        Self {
            steady_ahead_ns: as_i64(ahead(theirs.steady_ns, middle(before.steady_ns, after.steady_ns))),
            wall: ClockOffset {
                ahead_ns: as_i64(ahead(theirs.unix_ns, middle(before.unix_ns, after.unix_ns))),
                error: Duration::from_nanos(took_ns.div_ceil(2)),
            },
        }
    }

    /// The better of two.
    pub(super) fn or(self, other: Self) -> Self {
        if other.wall.error < self.wall.error { other } else { self }
    }

    /// What their steady clock reads when ours reads this.
    pub(super) fn theirs(&self, steady_ns: u64) -> u64 {
        steady_ns.saturating_add_signed(self.steady_ahead_ns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_estimate_is_wrong_by_no_more_than_it_says(
            ahead in -1_000_000_000_i64..1_000_000_000, rounds in proptest::collection::vec((0_u64..5_000_000, 0_u64..5_000_000), 1..9),
        ) {
            let ours = |ns: u64| Reading { steady_ns: 2_000_000_000 + ns, unix_ns: 7_000_000_000 + ns };
            let theirs = |ns: u64| Reading {
                steady_ns: ours(ns).steady_ns.saturating_add_signed(ahead),
                unix_ns: ours(ns).unix_ns.saturating_add_signed(-ahead),
            };
            let round = |(there, back): &(u64, u64)| Estimate::of(ours(0), theirs(*there), ours(there + back));
            let best = rounds.iter().map(round).reduce(Estimate::or).expect("one round at least");
            let error = best.wall.error.as_nanos() as i64 + 1;
            prop_assert!((best.steady_ahead_ns - ahead).abs() <= error);
            prop_assert!((best.wall.ahead_ns + ahead).abs() <= error);
            let fastest = rounds.iter().map(|(there, back)| there + back).min().unwrap_or(0);
            prop_assert_eq!(best.wall.error.as_nanos() as u64, fastest.div_ceil(2));
        }
    }
}
