//! DeleteRecords: move the log start offset.

use cluster::{Request, Response};
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(request: DeleteRecordsRequest, _version: i16) -> Exchange<DeleteRecordsResponse> {
    let mut before = Vec::new();
    for topic in request.topics {
        let name = words::name(&topic.name);
        let partitions = topic.partitions.into_iter();
        before.extend(partitions.map(|part| (words::partition(&name, part.partition_index), part.offset)));
    }
    Exchange::ask(Request::DeleteRecords(before), answer)
}

fn answer(response: Response, _: &Directory) -> DeleteRecordsResponse {
    let Response::DeleteRecords(deleted) = response else { unreachable!("records are answered by records") };
    let topics = words::by_topic(deleted.into_iter().map(|(partition, start)| {
        let message = DeleteRecordsPartitionResult::default().with_partition_index(partition.partition);
        let message = match start {
            Ok(offset) => message.with_low_watermark(offset),
            Err(error) => message.with_low_watermark(-1).with_error_code(error.code()),
        };
        (partition.topic, message)
    }));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        DeleteRecordsTopicResult::default().with_name(words::topic(&topic)).with_partitions(partitions)
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}
