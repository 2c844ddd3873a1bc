//! One heartbeat of a partition is one record on each topic of the path: this counts them together.
//!
//! Invariants: a beat is acknowledged when all its records are, returned when moreover those were read back that lie on
//! topics that the service reads, and failed when the first one failed; each of the three is said at most once per
//! beat. Records of a beat that was replaced by a
//! newer one of its partition say nothing. Room: one round per partition.

/// The most topics of a path: one bit each.
pub(super) const TOPICS_MAX: usize = 32;

#[derive(Debug, Clone, Copy)]
struct Round {
    number: u64,
    unacked: u32,
    unread: u32,
    failed: bool,
    returned: bool,
}

/// The newest beat of each partition.
#[derive(Debug)]
pub(super) struct Rounds {
    newest: Vec<Option<Round>>,
    all: u32,
    read: u32,
}

impl Rounds {
    /// Of a path of so many topics, of which the service reads these.
    pub(super) fn new(partitions: usize, topics: usize, read: impl IntoIterator<Item = usize>) -> Self {
        assert!((1..=TOPICS_MAX).contains(&topics), "a path has 1 to {TOPICS_MAX} topics, not {topics}");
        let all = u32::MAX >> (TOPICS_MAX - topics);
        let read = read.into_iter().fold(0, |bits, topic| bits | 1 << topic);
        Self { newest: vec![None; partitions], all, read: read & all }
    }

    /// How many partitions there are.
    pub(super) fn len(&self) -> usize {
        self.newest.len()
    }

    pub(super) fn begin(&mut self, partition: usize, number: u64) {
        if let Some(slot) = self.newest.get_mut(partition) {
            let (unacked, unread) = (self.all, self.read);
            *slot = Some(Round { number, unacked, unread, failed: false, returned: false });
        }
    }

    /// Whether this was the last ack that was missing.
    pub(super) fn acked(&mut self, partition: usize, number: u64, topic: usize) -> bool {
        self.round(partition, number).is_some_and(|round| clear(&mut round.unacked, topic))
    }

    /// A record was read back.
    pub(super) fn read(&mut self, partition: usize, number: u64, topic: usize) {
        if let Some(round) = self.round(partition, number) {
            clear(&mut round.unread, topic);
        }
    }

    /// Whether nothing is missing any more, for the first time.
    pub(super) fn returned(&mut self, partition: usize, number: u64) -> bool {
        self.round(partition, number).is_some_and(|round| {
            round.unacked | round.unread == 0 && !std::mem::replace(&mut round.returned, true)
        })
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

    /// Whether that was all of the beat.
    fn read(rounds: &mut Rounds, number: u64, topic: usize) -> bool {
        rounds.read(0, number, topic);
        rounds.returned(0, number)
    }

    #[test]
    fn a_beat_returns_when_it_is_acked_and_was_read_on_every_topic_that_is_read_and_only_once() {
        let mut rounds = Rounds::new(1, 3, [0, 2]);
        rounds.begin(0, 7);
        assert!((0..3).map(|topic| rounds.acked(0, 7, topic)).eq([false, false, true]));
        assert!(
            !read(&mut rounds, 7, 0) && !read(&mut rounds, 7, 0),
            "a record that is read twice counts once"
        );
        assert!(read(&mut rounds, 7, 2));
        assert!(!read(&mut rounds, 7, 2));
    }

    #[test]
    fn what_was_read_before_its_ack_came_returns_with_the_ack() {
        let mut rounds = Rounds::new(1, 2, [1]);
        rounds.begin(0, 1);
        assert!(!read(&mut rounds, 1, 1));
        assert!(!rounds.acked(0, 1, 1) && !rounds.returned(0, 1));
        assert!(rounds.acked(0, 1, 0) && rounds.returned(0, 1));
    }

    #[test]
    fn a_beat_that_was_replaced_says_nothing() {
        let mut rounds = Rounds::new(1, 1, [0]);
        rounds.begin(0, 1);
        rounds.begin(0, 2);
        assert!(!rounds.acked(0, 1, 0) && !read(&mut rounds, 1, 0) && !rounds.failed(0, 1));
        assert!(rounds.failed(0, 2) && !rounds.failed(0, 2));
        assert!(!rounds.acked(9, 1, 0), "a partition beyond the table");
    }
}
