//! ListOffsets: earliest, latest, by time, and the record with the largest timestamp (version 7).

use cluster::{ErrorCode, ListOffset, ListedOffset, OffsetAt, Request, Response, TopicPartition};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::Exchange;
use super::words;

pub(super) fn exchange(request: ListOffsetsRequest, version: i16) -> Exchange<ListOffsetsResponse> {
    let mut asked = Vec::new();
    let mut refused = Vec::new();
    for topic in request.topics {
        let name = words::name(&topic.name);
        for part in topic.partitions {
            let partition = words::partition(&name, part.partition_index);
            match at(part.timestamp, version) {
                Some(at) => {
                    let leader_epoch = words::epoch(part.current_leader_epoch);
                    asked.push(ListOffset { partition, leader_epoch, at });
                }
                None => refused.push(refuse(partition)),
            }
        }
    }
    Exchange::ask(Request::ListOffsets(asked), move |response, _| {
        let Response::ListOffsets(listed) = response else { unreachable!("offsets are answered by offsets") };
        answer(listed, refused, version)
    })
}

fn at(timestamp: i64, version: i16) -> Option<OffsetAt> {
    match timestamp {
        -1 => Some(OffsetAt::Latest),
        -2 => Some(OffsetAt::Earliest),
        -3 if version >= 7 => Some(OffsetAt::MaxTimestamp),
        0.. => Some(OffsetAt::Timestamp(timestamp)),
        _ => None,
    }
}

fn refuse(partition: TopicPartition) -> ListedOffset {
    ListedOffset {
        partition,
        error: ErrorCode::UnsupportedVersion,
        timestamp: -1,
        offset: -1,
        leader_epoch: -1,
    }
}

fn answer(listed: Vec<ListedOffset>, refused: Vec<ListedOffset>, version: i16) -> ListOffsetsResponse {
    let parts = listed.into_iter().chain(refused);
    let topics = words::by_topic(parts.map(|part| {
        let message = ListOffsetsPartitionResponse::default()
            .with_partition_index(part.partition.partition)
            .with_error_code(part.error.code())
            .with_timestamp(part.timestamp)
            .with_offset(part.offset)
            .with_leader_epoch(if version >= 4 { part.leader_epoch } else { -1 });
        (part.partition.topic, message)
    }));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        ListOffsetsTopicResponse::default().with_name(words::topic(&topic)).with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}
