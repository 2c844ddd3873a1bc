//! Produce: append, and answer when whoever was asked for has it.

use bytes::Bytes;

use crate::api::{Acks, BrokerId, CurrentLeader, Produce, ProducePart, Response, Token, TopicRef};
use crate::batch::{self, Batch};
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::parked::Parked;
use crate::partition::{Partition, Pid};
use crate::producers::Sequence;

/// What became of one part.
struct Appended {
    base_offset: i64,
    log_start_offset: i64,
    /// The high watermark at which every in-sync replica has it.
    required: i64,
}

impl Cluster {
    pub(crate) fn produce(&mut self, broker: BrokerId, token: Token, produce: Produce) {
        let mut parts = Vec::with_capacity(produce.parts.len());
        let mut waits = Vec::with_capacity(produce.parts.len());
        for (topic, partition, bytes) in produce.parts {
            let (part, wait) = self.produce_part(broker, topic, partition, bytes, produce.acks);
            parts.push(part);
            waits.push(wait);
        }
        if produce.acks == Acks::None {
            if parts.iter().any(|part| !part.error.is_none()) {
                self.reply(token, Response::Produce(parts));
            }
            return;
        }
        // Appending may have moved the high watermark already: only what is still above it waits.
        for wait in &mut waits {
            *wait = wait.filter(|(pid, required)| self.partitions[pid].high_watermark < *required);
        }
        if waits.iter().all(Option::is_none) {
            self.reply(token, Response::Produce(parts));
        } else {
            self.park(token, Parked::Produce { broker, parts, waits }, produce.timeout);
        }
    }

    fn produce_part(
        &mut self,
        broker: BrokerId,
        topic: TopicRef,
        partition: i32,
        bytes: Bytes,
        acks: Acks,
    ) -> (ProducePart, Option<(Pid, i64)>) {
        let pid = self.resolve(&topic, partition);
        let appended = pid.and_then(|pid| Ok((pid, self.append_for(broker, pid, bytes, acks)?)));
        let mut part = ProducePart {
            topic,
            partition,
            error: ErrorCode::None,
            base_offset: -1,
            log_start_offset: -1,
            current_leader: None,
        };
        match appended {
            Ok((pid, appended)) => {
                part.base_offset = appended.base_offset;
                part.log_start_offset = appended.log_start_offset;
                (part, (acks == Acks::All).then_some((pid, appended.required)))
            }
            Err(error) => {
                part.error = error;
                part.current_leader = self.told_leader(pid, error);
                (part, None)
            }
        }
    }

    /// The leader told with an error of leadership.
    pub(crate) fn told_leader(&self, pid: Result<Pid, ErrorCode>, error: ErrorCode) -> Option<CurrentLeader> {
        let leadership = matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
        leadership.then(|| self.partitions.get(&pid.ok()?).map(Partition::current_leader)).flatten()
    }

    fn append_for(
        &mut self,
        broker: BrokerId,
        pid: Pid,
        bytes: Bytes,
        acks: Acks,
    ) -> Result<Appended, ErrorCode> {
        let limit = self.retention_of(pid);
        let bytes_max = self.message_bytes_max_of(pid);
        let partition = self.partitions.get_mut(&pid).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        // In the order in which Apache Kafka looks, since only the first fault that is found is told.
        batch::check_alone(&bytes)?;
        if acks == Acks::Unheard {
            return Err(ErrorCode::InvalidRequiredAcks);
        }
        partition.check_leader(broker, None)?;
        if acks == Acks::All && partition.under_min_isr() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let batch = batch::read(bytes, bytes_max)?;
        // What is not committed cannot be dropped, so a log that is full of it takes no more.
        if partition.log.bytes() >= limit && partition.log.bytes_from(partition.high_watermark) >= limit {
            return Err(ErrorCode::KafkaStorageError);
        }
        let appended = append(partition, batch)?;
        self.replicate(pid);
        Ok(appended)
    }

    /// What a group's coordinator writes down; the offset after it.
    pub(crate) fn append_group_record(&mut self, pid: Pid) -> Result<i64, ErrorCode> {
        let timestamp = i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX);
        let partition = self.partitions.get_mut(&pid).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        if partition.under_min_isr() {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let required = append(partition, Batch::of_one_empty_record(timestamp))?.required;
        self.replicate(pid);
        Ok(required)
    }
}

/// Appends a batch, unless it was appended before.
fn append(partition: &mut Partition, batch: Batch) -> Result<Appended, ErrorCode> {
    let log_start_offset = partition.log.start();
    if let Sequence::Repeated(base_offset, last_offset) = partition.producers.check(&batch)? {
        return Ok(Appended { base_offset, log_start_offset, required: last_offset + 1 });
    }
    partition.producers.appended(&batch, partition.log.end());
    let base_offset = partition.log.append(batch, partition.epoch);
    Ok(Appended { base_offset, log_start_offset, required: partition.log.end() })
}
