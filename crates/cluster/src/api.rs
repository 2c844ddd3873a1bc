//! What goes into the state machine and what comes out of it.
//!
//! The types are the cluster's own, not the wire's: the network layer translates a decoded request into a
//! [`Request`] and a [`Response`] back into a frame, so that the same machine runs behind sockets, in a
//! property test and on a virtual clock. Times are `Duration`s since the cluster's birth; record batches are
//! opaque [`Bytes`] whose header alone is read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

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

/// Who must have a batch before the producer is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// No answer is sent at all.
    None,
    /// The leader.
    Leader,
    /// Every in-sync replica, at least min ISR of them.
    All,
}

/// What clients ask. One variant per API the cluster speaks.
#[derive(Debug, Clone)]
pub enum Request {
    /// Brokers, topics, leaders. `None` is "all topics".
    Metadata(Option<Vec<TopicRef>>),
    /// Append batches.
    Produce(Produce),
    /// Read batches; waits on the high watermark.
    Fetch(Fetch),
    /// Offsets by time.
    ListOffsets(Vec<ListOffset>),
    /// The end offset of a leader epoch, for truncation detection.
    OffsetForLeaderEpoch(Vec<EpochEnd>),
    /// A producer id and epoch.
    InitProducerId(InitProducerId),
    /// The coordinators of these groups.
    FindCoordinator(Vec<String>),
    /// Enter a group.
    JoinGroup(JoinGroup),
    /// Hand out, or wait for, the assignment.
    SyncGroup(SyncGroup),
    /// Stay in a group.
    Heartbeat(GroupMember),
    /// Leave a group: (group, members as (member id, group instance id)).
    LeaveGroup(String, Vec<(String, Option<String>)>),
    /// Commit offsets.
    OffsetCommit(OffsetCommit),
    /// Read committed offsets, per group; `None` partitions is "all".
    OffsetFetch(Vec<OffsetFetch>),
    /// All groups that this broker coordinates.
    ListGroups,
    /// These groups in detail.
    DescribeGroups(Vec<String>),
    /// Needs the controller.
    CreateTopics(CreateTopics),
    /// Needs the controller.
    CreatePartitions(CreatePartitions),
    /// Needs the controller.
    DeleteTopics(Vec<TopicRef>, Duration),
    /// Move the log start offset: (partition, before this offset; -1 is the high watermark).
    DeleteRecords(Vec<(TopicPartition, i64)>),
    /// Brokers and the controller.
    DescribeCluster,
    /// Settings of topics and brokers: (resource, names asked for; `None` is all).
    DescribeConfigs(Vec<(ConfigResource, Option<Vec<String>>)>),
}

/// A produce request.
#[derive(Debug, Clone)]
pub struct Produce {
    /// Who must have the batches.
    pub acks: Acks,
    /// How long the broker waits for the in-sync replicas before `REQUEST_TIMED_OUT`.
    pub timeout: Duration,
    /// Per partition one batch (or several, concatenated), as the client framed them.
    pub parts: Vec<(TopicRef, i32, Bytes)>,
}

/// A fetch request. Sessions are not kept: each request names all its partitions.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// How long an empty answer may be held back.
    pub max_wait: Duration,
    /// Answer as soon as this much can be read.
    pub min_bytes: usize,
    /// The most to answer with in all (a first batch larger than this is still returned).
    pub max_bytes: usize,
    /// What to read.
    pub parts: Vec<FetchPart>,
}

/// One partition of a fetch request.
#[derive(Debug, Clone)]
pub struct FetchPart {
    /// The topic.
    pub topic: TopicRef,
    /// The partition.
    pub partition: i32,
    /// From here on.
    pub offset: i64,
    /// The leader epoch the client believes in; checked when given.
    pub leader_epoch: Option<i32>,
    /// The most to answer with for this partition.
    pub max_bytes: usize,
}

/// One partition of a ListOffsets request.
#[derive(Debug, Clone)]
pub struct ListOffset {
    /// Which partition.
    pub partition: TopicPartition,
    /// The leader epoch the client believes in; checked when given.
    pub leader_epoch: Option<i32>,
    /// Which offset.
    pub at: OffsetAt,
}

/// Which offset a ListOffsets request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetAt {
    /// The log start offset.
    Earliest,
    /// The high watermark.
    Latest,
    /// The offset of the record with the largest timestamp.
    MaxTimestamp,
    /// The first offset at or after this many ms since the Unix epoch.
    Timestamp(i64),
}

/// One partition of an OffsetForLeaderEpoch request.
#[derive(Debug, Clone)]
pub struct EpochEnd {
    /// Which partition.
    pub partition: TopicPartition,
    /// The leader epoch the client believes in; checked when given.
    pub current_epoch: Option<i32>,
    /// The epoch whose end is asked for.
    pub epoch: i32,
}

/// Asks for a producer id, or a new epoch for one.
#[derive(Debug, Clone)]
pub struct InitProducerId {
    /// Transactions are not offered; a transactional id is refused.
    pub transactional_id: Option<String>,
    /// The id and epoch to bump, if the client has one.
    pub producer: Option<(i64, i16)>,
}

/// Enter a group.
#[derive(Debug, Clone)]
pub struct JoinGroup {
    /// The group.
    pub group: String,
    /// Empty on the first attempt.
    pub member: String,
    /// Static membership.
    pub instance: Option<String>,
    /// Without a heartbeat for this long the member is removed.
    pub session_timeout: Duration,
    /// How long a rebalance waits for the members.
    pub rebalance_timeout: Duration,
    /// "consumer".
    pub protocol_type: String,
    /// (assignor, subscription) in the order of preference.
    pub protocols: Vec<(String, Bytes)>,
    /// Whether an empty member id is answered with `MEMBER_ID_REQUIRED` (JoinGroup v4 and later).
    pub member_id_required: bool,
}

/// Hand out, or wait for, the assignment.
#[derive(Debug, Clone)]
pub struct SyncGroup {
    /// Who.
    pub who: GroupMember,
    /// From the group's leader: (member id, assignment).
    pub assignments: Vec<(String, Bytes)>,
}

/// A member as heartbeats, syncs and commits name it.
#[derive(Debug, Clone)]
pub struct GroupMember {
    /// The group.
    pub group: String,
    /// Its generation; -1 for a commit without membership.
    pub generation: i32,
    /// The member id; empty for a commit without membership.
    pub member: String,
    /// Static membership.
    pub instance: Option<String>,
}

/// Commit offsets.
#[derive(Debug, Clone)]
pub struct OffsetCommit {
    /// Who.
    pub who: GroupMember,
    /// What.
    pub offsets: Vec<(TopicPartition, Committed)>,
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the last record read, -1 if unknown.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: String,
}

/// Read committed offsets of one group.
#[derive(Debug, Clone)]
pub struct OffsetFetch {
    /// The group.
    pub group: String,
    /// `None` is all of them.
    pub partitions: Option<Vec<TopicPartition>>,
}

/// Create topics.
#[derive(Debug, Clone)]
pub struct CreateTopics {
    /// How long the broker waits for the controller before `REQUEST_TIMED_OUT`.
    pub timeout: Duration,
    /// Check, change nothing.
    pub validate_only: bool,
    /// What to create.
    pub topics: Vec<NewTopic>,
}

/// A topic to create.
#[derive(Debug, Clone)]
pub struct NewTopic {
    /// Its name, as a client sent it: any text.
    pub name: String,
    /// Explicit replicas per partition (the first is preferred), or counts (-1 is the default).
    pub replicas: NewReplicas,
    /// Settings, e.g. `min.insync.replicas`, `retention.bytes`.
    pub configs: Vec<(String, Option<String>)>,
}

/// Where a new topic's replicas go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewReplicas {
    /// Placed rack-aware by the controller.
    Counts {
        /// Number of partitions, -1 for the default.
        partitions: i32,
        /// Replication factor, -1 for the default.
        replication_factor: i16,
    },
    /// Placed by the caller: for each partition in order, its brokers.
    Explicit(Vec<(i32, Vec<BrokerId>)>),
}

/// Grow topics.
#[derive(Debug, Clone)]
pub struct CreatePartitions {
    /// As in [`CreateTopics`].
    pub timeout: Duration,
    /// Check, change nothing.
    pub validate_only: bool,
    /// (topic, new total count, replicas of the new partitions if placed by the caller).
    pub topics: Vec<(String, i32, Option<Vec<Replicas>>)>,
}

/// Whose settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigResource {
    /// A topic.
    Topic(String),
    /// A broker, by id as text.
    Broker(String),
}

/// What clients are told. One variant per [`Request`] variant.
#[derive(Debug, Clone)]
pub enum Response {
    /// To [`Request::Metadata`].
    Metadata(MetadataView),
    /// To [`Request::Produce`]; not sent for [`Acks::None`] (the effect is not emitted then).
    Produce(Vec<ProducePart>),
    /// To [`Request::Fetch`].
    Fetch(Vec<FetchedPart>),
    /// To [`Request::ListOffsets`], in the order asked.
    ListOffsets(Vec<ListedOffset>),
    /// To [`Request::OffsetForLeaderEpoch`]: (partition, (epoch, end offset) or why not).
    OffsetForLeaderEpoch(Vec<(TopicPartition, EndOfEpoch)>),
    /// To [`Request::InitProducerId`].
    InitProducerId(Result<(i64, i16), ErrorCode>),
    /// To [`Request::FindCoordinator`], in the order asked.
    FindCoordinator(Vec<(String, Result<BrokerId, ErrorCode>)>),
    /// To [`Request::JoinGroup`]; the error carries the member id to use, if one was given out.
    JoinGroup(Result<Joined, (ErrorCode, String)>),
    /// To [`Request::SyncGroup`].
    SyncGroup(Result<Synced, ErrorCode>),
    /// To [`Request::Heartbeat`].
    Heartbeat(Result<(), ErrorCode>),
    /// To [`Request::LeaveGroup`]: the group's error, then one per member in the order asked.
    LeaveGroup(Result<Vec<(String, Option<String>, ErrorCode)>, ErrorCode>),
    /// To [`Request::OffsetCommit`].
    OffsetCommit(Vec<(TopicPartition, ErrorCode)>),
    /// To [`Request::OffsetFetch`]: per group the offsets (`None` is "nothing committed") or an error.
    OffsetFetch(Vec<(String, StoredOffsets)>),
    /// To [`Request::ListGroups`]: (group, protocol type, state).
    ListGroups(Vec<(String, String, &'static str)>),
    /// To [`Request::DescribeGroups`].
    DescribeGroups(Vec<GroupView>),
    /// To [`Request::CreateTopics`].
    CreateTopics(Vec<CreatedTopic>),
    /// To [`Request::CreatePartitions`]: (topic, error, message).
    CreatePartitions(Vec<(String, ErrorCode, Option<String>)>),
    /// To [`Request::DeleteTopics`].
    DeleteTopics(Vec<(TopicRef, ErrorCode)>),
    /// To [`Request::DeleteRecords`]: the new log start offset.
    DeleteRecords(Vec<(TopicPartition, Result<i64, ErrorCode>)>),
    /// To [`Request::DescribeCluster`].
    DescribeCluster(ClusterView),
    /// To [`Request::DescribeConfigs`]: per resource (name, value, is default) or an error.
    DescribeConfigs(Vec<(ConfigResource, DescribedConfigs)>),
}

/// Brokers and the controller, as the brokers' image has them.
#[derive(Debug, Clone)]
pub struct ClusterView {
    /// The cluster's id.
    pub cluster_id: String,
    /// A broker that forwards to the controller (KRaft brokers answer with a random live one), -1 if none.
    pub controller: i32,
    /// The brokers that are not fenced: (id, zone).
    pub brokers: Vec<(BrokerId, String)>,
}

/// The answer to a metadata request.
#[derive(Debug, Clone)]
pub struct MetadataView {
    /// The brokers.
    pub cluster: ClusterView,
    /// The topics asked for.
    pub topics: Vec<TopicView>,
}

/// One topic of a metadata answer.
#[derive(Debug, Clone)]
pub struct TopicView {
    /// `NONE`, `UNKNOWN_TOPIC_OR_PARTITION`, `UNKNOWN_TOPIC_ID`, `INVALID_TOPIC_EXCEPTION`.
    pub error: ErrorCode,
    /// As asked, completed where known.
    pub name: Option<TopicName>,
    /// 0 if unknown.
    pub id: TopicId,
    /// Such as `__consumer_offsets`.
    pub internal: bool,
    /// In the order of their indices.
    pub partitions: Vec<PartitionView>,
}

/// One partition of a metadata answer.
#[derive(Debug, Clone)]
pub struct PartitionView {
    /// `NONE` or `LEADER_NOT_AVAILABLE`.
    pub error: ErrorCode,
    /// Its index.
    pub partition: i32,
    /// `None` is -1.
    pub leader: Option<BrokerId>,
    /// The leader epoch.
    pub epoch: i32,
    /// All replicas, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The in-sync ones.
    pub isr: Vec<BrokerId>,
    /// The replicas on fenced brokers.
    pub offline: Vec<BrokerId>,
}

/// Leader and epoch told with a "not the leader" error (KIP-951).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentLeader {
    /// `None` is -1.
    pub leader: Option<BrokerId>,
    /// Its epoch.
    pub epoch: i32,
}

/// One partition of a produce answer.
#[derive(Debug, Clone)]
pub struct ProducePart {
    /// As asked.
    pub topic: TopicRef,
    /// As asked.
    pub partition: i32,
    /// `NONE` or why not.
    pub error: ErrorCode,
    /// The first offset given, -1 on error.
    pub base_offset: i64,
    /// -1 on error.
    pub log_start_offset: i64,
    /// With a leadership error only.
    pub current_leader: Option<CurrentLeader>,
}

/// One partition of a fetch answer.
#[derive(Debug, Clone)]
pub struct FetchedPart {
    /// As asked.
    pub topic: TopicRef,
    /// As asked.
    pub partition: i32,
    /// `NONE` or why not.
    pub error: ErrorCode,
    /// -1 on error.
    pub high_watermark: i64,
    /// -1 on error.
    pub log_start_offset: i64,
    /// Whole batches, the first may start before the offset asked for.
    pub batches: Vec<Bytes>,
    /// With a leadership error only.
    pub current_leader: Option<CurrentLeader>,
}

/// One partition of a ListOffsets answer.
#[derive(Debug, Clone)]
pub struct ListedOffset {
    /// Which partition.
    pub partition: TopicPartition,
    /// `NONE` or why not.
    pub error: ErrorCode,
    /// -1 if none.
    pub timestamp: i64,
    /// -1 if none.
    pub offset: i64,
    /// -1 if none.
    pub leader_epoch: i32,
}

/// A member is in; the leader learns of all of them.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The new generation.
    pub generation: i32,
    /// "consumer".
    pub protocol_type: String,
    /// The assignor chosen.
    pub protocol: String,
    /// The leader's member id.
    pub leader: String,
    /// This member's id.
    pub member: String,
    /// For the leader: (member id, instance id, subscription).
    pub members: Vec<(String, Option<String>, Bytes)>,
    /// A static leader that came back need not assign again.
    pub skip_assignment: bool,
}

/// What a member got.
#[derive(Debug, Clone)]
pub struct Synced {
    /// "consumer".
    pub protocol_type: String,
    /// The assignor chosen.
    pub protocol: String,
    /// Opaque to the broker.
    pub assignment: Bytes,
}

/// A group in detail.
#[derive(Debug, Clone)]
pub struct GroupView {
    /// `NONE` or why not.
    pub error: ErrorCode,
    /// The group.
    pub group: String,
    /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable`, `Dead`.
    pub state: &'static str,
    /// "consumer".
    pub protocol_type: String,
    /// The assignor chosen.
    pub protocol: String,
    /// Its members.
    pub members: Vec<MemberView>,
}

/// A member in detail.
#[derive(Debug, Clone)]
pub struct MemberView {
    /// The member id.
    pub member: String,
    /// Static membership.
    pub instance: Option<String>,
    /// As the connection said.
    pub client_id: String,
    /// What it subscribes to.
    pub subscription: Bytes,
    /// What it got.
    pub assignment: Bytes,
}

/// A topic that was created, or why it was not.
#[derive(Debug, Clone)]
pub struct CreatedTopic {
    /// As asked.
    pub name: String,
    /// 0 on error.
    pub id: TopicId,
    /// `NONE` or why not.
    pub error: ErrorCode,
    /// In words.
    pub message: Option<String>,
    /// -1 on error.
    pub partitions: i32,
    /// -1 on error.
    pub replication_factor: i16,
}
