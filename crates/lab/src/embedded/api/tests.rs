//! Every served version of every API, there and back; and frames that nobody should send.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use cluster::{BrokerId, ErrorCode, Request, Response, TopicPartition};
use kafka_protocol::messages::{self as wire, ApiKey, RequestHeader};
use kafka_protocol::protocol::{Encodable, StrBytes};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Call, Directory, Endpoint, open, table};

fn s(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn directory() -> Arc<Directory> {
    let endpoint = Endpoint { host: s("127.0.0.1"), port: 9092, zone: s("zone-a") };
    Arc::new(Directory(BTreeMap::from([(BrokerId(1), endpoint)])))
}

fn frame(key: ApiKey, version: i16, body: &[u8]) -> Bytes {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .with_client_id(Some(s("a client")));
    let mut frame = BytesMut::new();
    header.encode(&mut frame, key.request_header_version(version)).expect("a header");
    frame.extend_from_slice(body);
    frame.freeze()
}

/// A request of this API and version with one element in every array.
fn sample(key: ApiKey, v: i16) -> Bytes {
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
        ApiKey::DescribeCluster => bytes(&wire::DescribeClusterRequest::default(), v),
        other => panic!("no sample of {other:?}"),
    }
}

/// A response with something in every list.
fn response(request: &Request) -> Response {
    let partition = TopicPartition { topic: Arc::from("orders"), partition: 3 };
    let leader = Some(cluster::CurrentLeader { leader: Some(BrokerId(1)), epoch: 4 });
    let view = cluster::ClusterView {
        cluster_id: "cluster".to_owned(),
        controller: 1,
        brokers: vec![(BrokerId(1), "zone-a".to_owned())],
    };
    match request {
        Request::Metadata(_) => Response::Metadata(cluster::MetadataView {
            cluster: view,
            topics: vec![cluster::TopicView {
                error: ErrorCode::None,
                name: Some(Arc::from("orders")),
                id: 5,
                internal: false,
                partitions: vec![cluster::PartitionView {
                    error: ErrorCode::LeaderNotAvailable,
                    partition: 3,
                    leader: None,
                    epoch: 2,
                    replicas: vec![BrokerId(1)],
                    isr: vec![BrokerId(1)],
                    offline: vec![],
                }],
            }],
        }),
        Request::Produce(produce) => Response::Produce(
            produce
                .parts
                .iter()
                .map(|(topic, partition, _)| cluster::ProducePart {
                    topic: topic.clone(),
                    partition: *partition,
                    error: ErrorCode::NotLeaderOrFollower,
                    base_offset: -1,
                    log_start_offset: -1,
                    current_leader: leader,
                })
                .collect(),
        ),
        Request::Fetch(fetch) => Response::Fetch(
            fetch
                .parts
                .iter()
                .map(|part| cluster::FetchedPart {
                    topic: part.topic.clone(),
                    partition: part.partition,
                    error: ErrorCode::FencedLeaderEpoch,
                    high_watermark: 5,
                    log_start_offset: 0,
                    batches: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
                    current_leader: leader,
                })
                .collect(),
        ),
        Request::ListOffsets(asked) => Response::ListOffsets(
            asked
                .iter()
                .map(|asked| cluster::ListedOffset {
                    partition: asked.partition.clone(),
                    error: ErrorCode::None,
                    timestamp: 1,
                    offset: 2,
                    leader_epoch: 3,
                })
                .collect(),
        ),
        Request::OffsetForLeaderEpoch(_) => Response::OffsetForLeaderEpoch(vec![(partition, Ok((1, 2)))]),
        Request::InitProducerId(_) => Response::InitProducerId(Ok((1000, 0))),
        Request::FindCoordinator(groups) => {
            Response::FindCoordinator(groups.iter().map(|group| (group.clone(), Ok(BrokerId(1)))).collect())
        }
        Request::JoinGroup(join) => Response::JoinGroup(Ok(cluster::Joined {
            generation: 1,
            protocol_type: "consumer".to_owned(),
            protocol: "range".to_owned(),
            leader: "member".to_owned(),
            member: "member".to_owned(),
            members: vec![("member".to_owned(), join.instance.clone(), Bytes::from_static(b"abc"))],
            skip_assignment: true,
        })),
        Request::SyncGroup(_) => Response::SyncGroup(Ok(cluster::Synced {
            protocol_type: "consumer".to_owned(),
            protocol: "range".to_owned(),
            assignment: Bytes::from_static(b"abc"),
        })),
        Request::Heartbeat(_) => Response::Heartbeat(Err(ErrorCode::RebalanceInProgress)),
        Request::LeaveGroup(_, members) => Response::LeaveGroup(Ok(members
            .iter()
            .map(|(member, instance)| (member.clone(), instance.clone(), ErrorCode::UnknownMemberId))
            .collect())),
        Request::OffsetCommit(_) => Response::OffsetCommit(vec![(partition, ErrorCode::None)]),
        Request::OffsetFetch(groups) => {
            let committed = cluster::Committed { offset: 4, leader_epoch: 1, metadata: "note".to_owned() };
            let offsets = vec![(partition, Some(committed))];
            Response::OffsetFetch(groups.iter().map(|g| (g.group.clone(), Ok(offsets.clone()))).collect())
        }
        Request::ListGroups => {
            Response::ListGroups(vec![("group".to_owned(), "consumer".to_owned(), "Stable")])
        }
        Request::DescribeGroups(groups) => Response::DescribeGroups(
            groups
                .iter()
                .map(|group| cluster::GroupView {
                    error: ErrorCode::GroupIdNotFound,
                    group: group.clone(),
                    state: "Stable",
                    protocol_type: "consumer".to_owned(),
                    protocol: "range".to_owned(),
                    members: vec![cluster::MemberView {
                        member: "member".to_owned(),
                        instance: Some("instance".to_owned()),
                        client_id: "client".to_owned(),
                        subscription: Bytes::new(),
                        assignment: Bytes::new(),
                    }],
                })
                .collect(),
        ),
        Request::CreateTopics(create) => Response::CreateTopics(
            create
                .topics
                .iter()
                .map(|topic| cluster::CreatedTopic {
                    name: topic.name.clone(),
                    id: 5,
                    error: ErrorCode::None,
                    message: Some("words".to_owned()),
                    partitions: 1,
                    replication_factor: 2,
                })
                .collect(),
        ),
        Request::CreatePartitions(create) => Response::CreatePartitions(
            create
                .topics
                .iter()
                .map(|(topic, _, _)| (topic.clone(), ErrorCode::InvalidPartitions, Some("words".to_owned())))
                .collect(),
        ),
        Request::DeleteTopics(topics, _) => {
            Response::DeleteTopics(topics.iter().map(|topic| (topic.clone(), ErrorCode::None)).collect())
        }
        Request::DeleteRecords(before) => {
            Response::DeleteRecords(before.iter().map(|(partition, _)| (partition.clone(), Ok(3))).collect())
        }
        Request::DescribeCluster => Response::DescribeCluster(view),
        Request::DescribeConfigs(resources) => Response::DescribeConfigs(
            resources
                .iter()
                .map(|(resource, _)| {
                    (resource.clone(), Ok(vec![("retention.bytes".to_owned(), "1".to_owned(), false)]))
                })
                .collect(),
        ),
    }
}

#[test]
fn every_served_version_is_read_and_answered() {
    for api in table::all() {
        for version in api.versions.clone() {
            let call = open(frame(api.key, version, &sample(api.key, version)), &directory())
                .unwrap_or_else(|e| panic!("{:?} version {version}: {e}", api.key));
            let answer = match call {
                Call::Now(answer) => answer,
                Call::Ask { client_id, request, answer } => {
                    assert_eq!(client_id, "a client");
                    answer(response(&request)).unwrap_or_else(|e| panic!("{e}"))
                }
                Call::Tell { .. } => panic!("{:?} version {version} wants an answer", api.key),
            };
            let length = i32::from_be_bytes(answer[..4].try_into().expect("a length"));
            assert_eq!(usize::try_from(length).expect("a length"), answer.len() - 4);
            assert_eq!(answer[4..8], 7_i32.to_be_bytes(), "the correlation id");
        }
    }
}

#[test]
fn a_frame_cut_short_is_refused_at_every_length() {
    for api in table::all() {
        let version = *api.versions.end();
        let whole = frame(api.key, version, &sample(api.key, version));
        for length in 0..whole.len() {
            assert!(open(whole.slice(..length), &directory()).is_err(), "{:?} cut at {length}", api.key);
        }
    }
}

#[test]
fn a_claim_of_two_billion_elements_is_refused_before_anything_is_reserved() {
    let mut body = BytesMut::new();
    body.put_i32(i32::MAX);
    assert!(open(frame(ApiKey::Metadata, 4, &body), &directory()).is_err());
    let body = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(open(frame(ApiKey::Metadata, 12, &body), &directory()).is_err());
}

#[test]
fn an_unserved_version_of_api_versions_is_answered_in_version_0() {
    let Ok(Call::Now(answer)) = open(frame(ApiKey::ApiVersions, 99, b"whatever"), &directory()) else {
        panic!("it is answered")
    };
    // Correlation id, UNSUPPORTED_VERSION, one API: 18, from 0 to 4.
    assert_eq!(answer[4..], [0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
}

#[test]
fn unserved_versions_and_keys_are_refused() {
    assert!(open(frame(ApiKey::Produce, 2, b""), &directory()).is_err());
    assert!(open(frame(ApiKey::Fetch, 17, b""), &directory()).is_err());
    assert!(open(frame(ApiKey::EndTxn, 3, b""), &directory()).is_err());
    assert!(open(Bytes::from_static(&[0x7f, 0xff, 0, 0, 0, 0, 0, 0]), &directory()).is_err());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(open(Bytes::from(bytes), &directory()));
    }

    #[test]
    fn random_bodies_under_a_good_header_never_panic(
        api in 0..table::all().len(),
        version in 0_i16..18,
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..100,
    ) {
        let key = table::all()[api].key;
        drop(open(frame(key, version, &noise), &directory()));
        // And a sound request in which some bytes have been overwritten.
        let served = &table::all()[api].versions;
        let version = version.clamp(*served.start(), *served.end());
        let mut body = sample(key, version).to_vec();
        for (offset, byte) in noise.iter().take(4).enumerate() {
            if let Some(slot) = body.get_mut(at + offset) {
                *slot = *byte;
            }
        }
        drop(open(frame(key, version, &body), &directory()));
    }
}
