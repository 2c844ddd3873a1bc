//! Sends that the client refused because its queue is full.
//!
//! Source: whoever sends. Rule: stuck when sends were refused for the limit on end, suspicious from the first; a pause
//! as long as the limit ends it. A burst that fills the queue for a moment is no stuck dependency.
//!
//! The queue belongs to the client and not to a partition: a refused send tells of the partition on whose behalf it was
//! made, and that is all its customers care about.

use std::time::Duration;

use super::{Reason, Verdict};
use crate::settings::Settings;

/// The refused sends of one partition.
#[derive(Debug, Default)]
pub struct QueueFull {
    /// The first and the last of those that were refused on end.
    refused: Option<(Duration, Duration)>,
}

impl QueueFull {
    /// Sends were refused.
    pub fn refused(&mut self, now: Duration, settings: &Settings) {
        let first = self.lasting(now, settings).map_or(now, |(first, _)| first);
        self.refused = Some((first, now));
    }

    /// Forgets all: what is over must not trip a circuit that just closed.
    pub fn forget(&mut self) {
        self.refused = None;
    }

    /// What they say now.
    #[must_use]
    pub fn verdict(&self, now: Duration, settings: &Settings) -> Verdict {
        self.lasting(now, settings).map_or(Verdict::Healthy, |(first, last)| {
            let age = last.saturating_sub(first);
            Verdict::graded(age, settings.queue_limit, Duration::ZERO, Reason::QueueFull(age))
        })
    }

    fn lasting(&self, now: Duration, settings: &Settings) -> Option<(Duration, Duration)> {
        self.refused.filter(|(_, last)| now.saturating_sub(*last) <= settings.queue_limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_queue_that_stays_full_is_stuck_and_a_burst_is_suspicious_for_a_moment() {
        let (settings, mut queue) = (Settings::default(), QueueFull::default());
        for at in (1_000..1_050).step_by(10) {
            queue.refused(ms(at), &settings);
        }
        assert_eq!(queue.verdict(ms(1_050), &settings), Verdict::Suspicious(Reason::QueueFull(ms(40))));
        assert_eq!(queue.verdict(ms(1_300), &settings), Verdict::Healthy);
        for at in (2_000..2_210).step_by(10) {
            queue.refused(ms(at), &settings);
        }
        assert_eq!(queue.verdict(ms(2_210), &settings), Verdict::Stuck(Reason::QueueFull(ms(200))));
    }
}
