//! What goes into the state machine and what comes out of it.
//!
//! The types are the cluster's own, not the wire's: the network layer translates a decoded request into a
//! [`Request`] and a [`Response`] back into a frame, so that the same machine runs behind sockets, in a
//! property test and on a virtual clock. Times are `Duration`s since the cluster's birth; record batches are
//! opaque bytes whose header alone is read.

mod request;
mod response;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use self::request::*;
pub use self::response::*;
use crate::error::ErrorCode;

/// A broker's id, as clients see it. Ids start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BrokerId(pub i32);

/// A topic's name; cheap to clone.
pub type TopicName = Arc<str>;

/// A topic's 128-bit id, as newer request versions use it.
pub type TopicId = u128;

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicName,
    /// Its index, from 0.
    pub partition: i32,
}

/// A topic as a request names it: by name in older versions, by id in newer ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicRef {
    /// By name.
    Name(TopicName),
    /// By id.
    Id(TopicId),
}

/// The brokers that hold a partition, the preferred leader first.
pub type Replicas = Vec<BrokerId>;

/// (epoch, its end offset), or why it is not told.
pub type EndOfEpoch = Result<(i32, i64), ErrorCode>;

/// A group's offsets, `None` where nothing is committed, or why they are not told.
pub type StoredOffsets = Result<Vec<(TopicPartition, Option<Committed>)>, ErrorCode>;

/// (name, value, whether it is the default), or why they are not told.
pub type DescribedConfigs = Result<Vec<(String, String, bool)>, ErrorCode>;

/// Names one request until it is answered; chosen by the caller, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Everything that can happen to a cluster.
#[derive(Debug, Clone)]
pub enum Event {
    /// A timer named by [`crate::Cluster::next_timer`] is due.
    Tick,
    /// A running broker has read a request from a connection.
    Request {
        /// The broker that was asked.
        broker: BrokerId,
        /// Comes back with the reply.
        token: Token,
        /// The client id of the connection, for group members' names.
        client_id: String,
        /// What is asked.
        request: Request,
    },
    /// The connection of a parked request is gone: forget it (what was appended stays appended).
    Abandon(Token),
    /// Somebody pulls a lever: a fault or its heal.
    Lever(Lever),
}

/// What can be done *to* a cluster from outside; faults and heals are built from these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lever {
    /// The controller stops: no elections, no ISR changes, no fencing, no topic changes, no heartbeats processed.
    FreezeController,
    /// The controller goes on; sessions that ran out meanwhile are then seen as expired.
    ThawController,
    /// A majority of the controllers stops. Those that are left still answer, and can decide nothing.
    LoseQuorum,
    /// The majority is back and elects a leader, which gives every broker a new session.
    RestoreQuorum,
    /// `kill -9`: connections break, the log on disk survives.
    KillBroker(BrokerId),
    /// A killed broker starts again, registers with the controller and catches up.
    StartBroker(BrokerId),
    /// `SIGSTOP`: TCP stays up, nothing answers.
    FreezeBroker(BrokerId),
    /// `SIGCONT`.
    ThawBroker(BrokerId),
    /// Packets to and from the broker are dropped; new connections are never accepted.
    BlackHoleBroker(BrokerId),
    /// Packets flow again.
    RestoreBroker(BrokerId),
    /// Every answer of the broker, and its replication, takes this much longer; zero heals.
    SlowBroker(BrokerId, Duration),
    /// Leader -1 on these partitions until restored, whatever the controller would do.
    StripLeader(Vec<TopicPartition>),
    /// The stripped partitions elect again.
    RestoreLeader(Vec<TopicPartition>),
}

/// What the machine wants done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Answer a request. While its broker is frozen or black-holed the network layer holds the bytes back.
    Reply {
        /// The request's.
        token: Token,
        /// The answer.
        response: Response,
    },
    /// A broker's network behaviour changes.
    Link(BrokerId, Link),
    /// Something an observer would put on a timeline.
    Changed(Change),
}

/// How a broker's sockets behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The state of the process and of its network.
    pub process: Process,
    /// Added to every answer.
    pub delay: Duration,
}

/// The state of a broker's process and of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Accepts, reads, answers.
    Running,
    /// Connections stay up and new ones are accepted by the kernel; nothing is read or written.
    Frozen,
    /// Connections are reset, the port is closed.
    Dead,
    /// Connections stay but carry nothing; new ones do not complete.
    BlackHoled,
}

/// A line of the cluster's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// A partition has another leader, or none.
    Leader {
        /// Which partition.
        partition: TopicPartition,
        /// `None` is leader -1.
        leader: Option<BrokerId>,
        /// The new leader epoch.
        epoch: i32,
    },
    /// The in-sync replicas changed.
    Isr {
        /// Which partition.
        partition: TopicPartition,
        /// In the order of the replica assignment.
        isr: Vec<BrokerId>,
    },
    /// The controller fenced or unfenced a broker.
    Fenced {
        /// Which broker.
        broker: BrokerId,
        /// Whether it is fenced now.
        fenced: bool,
    },
    /// The controller stopped or went on.
    Controller {
        /// Whether it is frozen now.
        frozen: bool,
    },
}
