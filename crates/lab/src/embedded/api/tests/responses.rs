//! A response to every request.

use std::sync::Arc;

use bytes::Bytes;
use cluster::{BrokerId, ErrorCode, Request, Response, TopicPartition, TopicRef};

/// A response with something in every list.
pub(super) fn response(request: &Request) -> Response {
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
                    log_append_time: -1,
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
                    configs: vec![("segment.ms".to_owned(), "1".to_owned(), false)],
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
            let deleted = |_: &TopicRef| cluster::DeletedTopic {
                name: Some("orders".into()),
                id: 5,
                error: ErrorCode::None,
            };
            Response::DeleteTopics(topics.iter().map(deleted).collect())
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
