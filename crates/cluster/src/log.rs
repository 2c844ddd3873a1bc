//! One partition's log: whole batches in offset order, and which epoch began where.
//!
//! All replicas of a partition are prefixes of this one log; how far each has come is kept by the partition. A leader
//! that has less than the log holds cuts it to what it has.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::batch::Batch;

#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    batches: VecDeque<Batch>,
    start: i64,
    end: i64,
    bytes: usize,
    /// (epoch, its first offset), ascending in both.
    epochs: Vec<(i32, i64)>,
}

impl Log {
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of the batches at and after `offset`.
    pub(crate) fn bytes_from(&self, offset: i64) -> usize {
        self.batches.iter().rev().take_while(|batch| batch.last_offset() >= offset).map(Batch::len).sum()
    }

    /// A leader begins an epoch at the end of the log; of several without a record the last one counts.
    pub(crate) fn begin_epoch(&mut self, epoch: i32) {
        let end = self.end;
        self.epochs.retain(|(known, first)| *known < epoch && *first < end);
        self.epochs.push((epoch, end));
    }

    /// Appends and gives the base offset.
    pub(crate) fn append(&mut self, batch: Batch, epoch: i32) -> i64 {
        let base = self.end;
        if self.epochs.last().is_none_or(|(last, _)| *last < epoch) {
            self.epochs.push((epoch, base));
        }
        let batch = batch.placed(base, epoch);
        self.end = batch.end_offset();
        self.bytes += batch.len();
        self.batches.push_back(batch);
        base
    }

    /// Batches that hold offsets from `from` on, all of them below `below`, as many as fit into `bytes_max`; the
    /// first one even if it does not fit, or a reader could never get past it.
    pub(crate) fn read(&self, from: i64, below: i64, bytes_max: usize) -> Vec<Bytes> {
        let first = self.batches.partition_point(|batch| batch.last_offset() < from);
        let mut left = bytes_max;
        let mut found = Vec::new();
        for batch in self.batches.range(first..).take_while(|batch| batch.end_offset() <= below) {
            if batch.len() > left && !found.is_empty() {
                break;
            }
            left = left.saturating_sub(batch.len());
            found.push(batch.bytes());
        }
        found
    }

    /// Forgets everything from `offset` on.
    pub(crate) fn truncate(&mut self, offset: i64) {
        while let Some(last) = self.batches.pop_back_if(|batch| batch.last_offset() >= offset) {
            self.bytes -= last.len();
            self.end = last.base_offset;
        }
        self.epochs.retain(|(_, first)| *first < offset);
    }

    /// Drops the oldest batches until no more than `bytes_max` are left, but none at or above `high_watermark`.
    pub(crate) fn retain(&mut self, bytes_max: usize, high_watermark: i64) {
        while self.bytes > bytes_max {
            let Some(first) = self.batches.pop_front_if(|batch| batch.end_offset() <= high_watermark) else {
                break;
            };
            self.bytes -= first.len();
            self.start = self.start.max(first.end_offset());
        }
        self.forget_epochs();
    }

    /// An epoch whose records are all gone is no answer to anything any more.
    fn forget_epochs(&mut self) {
        let gone = self.epochs.iter().skip(1).take_while(|(_, first)| *first <= self.start).count();
        self.epochs.drain(..gone);
    }

    /// Moves the start to `offset`, and drops the batches that end before it.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        self.start = self.start.max(offset);
        while let Some(first) = self.batches.pop_front_if(|batch| batch.end_offset() <= offset) {
            self.bytes -= first.len();
        }
        self.forget_epochs();
    }

    /// The first record below `below` at or after `timestamp`: (its timestamp, its offset). A compressed batch is not
    /// unpacked: it answers as a whole, with its largest timestamp and its first offset.
    pub(crate) fn at_time(&self, timestamp: i64, below: i64) -> Option<(i64, i64)> {
        let readable = self.batches.iter().take_while(|batch| batch.end_offset() <= below);
        let late = readable.filter(|batch| batch.max_timestamp >= timestamp);
        let mut found = late.filter_map(|batch| {
            let mut records = batch.timestamps().peekable();
            if records.peek().is_none() {
                return Some((batch.max_timestamp, batch.base_offset.max(self.start)));
            }
            let fits = |(offset, time): &(i64, i64)| *offset >= self.start && *time >= timestamp;
            records.find(fits).map(|(offset, time)| (time, offset))
        });
        found.next()
    }

    /// (largest timestamp, offset of its record) below `below`; the last offset of its batch if that is compressed.
    pub(crate) fn max_timestamp(&self, below: i64) -> Option<(i64, i64)> {
        let readable = self.batches.iter().take_while(|batch| batch.end_offset() <= below);
        // The first of several equal ones, as Kafka answers.
        let latest = readable.reduce(|a, b| if b.max_timestamp > a.max_timestamp { b } else { a })?;
        let record = latest.timestamps().find(|(_, time)| *time == latest.max_timestamp);
        Some((latest.max_timestamp, record.map_or(latest.last_offset(), |(offset, _)| offset)))
    }

    /// The largest epoch that is not above `epoch`, and where it ends: for an epoch before all that are known, itself
    /// and where the first of those began. `None` for one after the last.
    pub(crate) fn epoch_end(&self, epoch: i32) -> Option<(i32, i64)> {
        let (last, _) = *self.epochs.last()?;
        if epoch == last {
            return Some((epoch, self.end));
        }
        let after = self.epochs.partition_point(|(e, _)| *e <= epoch);
        let (_, end) = *self.epochs.get(after)?;
        let found = after.checked_sub(1).map_or(epoch, |at| self.epochs[at].0);
        Some((found, end))
    }

    /// The epoch of the record at `offset`, -1 if unknown.
    pub(crate) fn epoch_at(&self, offset: i64) -> i32 {
        let after = self.epochs.partition_point(|(_, first)| *first <= offset);
        after.checked_sub(1).map_or(-1, |at| self.epochs[at].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{read, testing::batch};

    fn log(batches: &[(i32, i32)]) -> Log {
        let mut log = Log::default();
        for (records, epoch) in batches {
            let one = read(batch(*records, None, i64::from(*records), 39), 1_000).unwrap();
            log.append(one, *epoch);
        }
        log
    }

    #[test]
    fn a_read_in_the_middle_of_a_batch_gets_the_whole_batch() {
        let log = log(&[(3, 0), (3, 0), (3, 0)]);
        assert_eq!(log.read(4, 9, 1_000).len(), 2);
        assert_eq!(log.read(4, 8, 1_000).len(), 1, "a batch that ends above the limit is not read");
        assert_eq!(log.read(0, 9, 1).len(), 1, "the first batch is read even if it is too large");
        assert!(log.read(9, 9, 1_000).is_empty());
    }

    #[test]
    fn truncation_forgets_epochs_that_are_gone() {
        let mut log = log(&[(1, 0), (1, 2), (1, 5)]);
        assert_eq!(log.epoch_end(3), Some((2, 2)));
        log.truncate(1);
        assert_eq!((log.end(), log.bytes(), log.epoch_end(9)), (1, 100, None));
        assert_eq!((log.epoch_at(0), log.epoch_end(0), log.epoch_end(-1)), (0, Some((0, 1)), Some((-1, 0))));
    }

    #[test]
    fn of_epochs_without_a_record_the_last_one_counts() {
        let mut log = Log::default();
        log.begin_epoch(0);
        assert_eq!((log.epoch_at(0), log.epoch_end(0)), (0, Some((0, 0))));
        log.begin_epoch(3);
        assert_eq!((log.epoch_at(0), log.epoch_end(3), log.epoch_end(2)), (3, Some((3, 0)), Some((2, 0))));
    }

    #[test]
    fn retention_never_takes_what_is_not_committed() {
        let mut log = log(&[(1, 0), (1, 0), (1, 0)]);
        log.retain(0, 1);
        assert_eq!((log.start(), log.bytes()), (1, 200));
    }

    #[test]
    fn offsets_by_time_are_those_of_batches() {
        let log = log(&[(1, 0), (3, 0), (2, 0)]);
        assert_eq!(log.at_time(2, 6), Some((3, 1)));
        assert_eq!(log.at_time(4, 6), None);
        assert_eq!(log.max_timestamp(6), Some((3, 3)));
        assert_eq!(log.max_timestamp(1), Some((1, 0)));
    }

    #[test]
    fn deleted_records_are_below_the_start() {
        let mut log = log(&[(2, 0), (2, 0)]);
        log.delete_before(3);
        assert_eq!((log.start(), log.bytes(), log.read(3, 4, 1_000).len()), (3, 100, 1));
    }

    #[test]
    fn epochs_go_with_their_records() {
        let mut log = log(&[(1, 0), (1, 2), (1, 5)]);
        log.retain(100, 3);
        assert_eq!((log.start(), log.epochs.as_slice()), (2, [(5, 2)].as_slice()));
    }
}
