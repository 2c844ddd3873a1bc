//! What clients ask.

use std::time::Duration;

use bytes::Bytes;

use super::{BrokerId, Replicas, TopicPartition, TopicRef};

/// Who must have a batch before the producer is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// No answer is sent, unless a part failed: then the connection is to be closed.
    None,
    /// The leader.
    Leader,
    /// Every in-sync replica, at least min ISR of them.
    All,
    /// A number that means none of them; refused for every partition that is there.
    Unheard,
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
    /// When it came, in ms since the Unix epoch: what timestamps are held against.
    pub received_ms: i64,
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
    /// Whether followers may answer as well (KIP-392).
    pub from_followers: bool,
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
    /// The id and epoch to bump; -1 for none. One without the other is refused.
    pub producer: (i64, i16),
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
    /// Wait until what the coordinator has written so far is committed.
    pub require_stable: bool,
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
    /// Counted and placed at once, which is refused.
    Both,
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
