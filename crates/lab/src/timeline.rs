//! What happened to a cluster and when: every fault that was called and every change that followed.
//!
//! Invariants: entries are in the order in which they happened; at most [`ENTRIES_MAX`] are kept, the *first* ones,
//! because a run is explained by how it began, and later ones are counted; a subscriber that falls more than
//! [`BEHIND_MAX`] entries behind loses the oldest of them and is told how many.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use scenario::FaultCall;
use serde::{Serialize, Serializer};
use tokio::sync::broadcast;

/// The most entries kept: the leader changes of a 512-partition cluster through ten elections, twice over.
pub const ENTRIES_MAX: usize = 10_000;

/// The most entries a subscriber may be behind.
pub const BEHIND_MAX: usize = 2_048;

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Since the cluster's birth; on the wire whole milliseconds, `at_ms`.
    #[serde(rename = "at_ms", serialize_with = "as_ms")]
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A fault or a heal was called and carried out.
    Fault {
        /// As it was called.
        call: FaultCall,
        /// What was done, in words.
        done: String,
    },
    /// The cluster's own consequence.
    Cluster(cluster::Change),
}

/// A bounded, subscribable record; clones share it.
#[derive(Clone)]
pub struct Timeline {
    shared: Arc<Shared>,
}

struct Shared {
    born: Instant,
    kept: Mutex<Kept>,
    live: broadcast::Sender<Entry>,
}

#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
    dropped: u64,
}

impl Timeline {
    /// An empty timeline whose offsets count from `born`.
    #[must_use]
    pub fn new(born: Instant) -> Self {
        let (live, _) = broadcast::channel(BEHIND_MAX);
        Self { shared: Arc::new(Shared { born, kept: Mutex::default(), live }) }
    }

    /// Notes what happens now.
    pub fn note(&self, what: What) {
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that offsets never go back.
        let entry = Entry { at: self.shared.born.elapsed(), what };
        if kept.entries.len() < ENTRIES_MAX {
            kept.entries.push(entry.clone());
        } else {
            kept.dropped += 1;
        }
        // Nobody listening is no loss.
        drop(self.shared.live.send(entry));
    }

    /// The entries kept so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.kept().entries.clone()
    }

    /// How many entries came after the first [`ENTRIES_MAX`] and were not kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.kept().dropped
    }

    /// Entries from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Entry> {
        self.shared.live.subscribe()
    }

    /// The moment that offsets count from.
    #[must_use]
    pub fn born(&self) -> Instant {
        self.shared.born
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        f.debug_struct("Timeline")
            .field("entries", &kept.entries.len())
            .field("dropped", &kept.dropped)
            .finish()
    }
}

fn as_ms<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(at.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> What {
        What::Cluster(cluster::Change::Controller { frozen: true })
    }

    #[test]
    fn the_first_entries_are_kept_and_the_rest_counted() {
        let timeline = Timeline::new(Instant::now());
        for _ in 0..ENTRIES_MAX + 3 {
            timeline.note(change());
        }
        assert_eq!(timeline.entries().len(), ENTRIES_MAX);
        assert_eq!(timeline.dropped(), 3);
    }

    #[test]
    fn offsets_never_go_back() {
        let timeline = Timeline::new(Instant::now());
        for _ in 0..100 {
            timeline.note(change());
        }
        assert!(timeline.entries().is_sorted_by_key(|entry| entry.at));
    }

    #[test]
    fn a_subscriber_hears_what_comes_after_it() {
        let timeline = Timeline::new(Instant::now());
        timeline.note(change());
        let mut live = timeline.subscribe();
        assert!(live.try_recv().is_err());
        timeline.note(change());
        assert_eq!(live.try_recv().expect("an entry").what, change());
    }

    #[test]
    fn an_entry_is_a_flat_object() {
        let entry = Entry { at: Duration::from_micros(1_500), what: change() };
        let json = serde_json::to_string(&entry).expect("an entry serialises");
        assert_eq!(json, r#"{"at_ms":1,"cluster":{"change":"controller","frozen":true}}"#);
    }
}
