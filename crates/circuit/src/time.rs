//! Time as far as this process was there to see it.
//!
//! A process that was stopped, or starved of its processors, comes back to calls that look old and to heartbeats that
//! look overdue, and would blame its dependency for its own absence. So a gap between two looks counts for at most
//! [`GAP_MAX`]; a clock that goes back counts for nothing.

use std::time::Duration;

/// The longest gap between two looks that counts in full: ten watchdog ticks, and half of the lowest default limit, so
/// that one stall of any length trips nothing by itself.
pub(crate) const GAP_MAX: Duration = Duration::from_millis(100);

/// Turns the caller's time into the time that was seen.
#[derive(Debug, Default)]
pub(crate) struct SeenTime {
    last: Duration,
    seen: Duration,
}

impl SeenTime {
    /// The time seen up to `now`; never goes back.
    pub(crate) fn at(&mut self, now: Duration) -> Duration {
        self.seen += now.saturating_sub(self.last).min(GAP_MAX);
        self.last = self.last.max(now);
        self.seen
    }

    /// The time seen up to `now`, without taking note of the look.
    pub(crate) fn peek(&self, now: Duration) -> Duration {
        self.seen + now.saturating_sub(self.last).min(GAP_MAX)
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
        let mut time = SeenTime::default();
        assert_eq!(time.at(ms(10)), ms(10));
        assert_eq!(time.at(ms(60_000)), ms(110));
        assert_eq!(time.at(ms(60_010)), ms(120));
    }

    #[test]
    fn a_clock_that_goes_back_stands_still_until_it_has_caught_up() {
        let mut time = SeenTime::default();
        time.at(ms(50));
        assert_eq!(time.at(ms(20)), ms(50));
        assert_eq!(time.at(ms(50)), ms(50));
        assert_eq!(time.at(ms(51)), ms(51));
    }
}
