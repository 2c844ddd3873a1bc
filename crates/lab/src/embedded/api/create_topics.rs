//! CreateTopics: needs the controller.

use cluster::{BrokerId, CreateTopics, CreatedTopic, NewReplicas, NewTopic, Request, Response};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};
use uuid::Uuid;

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(request: CreateTopicsRequest, _version: i16) -> Exchange<CreateTopicsResponse> {
    let create = CreateTopics {
        timeout: words::millis(request.timeout_ms),
        validate_only: request.validate_only,
        topics: request.topics.into_iter().map(topic).collect(),
    };
    Exchange::ask(Request::CreateTopics(create), answer)
}

fn topic(asked: CreatableTopic) -> NewTopic {
    let (partitions, replication_factor) = (asked.num_partitions, asked.replication_factor);
    let replicas = if asked.assignments.is_empty() {
        NewReplicas::Counts { partitions, replication_factor }
    } else if (partitions, replication_factor) != (-1, -1) {
        NewReplicas::Both
    } else {
        let assignments = asked
            .assignments
            .iter()
            .map(|a| (a.partition_index, a.broker_ids.iter().map(|id| BrokerId(id.0)).collect()));
        NewReplicas::Explicit(assignments.collect())
    };
    let configs =
        asked.configs.iter().map(|c| (c.name.to_string(), c.value.as_ref().map(ToString::to_string)));
    NewTopic { name: asked.name.to_string(), replicas, configs: configs.collect() }
}

fn answer(response: Response, _: &Directory) -> CreateTopicsResponse {
    let Response::CreateTopics(created) = response else { unreachable!("topics are answered by topics") };
    CreateTopicsResponse::default().with_topics(created.iter().map(result).collect())
}

fn result(created: &CreatedTopic) -> CreatableTopicResult {
    CreatableTopicResult::default()
        .with_name(words::topic(&created.name))
        .with_topic_id(Uuid::from_u128(created.id))
        .with_error_code(created.error.code())
        .with_error_message(created.message.as_deref().map(words::text))
        .with_num_partitions(created.partitions)
        .with_replication_factor(created.replication_factor)
}
