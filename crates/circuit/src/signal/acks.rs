//! Whether the broker acknowledges anything while records are in flight.
//!
//! Source: the client's statistics. Rule: stuck when records were in flight in every report for the limit and none was
//! acknowledged between them. Nothing in flight is not stuck, one ack is progress however slow, and a counter that went
//! back belongs to a new client.

use std::time::Duration;

use super::{Reason, Told, Verdict};
use crate::settings::Settings;

/// What the client's statistics say of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckReport {
    /// Records that were handed over and are not acknowledged.
    pub in_flight: u64,
    /// Records acknowledged since the client's start.
    pub acked_total: u64,
}

/// The acks of one partition.
#[derive(Debug, Default)]
pub struct AckProgress {
    told: Option<Told<AckReport>>,
}

impl AckProgress {
    /// A report.
    pub fn told(&mut self, report: AckReport, now: Duration, settings: &Settings) {
        let moves = |before: AckReport, after: AckReport| {
            before.in_flight == 0 || after.in_flight == 0 || before.acked_total != after.acked_total
        };
        self.told = Some(Told::next(self.told, report, now, settings.report_life, moves));
    }

    /// What it says now.
    #[must_use]
    pub fn verdict(&self, now: Duration, settings: &Settings) -> Verdict {
        let Some(told) = self.told.as_ref() else { return Verdict::Healthy };
        match told.still(now, settings.report_life) {
            Some(stalled) if stalled >= settings.ack_limit => {
                Verdict::Stuck(Reason::NoAcks { in_flight: told.report.in_flight, stalled })
            }
            _ => Verdict::Healthy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// The verdict after reports of (ms, in flight, acked), 10 ms after the last.
    fn after(reports: &[(u64, u64, u64)]) -> Verdict {
        let (settings, mut acks) = (Settings::default(), AckProgress::default());
        for (at, in_flight, acked_total) in reports {
            acks.told(AckReport { in_flight: *in_flight, acked_total: *acked_total }, ms(*at), &settings);
        }
        acks.verdict(ms(reports.last().map_or(0, |last| last.0) + 10), &settings)
    }

    #[test]
    fn in_flight_and_nothing_acked_is_stuck() {
        let stuck = Verdict::Stuck(Reason::NoAcks { in_flight: 7, stalled: ms(1_000) });
        assert_eq!(after(&[(0, 3, 50), (500, 5, 50), (1_000, 7, 50)]), stuck);
    }

    #[test]
    fn a_slow_broker_that_moves_is_not_stuck() {
        assert_eq!(after(&[(0, 90, 1), (1_000, 90, 2), (2_000, 90, 3), (3_000, 90, 4)]), Verdict::Healthy);
    }

    #[test]
    fn a_client_that_stopped_sending_is_not_stuck_nor_is_the_first_record_after_it() {
        assert_eq!(after(&[(0, 0, 50), (1_000, 0, 50), (2_000, 0, 50)]), Verdict::Healthy);
        assert_eq!(after(&[(0, 0, 50), (1_000, 0, 50), (2_000, 1, 50)]), Verdict::Healthy);
    }

    #[test]
    fn statistics_that_stop_arriving_say_nothing_and_start_anew() {
        assert_eq!(after(&[(0, 3, 50), (9_000, 3, 50)]), Verdict::Healthy);
        let (settings, mut acks) = (Settings::default(), AckProgress::default());
        for at in [0, 1_000] {
            acks.told(AckReport { in_flight: 1, acked_total: 0 }, ms(at), &settings);
        }
        assert_ne!(acks.verdict(ms(1_000), &settings), Verdict::Healthy);
        assert_eq!(acks.verdict(ms(4_001), &settings), Verdict::Healthy);
    }
}
