//! Whether the partition has a leader, as the client's metadata say.
//!
//! Source: statistics or metadata, told from time to time. Rule: stuck when the leader was -1 for the limit and somebody
//! wants the partition; without demand it is suspicious only, for nobody is served worse. An election takes less than
//! the limit. Time counts between reports only, for one that was told at the start of an election must not stand for what
//! nobody told since; a report that is too old says nothing, and neither does a client that was never asked.

use std::time::Duration;

use super::{Reason, Verdict};
use crate::settings::Settings;

/// The leader of one partition.
#[derive(Debug, Default)]
pub struct Leader {
    missing_since: Option<Duration>,
    told: Duration,
}

impl Leader {
    /// A report: there is a leader, or it is -1.
    pub fn told(&mut self, known: bool, now: Duration, settings: &Settings) {
        let fresh = now.saturating_sub(self.told) <= settings.report_life;
        self.missing_since = (!known).then(|| self.missing_since.filter(|_| fresh).unwrap_or(now));
        self.told = now;
    }

    /// The last report said that there is none: from here on demand alone makes a verdict.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.missing_since.is_some()
    }

    /// What it says now. `demand`: there are calls, or there were a moment ago.
    #[must_use]
    pub fn verdict(&self, demand: bool, now: Duration, settings: &Settings) -> Verdict {
        let fresh = now.saturating_sub(self.told) <= settings.report_life;
        match self.missing_since.filter(|_| fresh).map(|since| self.told.saturating_sub(since)) {
            Some(age) if age < settings.leader_limit => Verdict::Healthy,
            Some(age) if demand => Verdict::Stuck(Reason::NoLeader(age)),
            Some(age) => Verdict::Suspicious(Reason::NoLeader(age)),
            None => Verdict::Healthy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn an_election_is_no_loss_and_a_leader_that_stays_away_is_one_where_it_is_missed() {
        let (settings, mut leader) = (Settings::default(), Leader::default());
        leader.told(false, ms(1_000), &settings);
        leader.told(false, ms(1_250), &settings);
        assert_eq!(leader.verdict(true, ms(1_600), &settings), Verdict::Healthy, "nobody told since");
        leader.told(false, ms(1_500), &settings);
        assert_eq!(leader.verdict(true, ms(1_500), &settings), Verdict::Stuck(Reason::NoLeader(ms(500))));
        let idle = leader.verdict(false, ms(1_500), &settings);
        assert_eq!(idle, Verdict::Suspicious(Reason::NoLeader(ms(500))));
        leader.told(true, ms(1_600), &settings);
        assert_eq!(leader.verdict(true, ms(9_000), &settings), Verdict::Healthy);
    }

    #[test]
    fn statistics_that_stop_arriving_say_nothing_and_a_silence_does_not_count() {
        let (settings, mut leader) = (Settings::default(), Leader::default());
        leader.told(false, ms(1_000), &settings);
        assert_eq!(leader.verdict(true, ms(4_100), &settings), Verdict::Healthy);
        leader.told(false, ms(60_000), &settings);
        assert_eq!(leader.verdict(true, ms(60_400), &settings), Verdict::Healthy);
    }
}
