//! ElectLeaders: preferred or unclean elections; needs the controller.

use cluster::{ElectLeaders, Election, Request, Response};
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(request: ElectLeadersRequest, _version: i16) -> Exchange<ElectLeadersResponse> {
    // Before version 1 there is no type, and the codec's default is 0.
    let election = match request.election_type {
        0 => Election::Preferred,
        1 => Election::Unclean,
        _ => Election::Unknown,
    };
    let topics = request.topic_partitions.map(|topics| {
        topics.into_iter().map(|topic| (words::name(&topic.topic), topic.partitions)).collect()
    });
    Exchange::ask(Request::ElectLeaders(ElectLeaders { election, topics }), answer)
}

fn answer(response: Response, _: &Directory) -> ElectLeadersResponse {
    let Response::ElectLeaders(error, topics) = response else { unreachable!("elections are answered so") };
    let topics = topics.into_iter().map(|(topic, partitions)| {
        let results = partitions.into_iter().map(|(index, error)| {
            PartitionResult::default()
                .with_partition_id(index)
                .with_error_code(error.code())
                .with_error_message(None)
        });
        ReplicaElectionResult::default()
            .with_topic(words::topic(&topic))
            .with_partition_result(results.collect())
    });
    ElectLeadersResponse::default()
        .with_error_code(error.code())
        .with_replica_election_results(topics.collect())
}
