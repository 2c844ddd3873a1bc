//! Whether the consumer gets on.
//!
//! Source: the consumer's position and the partition's end (what it could read). Rule: stuck when there was something to
//! read in every report for the limit and the position stood still. A consumer that has read everything is idle, not
//! stuck; one that is far behind and moves is slow, not stuck; one that was set back has moved.

use std::time::Duration;

use super::{Reason, Told, Verdict};
use crate::settings::Settings;

/// Where a consumer is in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerReport {
    /// Offset of the next record it will read.
    pub position: i64,
    /// Offset behind the last record that it could read.
    pub end: i64,
}

impl ConsumerReport {
    /// Records that it could read and has not; none if the end is not known yet (below the position).
    #[must_use]
    pub fn lag(self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.position)).unwrap_or(0)
    }
}

/// The consumer of one partition.
#[derive(Debug, Default)]
pub struct ConsumerProgress {
    told: Option<Told<ConsumerReport>>,
}

impl ConsumerProgress {
    /// A report.
    pub fn told(&mut self, report: ConsumerReport, now: Duration, settings: &Settings) {
        let moves = |before: ConsumerReport, after: ConsumerReport| {
            before.lag() == 0 || after.lag() == 0 || before.position != after.position
        };
        self.told = Some(Told::next(self.told, report, now, settings.report_life, moves));
    }

    /// What it says now.
    #[must_use]
    pub fn verdict(&self, now: Duration, settings: &Settings) -> Verdict {
        let Some(told) = self.told.as_ref() else { return Verdict::Healthy };
        match told.still(now, settings.report_life) {
            Some(frozen) if frozen >= settings.consumer_limit => {
                Verdict::Stuck(Reason::ConsumerFrozen { lag: told.report.lag(), frozen })
            }
            _ => Verdict::Healthy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict right after reports of (ms, position, end).
    fn after(reports: &[(u64, i64, i64)]) -> Verdict {
        let (settings, mut consumer, mut now) =
            (Settings::default(), ConsumerProgress::default(), Duration::ZERO);
        for (at, position, end) in reports {
            now = Duration::from_millis(*at);
            consumer.told(ConsumerReport { position: *position, end: *end }, now, &settings);
        }
        consumer.verdict(now, &settings)
    }

    #[test]
    fn a_lag_with_a_frozen_position_is_stuck() {
        let frozen = Duration::from_millis(1_000);
        let stuck = Verdict::Stuck(Reason::ConsumerFrozen { lag: 30, frozen });
        assert_eq!(after(&[(0, 70, 75), (500, 70, 80), (1_000, 70, 100)]), stuck);
    }

    #[test]
    fn idle_is_not_stuck_and_far_behind_is_not_either() {
        assert_eq!(after(&[(0, 70, 70), (1_000, 70, 70), (2_000, 70, 70)]), Verdict::Healthy);
        assert_eq!(after(&[(0, 70, 70), (1_000, 70, 71)]), Verdict::Healthy);
        assert_eq!(after(&[(0, 1, 900), (1_000, 2, 950), (2_000, 3, 990)]), Verdict::Healthy);
        assert_eq!(after(&[(0, 70, 90), (1_000, 10, 90)]), Verdict::Healthy, "set back");
        assert_eq!(after(&[(0, 70, -1), (1_000, 70, -1)]), Verdict::Healthy, "the end is not known");
    }
}
