//! How the topics of a service lie: partition counts, asked of the cluster once, at start.
//!
//! Invariant: the topics that belong to accounts all have the same count, so that an account has the same
//! partition index in each of them, and one circuit can watch that index over the whole path.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::{Admin, ClusterView};
use contracts::partitioner::partition_of;
use trading::ids::AccountId;

/// Between two looks at a cluster whose topics are not there yet.
const POLL: Duration = Duration::from_millis(50);

/// The topics that a service needs.
#[derive(Debug, Clone, Copy)]
pub struct Topics {
    /// Keyed by account: all of the same count. At least one.
    pub by_account: &'static [&'static str],
    /// Keyed by something else, with counts of their own.
    pub others: &'static [&'static str],
}

/// The service cannot start on this cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The cluster did not answer in time.
    #[error("no broker answered; is --bootstrap right?")]
    Cluster(#[from] bus::AdminError),
    /// A topic is not there.
    #[error("topic `{0}` does not exist; create it, then start the service again")]
    Missing(&'static str),
    /// Two topics of accounts differ.
    #[error(
        "topic `{topic}` has {partitions} partitions, but `{first}` has {expected}; topics of accounts must have \
         the same count"
    )]
    Uneven {
        /// The topic that differs.
        topic: &'static str,
        /// Its count.
        partitions: i32,
        /// From which one.
        first: &'static str,
        /// And its count.
        expected: i32,
    },
}

/// Partition counts by topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    counts: BTreeMap<&'static str, i32>,
    by_account: &'static [&'static str],
    partitions: i32,
}

impl Layout {
    /// Asks the cluster, until all topics are there or `timeout` has passed.
    ///
    /// # Errors
    /// [`LayoutError`]; a service must not open its port on it.
    pub async fn discover(admin: &Admin, topics: &Topics, timeout: Duration) -> Result<Self, LayoutError> {
        let until = Instant::now() + timeout;
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(POLL);
            let found = match admin.cluster(left).await {
                Ok(view) => Self::read(topics, |topic| count_in(&view, topic)),
                Err(error) => Err(error.into()),
            };
            match found {
                Err(LayoutError::Missing(_) | LayoutError::Cluster(_)) if Instant::now() + POLL < until => {
                    tokio::time::sleep(POLL).await;
                }
                decided => return decided,
            }
        }
    }

    /// The layout of `topics` when `count` knows how many partitions each has.
    ///
    /// # Errors
    /// A topic is missing, or the topics of accounts differ.
    ///
    /// # Panics
    /// `topics` names no topic of accounts: no such service exists.
    pub fn read(topics: &Topics, count: impl Fn(&str) -> Option<i32>) -> Result<Self, LayoutError> {
        let mut counts = BTreeMap::new();
        for topic in topics.by_account.iter().chain(topics.others) {
            let partitions = count(topic).filter(|count| *count > 0);
            counts.insert(*topic, partitions.ok_or(LayoutError::Missing(topic))?);
        }
        let first = topics.by_account.first().expect("every service has a topic of accounts");
        let expected = counts[first];
        for topic in topics.by_account {
            let partitions = counts[topic];
            if partitions != expected {
                return Err(LayoutError::Uneven { topic, partitions, first, expected });
            }
        }
        Ok(Self { counts, by_account: topics.by_account, partitions: expected })
    }

    /// How many partitions the topics of accounts have.
    #[must_use]
    pub const fn partitions(&self) -> i32 {
        self.partitions
    }

    /// How many partitions `topic` has; `None` for a topic that the service did not name.
    #[must_use]
    pub fn partitions_of(&self, topic: &str) -> Option<i32> {
        self.counts.get(topic).copied()
    }

    /// Where everything of an account lies, in each topic of accounts.
    #[must_use]
    pub fn partition_of(&self, account: &AccountId) -> i32 {
        partition_of(account.as_str().as_bytes(), self.partitions)
    }

    /// Whether the partitions of `topic` are those of the circuits.
    #[must_use]
    pub fn is_by_account(&self, topic: &str) -> bool {
        self.by_account.contains(&topic)
    }

    /// Every partition of `topics`, for a reader by assignment.
    #[must_use]
    pub fn all_partitions(&self, topics: &[&'static str]) -> Vec<bus::TopicPartition> {
        let of = |topic: &&'static str| {
            let topic = *topic;
            (0..self.partitions_of(topic).unwrap_or(0))
                .map(move |partition| bus::TopicPartition { topic: topic.to_owned(), partition })
        };
        topics.iter().flat_map(of).collect()
    }
}

fn count_in(view: &ClusterView, topic: &str) -> Option<i32> {
    view.topic(topic).and_then(|topic| i32::try_from(topic.partitions.len()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPICS: Topics = Topics { by_account: &["fees", "quotes"], others: &["modes"] };

    #[test]
    fn an_account_has_one_partition_index_in_all_its_topics() {
        let layout = Layout::read(&TOPICS, |topic| Some(if topic == "modes" { 1 } else { 12 })).unwrap();
        assert_eq!((layout.partitions(), layout.partitions_of("modes")), (12, Some(1)));
        let account = AccountId::new("acct-7").unwrap();
        assert_eq!(layout.partition_of(&account), partition_of(b"acct-7", 12));
        assert!(layout.is_by_account("quotes") && !layout.is_by_account("modes"));
        assert_eq!(layout.all_partitions(&["fees", "modes"]).len(), 13);
    }

    #[test]
    fn topics_of_accounts_with_different_counts_are_refused() {
        let error = Layout::read(&TOPICS, |topic| Some(if topic == "fees" { 12 } else { 6 })).unwrap_err();
        assert_eq!(
            error,
            LayoutError::Uneven { topic: "quotes", partitions: 6, first: "fees", expected: 12 }
        );
        let error = Layout::read(&TOPICS, |topic| (topic != "modes").then_some(3)).unwrap_err();
        assert_eq!(error, LayoutError::Missing("modes"));
    }
}
