//! How old the oldest thing under way is: a record, a call, a heartbeat.
//!
//! Source: the guards of [`inflight`](crate::inflight) and the heartbeats. Rule: stuck from twice what was usual, within
//! a floor and half the objective. "Usual" adapts to a dependency that is slow and moves, up to that half.

use std::time::Duration;

use super::{Reason, Verdict};
use crate::settings::Settings;

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oldest {
    /// A record that was handed over and whose delivery was not reported.
    Unacked,
    /// A call that waits for the business answer.
    Unanswered,
}

impl Oldest {
    /// What this age says when the largest of its kind lately was `usual`. While customers come back
    /// (`recovering`), the lower limit of the recovery is suspicious already.
    #[must_use]
    pub fn verdict(self, age: Duration, usual: Duration, recovering: bool, settings: &Settings) -> Verdict {
        let stuck = settings.age_limit(usual);
        let suspicious = if recovering { settings.recovery_limit(stuck) } else { stuck };
        let reason = match self {
            Self::Unacked => Reason::Unacked(age),
            Self::Unanswered => Reason::Unanswered(age),
        };
        Verdict::graded(age, stuck, suspicious, reason)
    }
}

/// What a heartbeat under way says: suspicious above twice the largest round trip lately, and never more. Past its
/// deadline it is over, and the machine hears of that.
#[must_use]
pub fn heartbeat(age: Duration, acked: bool, usual: Duration, settings: &Settings) -> Verdict {
    if age > settings.suspect_limit(usual) {
        Verdict::Suspicious(Reason::heartbeat(age, acked))
    } else {
        Verdict::Healthy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_come_back_under_a_lower_limit_than_the_one_that_trips() {
        let (settings, ms) = (Settings::default(), Duration::from_millis);
        let says = |age, recovering| Oldest::Unacked.verdict(ms(age), ms(3), recovering, &settings);
        assert_eq!(says(199, false), Verdict::Healthy);
        assert_eq!(says(99, true), Verdict::Healthy);
        assert_eq!(says(100, true), Verdict::Suspicious(Reason::Unacked(ms(100))));
        assert_eq!(says(200, true), Verdict::Stuck(Reason::Unacked(ms(200))));
    }
}
