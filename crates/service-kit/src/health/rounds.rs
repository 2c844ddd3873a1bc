//! One heartbeat of a partition is one record on each topic of the path: this counts them together.
//!
//! Invariants: a beat is acknowledged when all its records are, returned when all were read back, and failed when
//! the first one failed; each of the three is said at most once per beat. Records of a beat that was replaced by a
//! newer one of its partition say nothing. Room: one round per partition.

/// The most topics of a path: one bit each.
pub(super) const TOPICS_MAX: usize = 32;

#[derive(Debug, Clone, Copy)]
struct Round {
    number: u64,
    unacked: u32,
    unread: u32,
    failed: bool,
}

/// The newest beat of each partition.
#[derive(Debug)]
pub(super) struct Rounds {
    newest: Vec<Option<Round>>,
    all: u32,
}

impl Rounds {
    pub(super) fn new(partitions: usize, topics: usize) -> Self {
        assert!((1..=TOPICS_MAX).contains(&topics), "a path has 1 to {TOPICS_MAX} topics, not {topics}");
        Self { newest: vec![None; partitions], all: u32::MAX >> (TOPICS_MAX - topics) }
    }

    /// How many partitions there are.
    pub(super) fn len(&self) -> usize {
        self.newest.len()
    }

    pub(super) fn begin(&mut self, partition: usize, number: u64) {
        if let Some(slot) = self.newest.get_mut(partition) {
            *slot = Some(Round { number, unacked: self.all, unread: self.all, failed: false });
        }
    }

    /// Whether this was the last ack that was missing.
    pub(super) fn acked(&mut self, partition: usize, number: u64, topic: usize) -> bool {
        self.round(partition, number).is_some_and(|round| clear(&mut round.unacked, topic))
    }

    /// Whether this was the last record that had not been read back.
    pub(super) fn returned(&mut self, partition: usize, number: u64, topic: usize) -> bool {
        self.round(partition, number).is_some_and(|round| clear(&mut round.unread, topic))
    }

    /// Whether this is the first failure.
    pub(super) fn failed(&mut self, partition: usize, number: u64) -> bool {
        self.round(partition, number).is_some_and(|round| !std::mem::replace(&mut round.failed, true))
    }

    fn round(&mut self, partition: usize, number: u64) -> Option<&mut Round> {
        self.newest.get_mut(partition)?.as_mut().filter(|round| round.number == number)
    }
}

/// Clears a bit; whether that emptied the set. A bit that is clear already empties nothing.
fn clear(bits: &mut u32, topic: usize) -> bool {
    let before = *bits;
    *bits &= !(1 << topic);
    before != 0 && *bits == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_returns_when_every_topic_has_returned_it_and_only_once() {
        let mut rounds = Rounds::new(2, 3);
        rounds.begin(1, 7);
        assert!(!rounds.returned(1, 7, 0) && !rounds.returned(1, 7, 2));
        assert!(!rounds.returned(1, 7, 0), "a record that is read twice counts once");
        assert!(rounds.returned(1, 7, 1));
        assert!(!rounds.returned(1, 7, 1));
    }

    #[test]
    fn acks_and_returns_are_counted_apart() {
        let mut rounds = Rounds::new(1, 2);
        rounds.begin(0, 1);
        assert!(!rounds.acked(0, 1, 0) && rounds.acked(0, 1, 1));
        assert!(!rounds.returned(0, 1, 0) && rounds.returned(0, 1, 1));
    }

    #[test]
    fn a_beat_that_was_replaced_says_nothing() {
        let mut rounds = Rounds::new(1, 1);
        rounds.begin(0, 1);
        rounds.begin(0, 2);
        assert!(!rounds.acked(0, 1, 0) && !rounds.returned(0, 1, 0) && !rounds.failed(0, 1));
        assert!(rounds.failed(0, 2) && !rounds.failed(0, 2));
        assert!(!rounds.acked(9, 1, 0), "a partition beyond the table");
    }
}
