//! What clients are told.

use bytes::Bytes;

use super::{
    BrokerId, ConfigResource, DescribedConfigs, EndOfEpoch, StoredOffsets, TopicId, TopicName,
    TopicPartition, TopicRef,
};
use crate::error::ErrorCode;

/// What clients are told. One variant per [`Request`] variant.
#[derive(Debug, Clone)]
pub enum Response {
    /// To [`Request::Metadata`].
    Metadata(MetadataView),
    /// To [`Request::Produce`]; sent for [`Acks::None`] only when a part failed. Apache Kafka then closes
    /// the connection, since it has no other way to say so.
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
    DeleteTopics(Vec<DeletedTopic>),
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
    /// The time that the records got, in ms since the Unix epoch; -1 where they keep their own.
    pub log_append_time: i64,
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
    /// (name, value, whether it is the default); empty on error.
    pub configs: Vec<(String, String, bool)>,
}

/// A topic that was deleted, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedTopic {
    /// Its name; `None` where it was asked for by an id that no topic has.
    pub name: Option<TopicName>,
    /// Its id; 0 where it was asked for by a name that no topic has.
    pub id: TopicId,
    /// `NONE` or why not.
    pub error: ErrorCode,
}

impl DeletedTopic {
    /// A topic that was not deleted, as it was asked for.
    pub(crate) fn refused(asked: TopicRef, error: ErrorCode) -> Self {
        match asked {
            TopicRef::Name(name) => Self { name: Some(name), id: 0, error },
            TopicRef::Id(id) => Self { name: None, id, error },
        }
    }
}
