//! A request of every API.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{self as wire, ApiKey};
use kafka_protocol::protocol::Encodable;
use uuid::Uuid;

use super::s;

/// A request of this API and version with one element in every array.
pub(super) fn sample(key: ApiKey, v: i16) -> Bytes {
    fn bytes(message: &impl Encodable, version: i16) -> Bytes {
        let mut body = BytesMut::new();
        message.encode(&mut body, version).expect("a sample can be encoded");
        body.freeze()
    }
    let id = Uuid::from_u128(5);
    let instance = Some(s("instance"));
    match key {
        ApiKey::Produce => {
            use wire::produce_request::{PartitionProduceData, TopicProduceData};
            let part =
                PartitionProduceData::default().with_index(3).with_records(Some(Bytes::from_static(b"abc")));
            let topic = TopicProduceData::default()
                .with_name(s("orders").into())
                .with_topic_id(id)
                .with_partition_data(vec![part]);
            let request = wire::ProduceRequest::default().with_acks(-1).with_timeout_ms(500);
            bytes(&request.with_topic_data(vec![topic]), v)
        }
        ApiKey::Fetch => {
            use wire::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
            let part =
                FetchPartition::default().with_partition(3).with_fetch_offset(9).with_partition_max_bytes(10);
            let topic = FetchTopic::default()
                .with_topic(s("orders").into())
                .with_topic_id(id)
                .with_partitions(vec![part]);
            let gone = ForgottenTopic::default()
                .with_topic(s("gone").into())
                .with_topic_id(id)
                .with_partitions(vec![1, 2]);
            let request = wire::FetchRequest::default()
                .with_max_wait_ms(500)
                .with_max_bytes(i32::MAX)
                .with_topics(vec![topic])
                .with_forgotten_topics_data(if v >= 7 { vec![gone] } else { vec![] })
                .with_rack_id(s("zone-a"))
                .with_cluster_id(Some(s("cluster")).filter(|_| v >= 12));
            bytes(&request, v)
        }
        ApiKey::ListOffsets => {
            use wire::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
            let parts = [-1, -2, 1_000].map(|at| ListOffsetsPartition::default().with_timestamp(at));
            let topic =
                ListOffsetsTopic::default().with_name(s("orders").into()).with_partitions(parts.to_vec());
            bytes(&wire::ListOffsetsRequest::default().with_topics(vec![topic]), v)
        }
        ApiKey::Metadata => {
            use wire::metadata_request::MetadataRequestTopic;
            let topic = MetadataRequestTopic::default().with_name(Some(s("orders").into()));
            bytes(&wire::MetadataRequest::default().with_topics(Some(vec![topic])), v)
        }
        ApiKey::OffsetCommit => {
            use wire::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
            let part = OffsetCommitRequestPartition::default().with_committed_offset(4);
            let topic =
                OffsetCommitRequestTopic::default().with_name(s("orders").into()).with_partitions(vec![part]);
            let request = wire::OffsetCommitRequest::default()
                .with_group_id(s("group").into())
                .with_member_id(s("member"))
                .with_group_instance_id(instance.filter(|_| v >= 7))
                .with_topics(vec![topic]);
            bytes(&request, v)
        }
        ApiKey::OffsetFetch => {
            use wire::offset_fetch_request::{
                OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
            };
            if v >= 8 {
                let topic = OffsetFetchRequestTopics::default()
                    .with_name(s("orders").into())
                    .with_partition_indexes(vec![0, 1]);
                let group = OffsetFetchRequestGroup::default()
                    .with_group_id(s("group").into())
                    .with_topics(Some(vec![topic]));
                bytes(&wire::OffsetFetchRequest::default().with_groups(vec![group]), v)
            } else {
                let topic = OffsetFetchRequestTopic::default()
                    .with_name(s("orders").into())
                    .with_partition_indexes(vec![0, 1]);
                let request = wire::OffsetFetchRequest::default().with_group_id(s("group").into());
                bytes(&request.with_topics(Some(vec![topic])), v)
            }
        }
        ApiKey::FindCoordinator => {
            let request = wire::FindCoordinatorRequest::default();
            let request = if v >= 4 {
                request.with_coordinator_keys(vec![s("group")])
            } else {
                request.with_key(s("group"))
            };
            bytes(&request, v)
        }
        ApiKey::JoinGroup => {
            use wire::join_group_request::JoinGroupRequestProtocol;
            let protocol = JoinGroupRequestProtocol::default()
                .with_name(s("range"))
                .with_metadata(Bytes::from_static(b"abc"));
            let request = wire::JoinGroupRequest::default()
                .with_group_id(s("group").into())
                .with_group_instance_id(instance.filter(|_| v >= 5))
                .with_protocol_type(s("consumer"))
                .with_protocols(vec![protocol])
                .with_reason(Some(s("because")).filter(|_| v >= 8));
            bytes(&request, v)
        }
        ApiKey::Heartbeat => {
            let request = wire::HeartbeatRequest::default().with_group_id(s("group").into());
            bytes(&request.with_group_instance_id(instance.filter(|_| v >= 3)), v)
        }
        ApiKey::LeaveGroup => {
            use wire::leave_group_request::MemberIdentity;
            let request = wire::LeaveGroupRequest::default().with_group_id(s("group").into());
            let member =
                MemberIdentity::default().with_member_id(s("member")).with_group_instance_id(instance);
            let request =
                if v >= 3 { request.with_members(vec![member]) } else { request.with_member_id(s("member")) };
            bytes(&request, v)
        }
        ApiKey::SyncGroup => {
            use wire::sync_group_request::SyncGroupRequestAssignment;
            let assignment = SyncGroupRequestAssignment::default()
                .with_member_id(s("member"))
                .with_assignment(Bytes::from_static(b"abc"));
            let request = wire::SyncGroupRequest::default()
                .with_group_id(s("group").into())
                .with_group_instance_id(instance.filter(|_| v >= 3))
                .with_assignments(vec![assignment]);
            bytes(&request, v)
        }
        ApiKey::DescribeGroups => {
            bytes(&wire::DescribeGroupsRequest::default().with_groups(vec![s("group").into()]), v)
        }
        ApiKey::ListGroups => {
            let request = wire::ListGroupsRequest::default()
                .with_states_filter(if v >= 4 { vec![s("Stable")] } else { vec![] })
                .with_types_filter(if v >= 5 { vec![s("classic")] } else { vec![] });
            bytes(&request, v)
        }
        ApiKey::ApiVersions => {
            let request = wire::ApiVersionsRequest::default();
            let request = if v >= 3 { request.with_client_software_name(s("client")) } else { request };
            bytes(&request, v)
        }
        ApiKey::CreateTopics => {
            use wire::create_topics_request::{
                CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
            };
            let placed = CreatableReplicaAssignment::default().with_broker_ids(vec![1.into(), 2.into()]);
            let config =
                CreatableTopicConfig::default().with_name(s("retention.bytes")).with_value(Some(s("1")));
            let topic = CreatableTopic::default()
                .with_name(s("orders").into())
                .with_assignments(vec![placed])
                .with_configs(vec![config]);
            bytes(&wire::CreateTopicsRequest::default().with_topics(vec![topic]), v)
        }
        ApiKey::DeleteTopics => {
            use wire::delete_topics_request::DeleteTopicState;
            let request = wire::DeleteTopicsRequest::default();
            let topic = DeleteTopicState::default().with_name(Some(s("orders").into()));
            let request = if v >= 6 {
                request.with_topics(vec![topic])
            } else {
                request.with_topic_names(vec![s("orders").into()])
            };
            bytes(&request, v)
        }
        ApiKey::DeleteRecords => {
            use wire::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
            let part = DeleteRecordsPartition::default().with_offset(-1);
            let topic =
                DeleteRecordsTopic::default().with_name(s("orders").into()).with_partitions(vec![part]);
            bytes(&wire::DeleteRecordsRequest::default().with_topics(vec![topic]), v)
        }
        ApiKey::InitProducerId => {
            let request = wire::InitProducerIdRequest::default().with_transactional_id(None);
            bytes(&request, v)
        }
        ApiKey::OffsetForLeaderEpoch => {
            use wire::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
            let part = OffsetForLeaderPartition::default().with_leader_epoch(2);
            let topic =
                OffsetForLeaderTopic::default().with_topic(s("orders").into()).with_partitions(vec![part]);
            bytes(&wire::OffsetForLeaderEpochRequest::default().with_topics(vec![topic]), v)
        }
        ApiKey::DescribeConfigs => {
            use wire::describe_configs_request::DescribeConfigsResource;
            let resource = DescribeConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(s("orders"))
                .with_configuration_keys(Some(vec![s("retention.bytes")]));
            bytes(&wire::DescribeConfigsRequest::default().with_resources(vec![resource]), v)
        }
        ApiKey::CreatePartitions => {
            use wire::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
            let placed = CreatePartitionsAssignment::default().with_broker_ids(vec![1.into()]);
            let topic = CreatePartitionsTopic::default()
                .with_name(s("orders").into())
                .with_count(4)
                .with_assignments(Some(vec![placed]));
            bytes(&wire::CreatePartitionsRequest::default().with_topics(vec![topic]), v)
        }
        ApiKey::ElectLeaders => {
            use wire::elect_leaders_request::TopicPartitions;
            let topic = TopicPartitions::default().with_topic(s("orders").into()).with_partitions(vec![0, 1]);
            let request = wire::ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic]));
            bytes(&request.with_election_type(if v >= 1 { 1 } else { 0 }), v)
        }
        ApiKey::AlterPartitionReassignments => {
            use wire::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
            let part = ReassignablePartition::default().with_replicas(Some(vec![1.into(), 2.into()]));
            let topic =
                ReassignableTopic::default().with_name(s("orders").into()).with_partitions(vec![part]);
            bytes(&wire::AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]), v)
        }
        ApiKey::ListPartitionReassignments => {
            use wire::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
            let topic = ListPartitionReassignmentsTopics::default()
                .with_name(s("orders").into())
                .with_partition_indexes(vec![0, 1]);
            bytes(&wire::ListPartitionReassignmentsRequest::default().with_topics(Some(vec![topic])), v)
        }
        ApiKey::DescribeCluster => bytes(&wire::DescribeClusterRequest::default(), v),
        other => panic!("no sample of {other:?}"),
    }
}
