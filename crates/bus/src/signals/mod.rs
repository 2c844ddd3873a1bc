//! What librdkafka knows, as small typed signals over a `watch` channel.
//!
//! Statistics are the only place where the client shows that a partition has no leader, that records pile up, or
//! that nothing was acknowledged since: an outage raises no error and no event. They come every
//! `statistics.interval.ms` (250 ms under fail-fast; never under the defaults, which is what people ship).
//!
//! Invariants: malformed statistics are counted and change nothing else; errors are counted at once, with the first
//! one kept; a slow watcher sees the newest signals, never a queue of them.
//!
//! Source: librdkafka's STATISTICS.md.

mod parse;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// The newest [`Signals`] of a client. Closed once the client is gone.
pub type SignalsWatch = watch::Receiver<Arc<Signals>>;

/// What a client reports about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// How many statistics were read; 0 means that nothing but the counters below is known yet.
    pub samples: u64,
    /// The client's age at the newest statistics: the time axis of everything that is compared between samples.
    pub age: Duration,
    /// Records that the producer holds in all its queues.
    pub records_held: u64,
    /// How many it may hold; past it a send is refused.
    pub records_held_max: u64,
    /// What is known about each partition in use, by topic and partition.
    pub partitions: BTreeMap<(String, i32), PartitionSignal>,
    /// What is known about each broker, by its id.
    pub brokers: BTreeMap<i32, BrokerSignal>,
    /// The group's state; only for readers.
    pub group: Option<GroupSignal>,
    /// How many partitions a reader is assigned.
    pub assigned: usize,
    /// How many statistics could not be read.
    pub malformed: u64,
    /// How many errors the client reported. An outage may well report none.
    pub errors: u64,
    /// The first of them.
    pub first_error: Option<String>,
}

/// One partition, as one client sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionSignal {
    /// The broker that leads it according to this client's metadata, which goes stale when the controller is stuck.
    pub leader: Option<i32>,
    /// Records that nobody has taken over, because no leader is known. Records that wait for a connection to the
    /// leader are *not* here, nor anywhere in librdkafka's statistics: compare `total` with `acked`.
    pub queued: u64,
    /// Records or fetches on their way.
    pub in_flight: u64,
    /// Records that the application sent (producers) or that were fetched (readers) since the client started.
    pub total: u64,
    /// The newest acknowledged record, counted like `total`. Below it and no change: no progress.
    pub acked: u64,
    /// The next offset that the application will see; `None` before the first one and in producers.
    pub position: Option<i64>,
    /// The partition's end as last told by the broker; `None` while unknown. It freezes with the broker.
    pub end: Option<i64>,
    /// A reader reads it now: what a group took away keeps its last position in the statistics.
    pub fetching: bool,
}

impl PartitionSignal {
    /// Records that the application has not seen yet, as far as the client knows.
    #[must_use]
    pub fn lag(&self) -> Option<i64> {
        Some((self.end? - self.position?).max(0))
    }

    /// How many of a producer's records came after the newest acknowledged one: they wait, or were given up.
    #[must_use]
    pub fn unacked(&self) -> u64 {
        self.total.saturating_sub(self.acked)
    }
}

/// One broker, as one client sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerSignal {
    /// Whether the connection is up.
    pub up: bool,
    /// For how long it has been so.
    pub state_age: Duration,
    /// Requests that got no answer in time, since the client started.
    pub request_timeouts: u64,
    /// Requests that wait for an answer.
    pub awaiting: u64,
}

/// A reader's group, as the reader sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupSignal {
    /// Whether the coordinator is known and connected.
    pub coordinated: bool,
    /// Where joining stands, in librdkafka's words: `init`, `wait-join`, `wait-sync`, `steady` and so on.
    pub join_state: String,
    /// Rebalances since the client started.
    pub rebalances: u64,
}

/// The writing end: one per native client, called from whichever thread serves its events.
pub(crate) struct Publisher(watch::Sender<Arc<Signals>>);

impl Publisher {
    pub(crate) fn new() -> (Self, SignalsWatch) {
        let (sender, receiver) = watch::channel(Arc::default());
        (Self(sender), receiver)
    }

    /// Reads statistics; the counters and the assignment stay.
    pub(crate) fn statistics(&self, json: &[u8]) {
        match parse::signals(json) {
            Ok(parsed) => self.update(|signals| {
                let (errors, malformed) = (signals.errors, signals.malformed);
                let (assigned, samples) = (signals.assigned, signals.samples + 1);
                let first_error = signals.first_error.take();
                *signals = Signals { samples, assigned, malformed, errors, first_error, ..parsed };
            }),
            Err(error) => {
                tracing::debug!(%error, "statistics ignored");
                self.update(|signals| signals.malformed += 1);
            }
        }
    }

    /// Counts an error; whether it is the first one.
    pub(crate) fn error(&self, reason: &str) -> bool {
        let mut first = false;
        self.update(|signals| {
            signals.errors += 1;
            first = signals.first_error.is_none();
            signals.first_error.get_or_insert_with(|| reason.to_owned());
        });
        first
    }

    /// Notes a reader's assignment.
    pub(crate) fn assigned(&self, partitions: usize) {
        self.update(|signals| signals.assigned = partitions);
    }

    fn update(&self, change: impl FnOnce(&mut Signals)) {
        self.0.send_modify(|signals| change(Arc::make_mut(signals)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATISTICS: &[u8] = br#"{"age": 1000000, "msg_cnt": 3, "msg_max": 10}"#;

    #[test]
    fn malformed_statistics_are_counted_and_change_nothing_else() {
        let (publisher, watch) = Publisher::new();
        publisher.statistics(STATISTICS);
        for garbage in [b"".as_slice(), b"{", b"[]", br#"{"topics": 7}"#, b"\xff\xfe"] {
            publisher.statistics(garbage);
        }
        let signals = watch.borrow().clone();
        assert_eq!((signals.samples, signals.malformed, signals.records_held), (1, 5, 3));
    }

    #[test]
    fn errors_are_counted_at_once_and_only_the_first_is_kept() {
        let (publisher, watch) = Publisher::new();
        assert!(publisher.error("first"));
        assert!(!publisher.error("second"));
        publisher.statistics(STATISTICS);
        let signals = watch.borrow().clone();
        assert_eq!((signals.errors, signals.first_error.as_deref()), (2, Some("first")));
    }

    #[test]
    fn statistics_keep_the_assignment() {
        let (publisher, watch) = Publisher::new();
        publisher.assigned(4);
        publisher.statistics(STATISTICS);
        assert_eq!(watch.borrow().assigned, 4);
    }

    #[test]
    fn lag_is_unknown_until_both_ends_are_known_and_never_negative() {
        let at = |position, end| PartitionSignal { position, end, ..PartitionSignal::default() }.lag();
        assert_eq!([at(None, Some(5)), at(Some(5), None)], [None, None]);
        assert_eq!([at(Some(2), Some(5)), at(Some(6), Some(5))], [Some(3), Some(0)]);
    }
}
