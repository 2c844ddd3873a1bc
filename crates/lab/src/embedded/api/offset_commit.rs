//! OffsetCommit: where a group is.

use cluster::{Committed, OffsetCommit, Request, Response};
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(request: OffsetCommitRequest, _version: i16) -> Exchange<OffsetCommitResponse> {
    let who = words::member(
        &request.group_id,
        request.generation_id_or_member_epoch,
        &request.member_id,
        request.group_instance_id.as_ref(),
    );
    let mut offsets = Vec::new();
    for topic in request.topics {
        let name = words::name(&topic.name);
        offsets.extend(topic.partitions.into_iter().map(|part| {
            let committed = Committed {
                offset: part.committed_offset,
                leader_epoch: part.committed_leader_epoch,
                metadata: part.committed_metadata.map(|note| note.to_string()).unwrap_or_default(),
            };
            (words::partition(&name, part.partition_index), committed)
        }));
    }
    Exchange::ask(Request::OffsetCommit(OffsetCommit { who, offsets }), answer)
}

fn answer(response: Response, _: &Directory) -> OffsetCommitResponse {
    let Response::OffsetCommit(parts) = response else { unreachable!("a commit is answered by a commit") };
    let topics = words::by_topic(parts.into_iter().map(|(partition, error)| {
        let message = OffsetCommitResponsePartition::default()
            .with_partition_index(partition.partition)
            .with_error_code(error.code());
        (partition.topic, message)
    }));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetCommitResponseTopic::default().with_name(words::topic(&topic)).with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}
