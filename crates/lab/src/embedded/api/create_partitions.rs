//! CreatePartitions: grow topics; needs the controller.

use cluster::{BrokerId, CreatePartitions, Request, Response};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsAssignment;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(
    request: CreatePartitionsRequest,
    _version: i16,
) -> Exchange<CreatePartitionsResponse> {
    let topics = request.topics.into_iter().map(|topic| {
        let placed = topic.assignments.map(|placed| placed.iter().map(brokers).collect());
        (topic.name.to_string(), topic.count, placed)
    });
    let create = CreatePartitions {
        timeout: words::millis(request.timeout_ms),
        validate_only: request.validate_only,
        topics: topics.collect(),
    };
    Exchange::ask(Request::CreatePartitions(create), answer)
}

fn brokers(placed: &CreatePartitionsAssignment) -> Vec<BrokerId> {
    placed.broker_ids.iter().map(|id| BrokerId(id.0)).collect()
}

fn answer(response: Response, _: &Directory) -> CreatePartitionsResponse {
    let Response::CreatePartitions(grown) = response else { unreachable!("partitions are answered so") };
    let results = grown.iter().map(|(topic, error, message)| {
        CreatePartitionsTopicResult::default()
            .with_name(words::topic(topic))
            .with_error_code(error.code())
            .with_error_message(message.as_deref().map(words::text))
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}
