//! Offsets by time and by epoch, the start of a log, and producer ids.

use crate::api::*;
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::partition::{Partition, Pid};

impl Cluster {
    pub(crate) fn list_offsets(&self, broker: BrokerId, asked: Vec<ListOffset>) -> Vec<ListedOffset> {
        asked.into_iter().map(|one| self.list_offset(broker, one)).collect()
    }

    fn list_offset(&self, broker: BrokerId, asked: ListOffset) -> ListedOffset {
        let found =
            self.led(broker, &asked.partition, asked.leader_epoch).map(|p| (offset_at(p, asked.at), p));
        let (error, timestamp, offset, leader_epoch) = match found {
            // What it would tell is committed, or is not: it does not know yet.
            Ok((end, p)) if is_at_end(asked.at, end) && !p.knows_its_end(self.now) => {
                (ErrorCode::OffsetNotAvailable, -1, -1, -1)
            }
            Ok((Some((timestamp, offset)), p)) => {
                (ErrorCode::None, timestamp, offset, epoch_of(p, asked.at, offset))
            }
            Ok((None, _)) => (ErrorCode::None, -1, -1, -1),
            Err(error) => (error, -1, -1, -1),
        };
        ListedOffset { partition: asked.partition, error, timestamp, offset, leader_epoch }
    }

    pub(crate) fn epoch_ends(
        &self,
        broker: BrokerId,
        asked: Vec<EpochEnd>,
    ) -> Vec<(TopicPartition, EndOfEpoch)> {
        let end = |one: EpochEnd| {
            let led = self.led(broker, &one.partition, one.current_epoch);
            let end =
                led.map(|p| if one.epoch == p.epoch { (p.epoch, p.log.end()) } else { end_of(p, one.epoch) });
            (one.partition, end)
        };
        asked.into_iter().map(end).collect()
    }

    /// The partition, if `broker` leads it and the client's epoch is right.
    fn led(
        &self,
        broker: BrokerId,
        name: &TopicPartition,
        epoch: Option<i32>,
    ) -> Result<&Partition, ErrorCode> {
        let pid = self.pid(&name.topic, name.partition);
        let partition =
            pid.and_then(|pid| self.partitions.get(&pid)).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        partition.check_leader(broker, epoch).map(|()| partition)
    }

    pub(crate) fn delete_records(
        &mut self,
        broker: BrokerId,
        asked: Vec<(TopicPartition, i64)>,
    ) -> Vec<(TopicPartition, Result<i64, ErrorCode>)> {
        let delete = |cluster: &mut Self, name: &TopicPartition, before: i64| {
            cluster.led(broker, name, None)?;
            let pid: Pid =
                cluster.pid(&name.topic, name.partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
            let partition = cluster.partitions.get_mut(&pid).ok_or(ErrorCode::UnknownTopicOrPartition)?;
            let before = if before == -1 { partition.high_watermark } else { before };
            if before < 0 || before > partition.high_watermark {
                return Err(ErrorCode::OffsetOutOfRange);
            }
            partition.log.delete_before(before);
            Ok(partition.log.start())
        };
        asked
            .into_iter()
            .map(|(name, before)| {
                let start = delete(self, &name, before);
                (name, start)
            })
            .collect()
    }

    /// Ids come from blocks that a broker has been given before, so this works while the controller is frozen. Without
    /// transactions an id the client has already is not continued: it gets a new one, as from Apache Kafka.
    pub(crate) fn init_producer_id(&mut self, asked: &InitProducerId) -> Result<(i64, i16), ErrorCode> {
        let (id, epoch) = asked.producer;
        if asked.transactional_id.is_some() || (id == -1) != (epoch == -1) {
            return Err(ErrorCode::InvalidRequest);
        }
        let id = self.next_producer_id;
        self.next_producer_id += 1;
        Ok((id, 0))
    }
}

/// (timestamp, offset); no timestamp goes with the ends of a log.
fn offset_at(partition: &Partition, at: OffsetAt) -> Option<(i64, i64)> {
    let high_watermark = partition.high_watermark;
    match at {
        OffsetAt::Earliest => Some((-1, partition.log.start())),
        OffsetAt::Latest => Some((-1, high_watermark)),
        OffsetAt::MaxTimestamp => partition.log.max_timestamp(high_watermark),
        OffsetAt::Timestamp(timestamp) => partition.log.at_time(timestamp, high_watermark),
    }
}

/// Whether an answer depends on how much is committed.
fn is_at_end(at: OffsetAt, found: Option<(i64, i64)>) -> bool {
    at == OffsetAt::Latest || (at != OffsetAt::Earliest && found.is_none())
}

fn epoch_of(partition: &Partition, at: OffsetAt, offset: i64) -> i32 {
    if at == OffsetAt::Latest { partition.epoch } else { partition.log.epoch_at(offset) }
}

fn end_of(partition: &Partition, epoch: i32) -> (i32, i64) {
    if epoch < 0 || epoch > partition.epoch {
        return (-1, -1);
    }
    partition.log.epoch_end(epoch).unwrap_or((-1, -1))
}
