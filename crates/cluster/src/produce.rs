//! Produce: append, and answer when whoever was asked for has it.

use bytes::Bytes;

use crate::api::{Acks, BrokerId, CurrentLeader, Produce, ProducePart, Response, Token, TopicRef};
use crate::batch::{self, Batch};
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::parked::Parked;
use crate::partition::{Partition, Pid};
use crate::producers::Sequence;

/// How far ahead of the broker's clock a record may be. Source: `message.timestamp.after.max.ms`.
const AHEAD_MS_MAX: i64 = 3_600_000;

/// What all parts of a request share.
#[derive(Clone, Copy)]
struct Terms {
    acks: Acks,
    received_ms: i64,
}

/// What became of one part.
struct Appended {
    base_offset: i64,
    log_start_offset: i64,
    /// The high watermark at which every in-sync replica has it.
    required: i64,
    log_append_time: i64,
}

impl Cluster {
    pub(crate) fn produce(&mut self, broker: BrokerId, token: Token, produce: Produce) {
        let mut parts = Vec::with_capacity(produce.parts.len());
        let mut waits = Vec::with_capacity(produce.parts.len());
        let terms = Terms { acks: produce.acks, received_ms: produce.received_ms };
        for (topic, partition, bytes) in produce.parts {
            let (part, wait) = self.produce_part(broker, topic, partition, bytes, terms);
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
        terms: Terms,
    ) -> (ProducePart, Option<(Pid, i64)>) {
        let pid = self.resolve(&topic, partition);
        let appended = pid.and_then(|pid| Ok((pid, self.append_for(broker, pid, bytes, terms)?)));
        let mut part = ProducePart {
            topic,
            partition,
            error: ErrorCode::None,
            base_offset: -1,
            log_start_offset: -1,
            log_append_time: -1,
            current_leader: None,
        };
        match appended {
            Ok((pid, appended)) => {
                part.base_offset = appended.base_offset;
                part.log_start_offset = appended.log_start_offset;
                part.log_append_time = appended.log_append_time;
                (part, (terms.acks == Acks::All).then_some((pid, appended.required)))
            }
            Err(error) => {
                part.error = error;
                let log =
                    pid.ok().and_then(|pid| self.partitions.get(&pid)).map(|partition| partition.log.start());
                part.log_start_offset = log.filter(|_| tells_log_start(error)).unwrap_or(-1);
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
        terms: Terms,
    ) -> Result<Appended, ErrorCode> {
        let limit = self.uncommitted_max_of(pid);
        let bytes_max = self.message_bytes_max_of(pid);
        let (stamps, now) = (self.stamps(pid), self.now);
        // In the order in which Apache Kafka looks, since only the first fault that is found is told.
        batch::check_alone(&bytes)?;
        if terms.acks == Acks::Unheard {
            return Err(ErrorCode::InvalidRequiredAcks);
        }
        if self.is_internal(pid) {
            return Err(ErrorCode::InvalidTopicException);
        }
        let partition = self.partitions.get_mut(&pid).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        // Who waits for the followers hears in the end that another one leads.
        let outgoing = terms.acks != Acks::All && partition.is_outgoing(broker, now);
        if !outgoing {
            partition.check_leader(broker, None)?;
        }
        if terms.acks == Acks::All && partition.under_min_isr() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let batch = batch::read(bytes, bytes_max)?;
        let batch = match stamps {
            true => batch.stamped(terms.received_ms),
            false if batch.max_timestamp > terms.received_ms.saturating_add(AHEAD_MS_MAX) => {
                return Err(ErrorCode::InvalidTimestamp);
            }
            false => batch,
        };
        // What is not committed cannot be dropped, so a log that is full of it takes no more.
        if partition.log.bytes() >= limit && partition.log.bytes_from(partition.high_watermark) >= limit {
            return Err(ErrorCode::KafkaStorageError);
        }
        if outgoing {
            return Ok(append_for_nobody(partition, &batch));
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

/// Whether a refusal says where the log starts: only one that comes of what is in the log. Source: which exceptions
/// `ReplicaManager.appendRecords` of Apache Kafka tells apart; seen on 4.3.
fn tells_log_start(error: ErrorCode) -> bool {
    use ErrorCode as E;
    matches!(error, E::NotEnoughReplicas | E::OutOfOrderSequenceNumber | E::InvalidProducerEpoch)
}

/// What the outgoing leader appends it cuts off when it follows the next one.
fn append_for_nobody(partition: &Partition, batch: &Batch) -> Appended {
    let (base_offset, log_start_offset) = (partition.log.end(), partition.log.start());
    let log_append_time = if batch.is_stamped() { batch.max_timestamp } else { -1 };
    Appended { base_offset, log_start_offset, required: base_offset, log_append_time }
}

/// Appends a batch, unless it was appended before.
fn append(partition: &mut Partition, batch: Batch) -> Result<Appended, ErrorCode> {
    let log_start_offset = partition.log.start();
    if let Sequence::Repeated(base_offset, last_offset) = partition.producers.check(&batch)? {
        return Ok(Appended {
            base_offset,
            log_start_offset,
            required: last_offset + 1,
            log_append_time: -1,
        });
    }
    partition.producers.appended(&batch, partition.log.end());
    let log_append_time = if batch.is_stamped() { batch.max_timestamp } else { -1 };
    let base_offset = partition.log.append(batch, partition.epoch);
    Ok(Appended { base_offset, log_start_offset, required: partition.log.end(), log_append_time })
}
