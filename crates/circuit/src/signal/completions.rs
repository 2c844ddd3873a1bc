//! How the calls of a sliding window ended: what every breaker sees, and the only thing that most of them see.
//!
//! Source: whoever runs the calls. Rule: stuck from a rate of failures or of slow calls, suspicious from the recovery's
//! share of that rate; never on fewer calls than the minimum, so that one bad call in a quiet hour is no rate.

use std::time::Duration;

use super::{Reason, Verdict};
use crate::settings::Settings;
use crate::window::Sliding;

/// Calls that ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// All of them.
    pub calls: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that took longer than a call should.
    pub slow: u32,
}

impl Ended {
    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            failed: self.failed.saturating_add(other.failed),
            slow: self.slow.saturating_add(other.slow),
        }
    }
}

/// The calls of one partition that ended lately.
#[derive(Debug)]
pub struct Completions {
    window: Sliding<Ended>,
}

impl Completions {
    /// Of no call yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { window: Sliding::new(settings.completions_window) }
    }

    /// Adds calls that ended since the last time.
    pub fn add(&mut self, ended: Ended, now: Duration) {
        let slot = self.window.slot(now);
        *slot = slot.plus(ended);
    }

    /// Forgets all: what is over must not trip a circuit that just closed.
    pub fn forget(&mut self) {
        self.window.clear();
    }

    /// What they say now.
    #[must_use]
    pub fn verdict(&self, now: Duration, settings: &Settings) -> Verdict {
        let Ended { calls, failed, slow } =
            self.window.live(now).copied().fold(Ended::default(), Ended::plus);
        if calls < settings.completions_min {
            return Verdict::Healthy;
        }
        let permille = |part: u32| u32::try_from(u64::from(part) * 1_000 / u64::from(calls)).unwrap_or(1_000);
        let graded = |rate: u32, limit: u32, reason| {
            Verdict::graded(rate, limit, settings.recovery_share(limit), reason)
        };
        let (failed, slow) = (permille(failed), permille(slow));
        let by_failures =
            graded(failed, settings.failures_permille, Reason::Failing { permille: failed, calls });
        by_failures.worse(graded(slow, settings.slow_permille, Reason::Slow { permille: slow, calls }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn says(calls: u32, failed: u32, slow: u32) -> Verdict {
        let settings = Settings::default();
        let mut completions = Completions::new(&settings);
        completions.add(Ended { calls, failed, slow }, ms(5));
        completions.verdict(ms(9), &settings)
    }

    #[test]
    fn half_of_the_calls_failing_is_stuck_and_a_quarter_is_suspicious() {
        assert_eq!(says(100, 24, 0), Verdict::Healthy);
        let quarter = Reason::Failing { permille: 250, calls: 100 };
        assert_eq!(says(100, 25, 0), Verdict::Suspicious(quarter));
        assert_eq!(says(100, 50, 0), Verdict::Stuck(Reason::Failing { permille: 500, calls: 100 }));
        assert_eq!(says(100, 0, 80), Verdict::Stuck(Reason::Slow { permille: 800, calls: 100 }));
    }

    #[test]
    fn one_slow_call_a_few_failures_and_a_burst_of_good_calls_are_not_stuck() {
        assert_eq!(says(1, 0, 1), Verdict::Healthy);
        assert_eq!(says(19, 19, 19), Verdict::Healthy);
        assert_eq!(says(1_000_000, 10, 10), Verdict::Healthy);
    }

    #[test]
    fn what_is_out_of_the_window_or_forgotten_does_not_count() {
        let settings = Settings::default();
        let mut completions = Completions::new(&settings);
        completions.add(Ended { calls: 100, failed: 100, slow: 0 }, ms(5));
        assert_eq!(completions.verdict(ms(10_001), &settings), Verdict::Healthy);
        completions.add(Ended { calls: 100, failed: 100, slow: 0 }, ms(20_000));
        completions.forget();
        assert_eq!(completions.verdict(ms(20_001), &settings), Verdict::Healthy);
    }
}
