//! ListPartitionReassignments: the moves that are not over; needs the controller.

use cluster::{Request, Response};
use kafka_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kafka_protocol::messages::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(
    request: ListPartitionReassignmentsRequest,
    _version: i16,
) -> Exchange<ListPartitionReassignmentsResponse> {
    let asked = request.topics.map(|topics| {
        let partitions = topics.into_iter().flat_map(|topic| {
            let name = words::name(&topic.name);
            topic.partition_indexes.into_iter().map(move |index| words::partition(&name, index))
        });
        partitions.collect()
    });
    Exchange::ask(Request::ListMoves(asked), answer)
}

fn answer(response: Response, _: &Directory) -> ListPartitionReassignmentsResponse {
    let Response::ListMoves(error, moves) = response else { unreachable!("moves are answered by moves") };
    let topics = words::by_topic(moves.into_iter().map(|one| {
        let part = OngoingPartitionReassignment::default()
            .with_partition_index(one.partition.partition)
            .with_replicas(words::broker_ids(&one.replicas))
            .with_adding_replicas(words::broker_ids(&one.adding))
            .with_removing_replicas(words::broker_ids(&one.removing));
        (one.partition.topic, part)
    }));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OngoingTopicReassignment::default().with_name(words::topic(&topic)).with_partitions(partitions)
    });
    ListPartitionReassignmentsResponse::default()
        .with_error_code(error.code())
        .with_error_message(None)
        .with_topics(topics.collect())
}
