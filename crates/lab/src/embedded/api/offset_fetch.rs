//! OffsetFetch: what groups have committed; one group before version 8, several from then on.

use cluster::{Committed, ErrorCode, OffsetFetch, Request, Response, TopicPartition};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse, TopicName};

use super::Exchange;
use super::words;

type Offsets = Vec<(TopicPartition, Option<Committed>)>;

pub(super) fn exchange(request: OffsetFetchRequest, version: i16) -> Exchange<OffsetFetchResponse> {
    let asked = if version >= 8 { several(request) } else { vec![single(request)] };
    // Before version 2 there was no place for a group's error; its partitions had to carry it.
    let named = asked.first().and_then(|group| group.partitions.clone()).unwrap_or_default();
    Exchange::ask(Request::OffsetFetch(asked), move |response, _| {
        let Response::OffsetFetch(mut groups) = response else {
            unreachable!("offsets are answered by offsets")
        };
        if version >= 8 {
            return OffsetFetchResponse::default().with_groups(groups.into_iter().map(group).collect());
        }
        match groups.pop() {
            Some((_, Ok(offsets))) => {
                OffsetFetchResponse::default().with_topics(topics(offsets, ErrorCode::None))
            }
            Some((_, Err(error))) if version >= 2 => {
                OffsetFetchResponse::default().with_error_code(error.code())
            }
            Some((_, Err(error))) => {
                let offsets = named.into_iter().map(|partition| (partition, None)).collect();
                OffsetFetchResponse::default().with_topics(topics(offsets, error))
            }
            None => OffsetFetchResponse::default(),
        }
    })
}

fn single(request: OffsetFetchRequest) -> OffsetFetch {
    let topics = request.topics.map(|topics| topics.into_iter().map(|t| (t.name, t.partition_indexes)));
    OffsetFetch {
        group: request.group_id.to_string(),
        partitions: topics.map(partitions),
        require_stable: request.require_stable,
    }
}

fn several(request: OffsetFetchRequest) -> Vec<OffsetFetch> {
    let require_stable = request.require_stable;
    let groups = request.groups.into_iter().map(|group| {
        let topics = group.topics.map(|topics| topics.into_iter().map(|t| (t.name, t.partition_indexes)));
        OffsetFetch { group: group.group_id.to_string(), partitions: topics.map(partitions), require_stable }
    });
    groups.collect()
}

fn partitions(topics: impl Iterator<Item = (TopicName, Vec<i32>)>) -> Vec<TopicPartition> {
    let partitions = topics.flat_map(|(topic, indexes)| {
        let name = words::name(&topic);
        indexes.into_iter().map(move |index| words::partition(&name, index))
    });
    partitions.collect()
}

fn topics(offsets: Offsets, error: ErrorCode) -> Vec<OffsetFetchResponseTopic> {
    let topics = words::by_topic(offsets.into_iter().map(|(partition, committed)| {
        let (offset, epoch, note) = spelled(committed);
        let message = OffsetFetchResponsePartition::default()
            .with_partition_index(partition.partition)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(epoch)
            .with_metadata(Some(words::text(&note)))
            .with_error_code(error.code());
        (partition.topic, message)
    }));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetFetchResponseTopic::default().with_name(words::topic(&topic)).with_partitions(partitions)
    });
    topics.collect()
}

fn group((group, offsets): (String, Result<Offsets, ErrorCode>)) -> OffsetFetchResponseGroup {
    let message = OffsetFetchResponseGroup::default().with_group_id(words::text(&group).into());
    let offsets = match offsets {
        Ok(offsets) => offsets,
        Err(error) => return message.with_error_code(error.code()),
    };
    let topics = words::by_topic(offsets.into_iter().map(|(partition, committed)| {
        let (offset, epoch, note) = spelled(committed);
        let message = OffsetFetchResponsePartitions::default()
            .with_partition_index(partition.partition)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(epoch)
            .with_metadata(Some(words::text(&note)));
        (partition.topic, message)
    }));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetFetchResponseTopics::default().with_name(words::topic(&topic)).with_partitions(partitions)
    });
    message.with_topics(topics.collect())
}

/// Offset, leader epoch and note; "nothing committed" is offset -1.
fn spelled(committed: Option<Committed>) -> (i64, i32, String) {
    committed.map_or((-1, -1, String::new()), |c| (c.offset, c.leader_epoch, c.metadata))
}
