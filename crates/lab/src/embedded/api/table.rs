//! What is served: one line per API with its versions, its layout and its file.
//!
//! The ranges are those that librdkafka 2.x and the Java clients 4.x accept (the latter refuse brokers that lack,
//! e.g., Produce 3, Fetch 4, Metadata 0 to 13 with topic ids). Where a newer version exists and is left out, it
//! would promise something that is not there: Fetch 17 and later are for replicas, ListOffsets 8 and later for
//! tiered storage, FindCoordinator 5 and later for transactions and share groups.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use kafka_protocol::messages::ApiKey;

use super::shape::Shape;
use super::{BadFrame, Call, Frame};

/// One API.
pub(super) struct Api {
    pub(super) key: ApiKey,
    pub(super) versions: RangeInclusive<i16>,
    pub(super) shape: Shape,
    pub(super) open: fn(Frame) -> Result<Call, BadFrame>,
}

static TABLE: LazyLock<Vec<Api>> = LazyLock::new(|| {
    use ApiKey as K;
    vec![
        api(K::Produce, 3..=13, "s 2 4 [s@0-12 16@13+ [4 b]]", |f| f.exchange(super::produce::exchange)),
        api(
            K::Fetch,
            4..=16,
            "4@0-14 4 4 4 1 4@7+ 4@7+ [s@0-12 16@13+ [4 4@9+ 8 4@12+ 8@5+ 4]] [s@0-12 16@13+ *4]@7+ s@11+",
            |f| f.exchange(super::fetch::exchange),
        ),
        api(K::ListOffsets, 1..=7, "4 1@2+ [s [4 4@4+ 8]]", |f| f.exchange(super::list_offsets::exchange)),
        api(K::Metadata, 0..=13, "[16@10+ s] 1@4+ 1@8-10 1@8+", |f| f.exchange(super::metadata::exchange)),
        api(K::OffsetCommit, 2..=9, "s 4 s s@7+ 8@2-4 [s [4 8 4@6+ s]]", |f| {
            f.exchange(super::offset_commit::exchange)
        }),
        api(K::OffsetFetch, 1..=9, "s@0-7 [s *4]@0-7 [s s@9+ 4@9+ [s *4]]@8+ 1@7+", |f| {
            f.exchange(super::offset_fetch::exchange)
        }),
        api(K::FindCoordinator, 0..=4, "s@0-3 1@1+ *s@4+", |f| f.exchange(super::find_coordinator::exchange)),
        api(K::JoinGroup, 0..=9, "s 4 4@1+ s s@5+ s [s b] s@8+", |f| f.exchange(super::join_group::exchange)),
        api(K::Heartbeat, 0..=4, "s 4 s s@3+", |f| f.exchange(super::heartbeat::exchange)),
        api(K::LeaveGroup, 0..=5, "s s@0-2 [s s s@5+]@3+", |f| f.exchange(super::leave_group::exchange)),
        api(K::SyncGroup, 0..=5, "s 4 s s@3+ s@5+ s@5+ [s b]", |f| f.exchange(super::sync_group::exchange)),
        api(K::DescribeGroups, 0..=6, "*s 1@3+", |f| f.exchange(super::describe_groups::exchange)),
        api(K::ListGroups, 0..=5, "*s@4+ *s@5+", |f| f.exchange(super::list_groups::exchange)),
        api(K::ApiVersions, 0..=4, "s@3+ s@3+", |f| f.exchange(super::api_versions::exchange)),
        api(K::CreateTopics, 2..=7, "[s 4 2 [4 *4] [s s]] 4 1", |f| {
            f.exchange(super::create_topics::exchange)
        }),
        api(K::DeleteTopics, 1..=6, "[s 16]@6+ *s@0-5 4", |f| f.exchange(super::delete_topics::exchange)),
        api(K::DeleteRecords, 0..=2, "[s [4 8]] 4", |f| f.exchange(super::delete_records::exchange)),
        api(K::InitProducerId, 0..=5, "s 4 8@3+ 2@3+", |f| f.exchange(super::init_producer_id::exchange)),
        api(K::OffsetForLeaderEpoch, 2..=4, "4@3+ [s [4 4 4]]", |f| {
            f.exchange(super::offset_for_leader_epoch::exchange)
        }),
        api(K::DescribeConfigs, 1..=4, "[1 s *s] 1 1@3+", |f| f.exchange(super::describe_configs::exchange)),
        api(K::CreatePartitions, 0..=3, "[s 4 [*4]] 4 1", |f| f.exchange(super::create_partitions::exchange)),
        api(K::ElectLeaders, 0..=2, "1@1+ [s *4] 4", |f| f.exchange(super::elect_leaders::exchange)),
        api(K::AlterPartitionReassignments, 0..=1, "4 1@1+ [s [4 *4]]", |f| {
            f.exchange(super::alter_partition_reassignments::exchange)
        }),
        api(K::ListPartitionReassignments, 0..=0, "4 [s *4]", |f| {
            f.exchange(super::list_partition_reassignments::exchange)
        }),
        api(K::DescribeCluster, 0..=1, "1 1@1+", |f| f.exchange(super::describe_cluster::exchange)),
    ]
});

fn api(
    key: ApiKey,
    versions: RangeInclusive<i16>,
    shape: &str,
    open: fn(Frame) -> Result<Call, BadFrame>,
) -> Api {
    Api { key, versions, shape: Shape::parse(shape), open }
}

/// The API of this key, if it is served.
pub(super) fn find(key: i16) -> Option<&'static Api> {
    TABLE.iter().find(|api| api.key as i16 == key)
}

/// Everything served, in the order of the keys' numbers.
pub(super) fn all() -> &'static [Api] {
    &TABLE
}
