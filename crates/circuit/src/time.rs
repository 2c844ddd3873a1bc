//! Time as far as this process was there to see it.
//!
//! A process that was stopped, or starved of its processors, comes back to calls that look old and to heartbeats that
//! look overdue, and would blame its dependency for its own absence. So a gap between two looks counts for at most
//! [`gap_max`](crate::Settings::gap_max), and what is beyond it was [missed](SeenTime::missed); a clock that goes back
//! counts for nothing.
//!
//! What ends right after a gap tells of it too: deadlines that passed meanwhile, all at once. Until as much time was seen
//! again as [three gaps](SETTLING) may count, the process [settles](SeenTime::settles).

use std::time::Duration;

/// In gaps of the longest length that counts: with the defaults six looks, in which everybody has had a turn.
const SETTLING: u32 = 3;

/// Nanoseconds, of at most five hundred years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Turns the caller's time into the time that was seen.
#[derive(Debug)]
pub(crate) struct SeenTime {
    gap_max: Duration,
    last: Duration,
    seen: Duration,
    missed: Duration,
    settled: Duration,
}

impl SeenTime {
    /// From zero on.
    pub(crate) fn new(gap_max: Duration) -> Self {
        let zero = Duration::ZERO;
        Self { gap_max, last: zero, seen: zero, missed: zero, settled: zero }
    }

    /// A look: the time seen up to it.
    pub(crate) fn look(&mut self, now: Duration) -> Duration {
        let (seen, missed) = (self.at(now), self.missed(now));
        if missed > self.missed {
            self.settled = seen + self.gap_max * SETTLING;
        }
        (self.seen, self.missed, self.last) = (seen, missed, self.last.max(now));
        seen
    }

    /// The time seen up to `now`; never goes back. Between two looks it stands still after the longest gap.
    pub(crate) fn at(&self, now: Duration) -> Duration {
        self.seen + now.saturating_sub(self.last).min(self.gap_max)
    }

    /// The time that passed and was not seen, in all.
    pub(crate) fn missed(&self, now: Duration) -> Duration {
        self.missed + now.saturating_sub(self.last).saturating_sub(self.gap_max)
    }

    /// Whether there was a gap a moment ago.
    pub(crate) fn settles(&self) -> bool {
        self.seen < self.settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_stall_counts_for_at_most_one_gap() {
        let mut time = SeenTime::new(ms(30));
        assert_eq!((time.look(ms(30)), time.settles()), (ms(30), false));
        assert_eq!((time.look(ms(60_000)), time.settles()), (ms(60), true));
        assert_eq!((time.look(ms(60_030)), time.settles()), (ms(90), true));
        assert_eq!((time.look(ms(60_060)), time.settles()), (ms(120), true));
        assert_eq!((time.look(ms(60_090)), time.settles()), (ms(150), false));
        assert_eq!(time.missed(ms(60_090)), ms(59_940));
    }

    #[test]
    fn between_two_looks_no_more_than_a_gap_passes_however_often_it_is_asked() {
        let mut time = SeenTime::new(ms(30));
        time.look(ms(30));
        assert_eq!([31, 59, 60, 61, 900].map(|now| time.at(ms(now))), [31, 59, 60, 60, 60].map(ms));
        assert_eq!([60, 61, 900].map(|now| time.missed(ms(now))), [0, 1, 840].map(ms));
        assert_eq!((time.look(ms(900)), time.settles()), (ms(60), true));
    }

    #[test]
    fn a_clock_that_goes_back_stands_still_until_it_has_caught_up() {
        let mut time = SeenTime::new(ms(30));
        time.look(ms(30));
        assert_eq!(time.look(ms(20)), ms(30));
        assert_eq!(time.look(ms(30)), ms(30));
        assert_eq!(time.look(ms(31)), ms(31));
        assert_eq!(time.missed(ms(31)), ms(0));
    }
}
