//! CreateTopics: needs the controller.

use cluster::{BrokerId, CreateTopics, CreatedTopic, NewReplicas, NewTopic, Request, Response};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};
use uuid::Uuid;

use super::Exchange;
use super::describe_configs::source;
use super::words;

/// From this version on the settings of a new topic are told.
const CONFIGS_FROM: i16 = 5;

pub(super) fn exchange(request: CreateTopicsRequest, version: i16) -> Exchange<CreateTopicsResponse> {
    let create = CreateTopics {
        timeout: words::millis(request.timeout_ms),
        validate_only: request.validate_only,
        topics: request.topics.into_iter().map(topic).collect(),
    };
    Exchange::ask(Request::CreateTopics(create), move |response, _| answer(response, version))
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

fn answer(response: Response, version: i16) -> CreateTopicsResponse {
    let Response::CreateTopics(created) = response else { unreachable!("topics are answered by topics") };
    CreateTopicsResponse::default().with_topics(created.iter().map(|topic| result(topic, version)).collect())
}

fn result(created: &CreatedTopic, version: i16) -> CreatableTopicResult {
    CreatableTopicResult::default()
        .with_name(words::topic(&created.name))
        .with_topic_id(Uuid::from_u128(created.id))
        .with_error_code(created.error.code())
        .with_error_message(created.message.as_deref().map(words::text))
        .with_num_partitions(created.partitions)
        .with_replication_factor(created.replication_factor)
        .with_configs(Some(created.configs.iter().map(config).collect()).filter(|_| version >= CONFIGS_FROM))
}

fn config((name, value, default): &(String, String, bool)) -> CreatableTopicConfigs {
    CreatableTopicConfigs::default()
        .with_name(words::text(name))
        .with_value(Some(words::text(value)))
        .with_config_source(source(*default))
}
