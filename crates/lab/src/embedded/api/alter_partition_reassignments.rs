//! AlterPartitionReassignments: move partitions to other brokers; needs the controller.

use cluster::{BrokerId, MovePartitions, Request, Response};
use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse};

use super::Exchange;
use super::words;

/// From this version on a request may say that a partition keeps the number of its replicas.
const FACTOR_FROM: i16 = 1;

pub(super) fn exchange(
    request: AlterPartitionReassignmentsRequest,
    version: i16,
) -> Exchange<AlterPartitionReassignmentsResponse> {
    let factor_may_change = version < FACTOR_FROM || request.allow_replication_factor_change;
    let mut partitions = Vec::new();
    for topic in request.topics {
        let name = words::name(&topic.name);
        partitions.extend(topic.partitions.into_iter().map(|part| {
            let to = part.replicas.map(|brokers| brokers.iter().map(|id| BrokerId(id.0)).collect());
            (words::partition(&name, part.partition_index), to)
        }));
    }
    let request = Request::MovePartitions(MovePartitions { factor_may_change, partitions });
    Exchange::ask(request, move |response, _| answer(response, factor_may_change))
}

fn answer(response: Response, factor_may_change: bool) -> AlterPartitionReassignmentsResponse {
    let Response::MovePartitions(error, parts) = response else { unreachable!("moves are answered so") };
    let topics = words::by_topic(parts.into_iter().map(|(partition, error, message)| {
        let part = ReassignablePartitionResponse::default()
            .with_partition_index(partition.partition)
            .with_error_code(error.code())
            .with_error_message(message.as_deref().map(words::text));
        (partition.topic, part)
    }));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        ReassignableTopicResponse::default().with_name(words::topic(&topic)).with_partitions(partitions)
    });
    AlterPartitionReassignmentsResponse::default()
        .with_allow_replication_factor_change(factor_may_change)
        .with_error_code(error.code())
        .with_error_message(None)
        .with_responses(topics.collect())
}
