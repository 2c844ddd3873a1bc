//! What is the machine's doing and not Kafka's: the model is told of it before it is compared.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use cluster::Clock;

use super::agree::Summary;

/// Where nothing but the start of a broker's process keeps the only replica of a partition away.
const CELL: &str = "metadata: leader of solo-1, healing";

/// The stories that the cell says it of, and how long after the beginning of the heal the broker is started.
const STORIES: [(&str, Duration); 4] =
    [("E1", Duration::from_secs(6)), ("E5", Duration::ZERO), ("E6", Duration::ZERO), ("E8", Duration::ZERO)];

/// How long a broker takes from its start to its registration, by the story: a machine on which a story's other
/// brokers are busy starts one more of them slower.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BrokerStart(BTreeMap<&'static str, Duration>);

impl BrokerStart {
    /// As it was seen on Apache Kafka.
    #[must_use]
    pub fn seen(apache: &[Summary]) -> Self {
        let of = |(story, started): (&'static str, Duration)| {
            let back = apache.iter().find(|one| one.story == story && one.cell == CELL)?.spread?;
            Some((story, Duration::from_millis(back.median).checked_sub(started)?))
        };
        Self(STORIES.into_iter().filter_map(of).collect())
    }

    /// What was seen in one of the two; in this one, if it was in both.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (story, took) in other.0 {
            self.0.entry(story).or_insert(took);
        }
        self
    }

    /// In a story; where it was not seen, the median of those where it was.
    #[must_use]
    pub fn of(&self, story: &str) -> Duration {
        let mut all: Vec<Duration> = self.0.values().copied().collect();
        all.sort_unstable();
        let usual = all.get(all.len() / 2).copied().unwrap_or(Clock::apache().broker_start);
        self.0.get(story).copied().unwrap_or(usual)
    }
}

/// E.g. `E1 2.9 s, E5 2.8 s`.
impl fmt::Display for BrokerStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (story, took)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{story} {:.1} s", took.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::cell::{Class, Seen};

    fn back(story: &str, ms: u64) -> Seen {
        let class = Class::word("-1 LEADER_NOT_AVAILABLE -> 2");
        Seen::class(story, CELL, class).took(Duration::from_millis(ms))
    }

    #[test]
    fn a_broker_starts_as_fast_as_it_was_seen_to_be_back() {
        let seen = [back("E1", 8_000), back("E5", 1_900), back("E5", 2_100), back("E5", 8_000)];
        let start = BrokerStart::seen(&Summary::of_all(&seen));
        assert_eq!(start.to_string(), "E1 2.0 s, E5 2.1 s");
        assert_eq!(start.of("E5"), Duration::from_millis(2_100));
        assert_eq!(start.of("E7"), Duration::from_millis(2_100), "not seen there");
    }

    #[test]
    fn what_was_seen_today_counts_before_what_was_committed() {
        let of = |seen: &[Seen]| BrokerStart::seen(&Summary::of_all(seen));
        let both = of(&[back("E5", 1_900)]).or(of(&[back("E5", 4_000), back("E6", 3_000)]));
        assert_eq!(both.to_string(), "E5 1.9 s, E6 3.0 s");
        assert_eq!(BrokerStart::default().of("E5"), Clock::apache().broker_start);
    }
}
