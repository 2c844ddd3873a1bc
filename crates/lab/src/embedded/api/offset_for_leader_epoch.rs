//! OffsetForLeaderEpoch: where an epoch ended, for clients that check for truncation.

use cluster::{EpochEnd, Request, Response};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(
    request: OffsetForLeaderEpochRequest,
    _: i16,
) -> Exchange<OffsetForLeaderEpochResponse> {
    let mut asked = Vec::new();
    for topic in request.topics {
        let name = words::name(&topic.topic);
        asked.extend(topic.partitions.into_iter().map(|part| EpochEnd {
            partition: words::partition(&name, part.partition),
            current_epoch: words::epoch(part.current_leader_epoch),
            epoch: part.leader_epoch,
        }));
    }
    Exchange::ask(Request::OffsetForLeaderEpoch(asked), answer)
}

fn answer(response: Response, _: &Directory) -> OffsetForLeaderEpochResponse {
    let Response::OffsetForLeaderEpoch(ends) = response else {
        unreachable!("epochs are answered by epochs")
    };
    let topics = words::by_topic(ends.into_iter().map(|(partition, end)| {
        let message = EpochEndOffset::default().with_partition(partition.partition);
        let message = match end {
            Ok((epoch, offset)) => message.with_leader_epoch(epoch).with_end_offset(offset),
            Err(error) => message.with_error_code(error.code()),
        };
        (partition.topic, message)
    }));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetForLeaderTopicResult::default().with_topic(words::topic(&topic)).with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}
