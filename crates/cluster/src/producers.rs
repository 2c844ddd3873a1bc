//! What a partition remembers of idempotent producers, to drop repetitions and to notice gaps.
//!
//! Source: Apache Kafka's `ProducerStateManager` and `ProducerAppendInfo`: five batches are remembered per producer,
//! which is why clients keep at most five requests in flight.

use std::collections::{BTreeMap, VecDeque};

use crate::batch::{Batch, wrapping_sequence};
use crate::error::ErrorCode;

const BATCHES_REMEMBERED: usize = 5;

#[derive(Debug, Clone, Copy)]
struct Appended {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    last_offset: i64,
}

#[derive(Debug, Clone)]
struct Producer {
    epoch: i16,
    batches: VecDeque<Appended>,
    used: u64,
}

/// The producers of one partition, at most `max`: the one that was silent longest is forgotten first, and is then
/// taken for a new one.
#[derive(Debug, Clone)]
pub(crate) struct Producers {
    max: usize,
    clock: u64,
    known: BTreeMap<i64, Producer>,
    /// (last use, producer id), so that forgetting one does not look at all.
    by_use: BTreeMap<u64, i64>,
}

/// What to do with a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// It is the next one.
    New,
    /// It was appended before: its base and its last offset.
    Repeated(i64, i64),
}

impl Producers {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, clock: 0, known: BTreeMap::new(), by_use: BTreeMap::new() }
    }

    pub(crate) fn check(&self, batch: &Batch) -> Result<Sequence, ErrorCode> {
        if batch.producer_id < 0 {
            return Ok(Sequence::New);
        }
        // An epoch below 0 is taken, as by Apache Kafka.
        if batch.base_sequence < 0 {
            return Err(ErrorCode::InvalidRecord);
        }
        let Some(known) = self.known.get(&batch.producer_id) else { return Ok(Sequence::New) };
        if batch.producer_epoch < known.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if batch.producer_epoch > known.epoch {
            return if batch.base_sequence == 0 {
                Ok(Sequence::New)
            } else {
                Err(ErrorCode::OutOfOrderSequenceNumber)
            };
        }
        let same = |a: &&Appended| {
            a.first_sequence == batch.base_sequence && a.last_sequence == batch.last_sequence()
        };
        if let Some(before) = known.batches.iter().find(same) {
            return Ok(Sequence::Repeated(before.base_offset, before.last_offset));
        }
        let expected = known.batches.back().map(|last| wrapping_sequence(last.last_sequence, 1));
        // Everything it wrote may have been cut off by a new leader; any number is then the next one.
        if expected.is_none_or(|expected| expected == batch.base_sequence) {
            Ok(Sequence::New)
        } else {
            Err(ErrorCode::OutOfOrderSequenceNumber)
        }
    }

    /// Remembers a batch that was appended at `base_offset`.
    pub(crate) fn appended(&mut self, batch: &Batch, base_offset: i64) {
        if batch.producer_id < 0 {
            return;
        }
        self.clock += 1;
        let fresh = || Producer { epoch: batch.producer_epoch, batches: VecDeque::new(), used: 0 };
        let producer = self.known.entry(batch.producer_id).or_insert_with(fresh);
        if producer.epoch != batch.producer_epoch {
            producer.epoch = batch.producer_epoch;
            producer.batches.clear();
        }
        self.by_use.remove(&producer.used);
        producer.used = self.clock;
        self.by_use.insert(self.clock, batch.producer_id);
        if producer.batches.len() == BATCHES_REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Appended {
            first_sequence: batch.base_sequence,
            last_sequence: batch.last_sequence(),
            base_offset,
            last_offset: base_offset + i64::from(batch.last_offset_delta),
        });
        if self.known.len() > self.max
            && let Some((_, silent)) = self.by_use.pop_first()
        {
            self.known.remove(&silent);
        }
    }

    /// Forgets what was appended at and after `offset`.
    pub(crate) fn truncate(&mut self, offset: i64) {
        for producer in self.known.values_mut() {
            producer.batches.retain(|batch| batch.last_offset < offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{read, testing};

    fn batch(id: i64, epoch: i16, sequence: i32) -> Batch {
        read(testing::batch(2, Some((id, epoch, sequence)), 0, 1), 1_000).unwrap()
    }

    fn with(batches: &[(i64, i16, i32)]) -> Producers {
        let mut producers = Producers::new(2);
        for (at, (id, epoch, sequence)) in batches.iter().enumerate() {
            producers.appended(&batch(*id, *epoch, *sequence), at as i64 * 2);
        }
        producers
    }

    #[test]
    fn a_repetition_gets_its_first_offset_as_long_as_it_is_among_the_last_five() {
        let producers = with(&[(1, 0, 0), (1, 0, 2), (1, 0, 4), (1, 0, 6), (1, 0, 8), (1, 0, 10)]);
        assert_eq!(producers.check(&batch(1, 0, 10)), Ok(Sequence::Repeated(10, 11)));
        assert_eq!(producers.check(&batch(1, 0, 2)), Ok(Sequence::Repeated(2, 3)));
        assert_eq!(producers.check(&batch(1, 0, 0)), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(producers.check(&batch(1, 0, 12)), Ok(Sequence::New));
        assert_eq!(producers.check(&batch(1, 0, 14)), Err(ErrorCode::OutOfOrderSequenceNumber));
    }

    #[test]
    fn a_new_epoch_begins_at_zero_and_an_old_one_is_fenced() {
        let producers = with(&[(1, 3, 0)]);
        assert_eq!(producers.check(&batch(1, 4, 0)), Ok(Sequence::New));
        assert_eq!(producers.check(&batch(1, 4, 2)), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(producers.check(&batch(1, 2, 2)), Err(ErrorCode::InvalidProducerEpoch));
    }

    #[test]
    fn the_producer_that_was_silent_longest_is_forgotten() {
        let producers = with(&[(1, 0, 0), (2, 0, 0), (1, 0, 2), (3, 0, 0)]);
        assert_eq!(producers.known.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(producers.check(&batch(2, 0, 40)), Ok(Sequence::New));
    }

    #[test]
    fn what_a_new_leader_cut_off_is_no_repetition() {
        let mut producers = with(&[(1, 0, 0), (1, 0, 2)]);
        producers.truncate(2);
        assert_eq!(producers.check(&batch(1, 0, 2)), Ok(Sequence::New));
    }
}
