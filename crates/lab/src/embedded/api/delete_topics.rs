//! DeleteTopics: by name before version 6, by name or id from then on; needs the controller.

use cluster::{Request, Response, TopicRef};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use uuid::Uuid;

use super::Exchange;
use super::words;

/// From this version on topics have ids here.
const IDS_FROM: i16 = 6;

pub(super) fn exchange(request: DeleteTopicsRequest, version: i16) -> Exchange<DeleteTopicsResponse> {
    let topics = if version >= IDS_FROM {
        let topics = request.topics.into_iter().map(|topic| match topic.name {
            Some(name) => TopicRef::Name(words::name(&name)),
            None => TopicRef::Id(topic.topic_id.as_u128()),
        });
        topics.collect()
    } else {
        request.topic_names.iter().map(|name| TopicRef::Name(words::name(name))).collect()
    };
    Exchange::ask(Request::DeleteTopics(topics, words::millis(request.timeout_ms)), move |response, _| {
        answer(response, version)
    })
}

fn answer(response: Response, version: i16) -> DeleteTopicsResponse {
    let Response::DeleteTopics(deleted) = response else { unreachable!("topics are answered by topics") };
    let results = deleted.iter().map(|topic| {
        DeletableTopicResult::default()
            .with_name(topic.name.as_deref().map(words::topic))
            .with_topic_id(Uuid::from_u128(if version >= IDS_FROM { topic.id } else { 0 }))
            .with_error_code(topic.error.code())
    });
    DeleteTopicsResponse::default().with_responses(results.collect())
}
