//! One partition: who holds it, who leads it, how far each replica has come, and who waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::api::{BrokerId, CurrentLeader, Token, TopicName, TopicPartition};
use crate::error::ErrorCode;
use crate::log::Log;
use crate::moves::Moving;
use crate::producers::Producers;

/// Names a partition for as long as it exists; never given twice, so that a timer or a waiter of a deleted partition
/// finds nothing instead of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pid(pub(crate) u64);

/// How far one replica has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replica {
    pub(crate) broker: BrokerId,
    /// Its log end offset.
    pub(crate) end: i64,
    /// Since when it has not had all that the leader has.
    pub(crate) behind_since: Option<Duration>,
    /// A timer for its catching up is set.
    pub(crate) catching_up: bool,
    /// A timer that looks at its lag is set.
    pub(crate) lag_watched: bool,
    /// The leader does not see before this time that it may be in sync.
    pub(crate) joins_from: Duration,
}

impl Replica {
    pub(crate) fn new(broker: BrokerId) -> Self {
        Self {
            broker,
            end: 0,
            behind_since: None,
            catching_up: false,
            lag_watched: false,
            joins_from: Duration::ZERO,
        }
    }
}

/// Who is told when the high watermark passes an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AckWaiter {
    /// Part `usize` of a parked produce request.
    Produce(Token, usize),
    /// A record that a group's coordinator wrote.
    Group(u64),
    /// A parked OffsetFetch that wants what was written before it.
    Offsets(Token),
}

#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) name: TopicPartition,
    pub(crate) leader: Option<BrokerId>,
    pub(crate) epoch: i32,
    /// The preferred leader first.
    pub(crate) replicas: Vec<Replica>,
    /// In the order of `replicas`.
    pub(crate) isr: Vec<BrokerId>,
    /// Replicas that left the in-sync set by fencing while it was below min ISR, and still have every committed
    /// record (KIP-966): they may lead when nobody in sync is left.
    pub(crate) eligible: Vec<BrokerId>,
    pub(crate) moving: Option<Moving>,
    /// Its leader changed in order: before this time nobody follows the new one.
    pub(crate) followed_from: Duration,
    pub(crate) min_isr: usize,
    pub(crate) high_watermark: i64,
    /// When it moved last, and from where: followers hear of it with their next fetch.
    pub(crate) moved: (Duration, i64),
    /// Who led before, and until when it has not heard of the election.
    pub(crate) outgoing: Option<(BrokerId, Duration)>,
    /// The leader was elected with less of the high watermark than its log, and hears of the rest then.
    pub(crate) knows_from: Option<Duration>,
    pub(crate) log: Log,
    pub(crate) producers: Producers,
    /// Kept at leader -1 by hand.
    pub(crate) stripped: bool,
    pub(crate) ack_waiters: BTreeSet<(i64, AckWaiter)>,
    pub(crate) fetchers: BTreeSet<Token>,
}

impl Partition {
    pub(crate) fn new(
        topic: TopicName,
        partition: i32,
        replicas: &[BrokerId],
        min_isr: usize,
        producers_max: usize,
    ) -> Self {
        Self {
            name: TopicPartition { topic, partition },
            leader: replicas.first().copied(),
            epoch: 0,
            replicas: replicas.iter().copied().map(Replica::new).collect(),
            isr: replicas.to_vec(),
            eligible: Vec::new(),
            moving: None,
            followed_from: Duration::ZERO,
            min_isr: min_isr.min(replicas.len()),
            high_watermark: 0,
            moved: (Duration::ZERO, 0),
            outgoing: None,
            knows_from: None,
            log: Log::default(),
            producers: Producers::new(producers_max),
            stripped: false,
            ack_waiters: BTreeSet::new(),
            fetchers: BTreeSet::new(),
        }
    }

    pub(crate) fn replica(&self, broker: BrokerId) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.broker == broker)
    }

    pub(crate) fn replica_mut(&mut self, broker: BrokerId) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.broker == broker)
    }

    pub(crate) fn assignment(&self) -> Vec<BrokerId> {
        self.replicas.iter().map(|replica| replica.broker).collect()
    }

    pub(crate) fn in_sync(&self, broker: BrokerId) -> bool {
        self.isr.contains(&broker)
    }

    pub(crate) fn under_min_isr(&self) -> bool {
        self.isr.len() < self.min_isr
    }

    pub(crate) fn current_leader(&self) -> CurrentLeader {
        CurrentLeader { leader: self.leader, epoch: self.epoch }
    }

    /// Whether `broker` may serve this partition to a client that believes in `epoch`.
    pub(crate) fn check_leader(&self, broker: BrokerId, epoch: Option<i32>) -> Result<(), ErrorCode> {
        // A broker without a replica knows no epoch to compare with.
        if self.replica(broker).is_none() {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        self.check_epoch(epoch)?;
        if self.leader == Some(broker) { Ok(()) } else { Err(ErrorCode::NotLeaderOrFollower) }
    }

    /// Whether `broker` takes itself for the leader still.
    pub(crate) fn is_outgoing(&self, broker: BrokerId, now: Duration) -> bool {
        self.outgoing.is_some_and(|(leader, until)| leader == broker && now < until)
    }

    /// Whether a client believes in the right epoch, if in any.
    pub(crate) fn check_epoch(&self, epoch: Option<i32>) -> Result<(), ErrorCode> {
        match epoch {
            Some(epoch) if epoch < self.epoch => Err(ErrorCode::FencedLeaderEpoch),
            Some(epoch) if epoch > self.epoch => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// Moves the high watermark to what every in-sync replica has, if there are enough of them. Never back.
    ///
    /// Returns whether it moved.
    pub(crate) fn advance_high_watermark(&mut self, now: Duration) -> bool {
        if self.leader.is_none() || self.under_min_isr() {
            return false;
        }
        let ends = self.replicas.iter().filter(|replica| self.isr.contains(&replica.broker)).map(|r| r.end);
        let least = ends.min().unwrap_or(self.high_watermark);
        if least <= self.high_watermark {
            return false;
        }
        self.moved = (now, self.high_watermark);
        self.high_watermark = least;
        true
    }

    /// A leader that was elected knows of the high watermark what it had heard as a follower, until its own followers
    /// have fetched from it at `followed_at`. Before that it does not tell the end of its log (KIP-207).
    pub(crate) fn learns_its_end(&mut self, now: Duration, fetch_wait: Duration, followed_at: Duration) {
        let (moved_at, before) = self.moved;
        let knows = if now < moved_at + fetch_wait { before } else { self.high_watermark };
        let alone = self.isr.len() == 1 && !self.under_min_isr();
        self.knows_from = (knows < self.log.end() && !alone).then_some(followed_at);
    }

    /// Whether the leader knows that everything before it was elected is committed.
    pub(crate) fn knows_its_end(&self, now: Duration) -> bool {
        self.knows_from.is_none_or(|from| from <= now && !self.under_min_isr())
    }

    /// The waiters that the high watermark has passed.
    pub(crate) fn take_acked(&mut self) -> Vec<AckWaiter> {
        let above = (self.high_watermark + 1, AckWaiter::Produce(Token(0), 0));
        let waiting = self.ack_waiters.split_off(&above);
        std::mem::replace(&mut self.ack_waiters, waiting).into_iter().map(|(_, waiter)| waiter).collect()
    }

    /// Makes `leader` lead in a new epoch with this in-sync set; the log becomes what it has.
    pub(crate) fn elect(&mut self, leader: Option<BrokerId>, isr: Vec<BrokerId>) {
        self.epoch += 1;
        self.leader = leader;
        self.isr = isr;
        let Some(end) = leader.and_then(|leader| self.replica(leader)).map(|replica| replica.end) else {
            return;
        };
        self.log.truncate(end);
        // Only an unclean leader has less than is committed.
        self.high_watermark = self.high_watermark.min(end);
        self.log.begin_epoch(self.epoch);
        self.producers.truncate(end);
        for replica in &mut self.replicas {
            replica.end = replica.end.min(end);
        }
    }

    /// Ordered by the assignment, as Kafka shows it.
    pub(crate) fn ordered(&self, brokers: &[BrokerId]) -> Vec<BrokerId> {
        self.replicas.iter().map(|replica| replica.broker).filter(|broker| brokers.contains(broker)).collect()
    }
}

/// Topics by name, with their partitions in order.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) id: u128,
    pub(crate) internal: bool,
    pub(crate) partitions: Vec<Pid>,
    /// As set at creation; what is not here has its default.
    pub(crate) configs: BTreeMap<String, String>,
    pub(crate) retention_bytes: Option<usize>,
    pub(crate) message_bytes_max: usize,
    /// Records get the broker's time.
    pub(crate) stamps: bool,
    pub(crate) min_isr: usize,
}
