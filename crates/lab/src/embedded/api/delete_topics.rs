//! DeleteTopics: by name before version 6, by name or id from then on; needs the controller.

use cluster::{Request, Response, TopicRef};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use uuid::Uuid;

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(request: DeleteTopicsRequest, version: i16) -> Exchange<DeleteTopicsResponse> {
    let topics = if version >= 6 {
        let topics = request.topics.into_iter().map(|topic| match topic.name {
            Some(name) => TopicRef::Name(words::name(&name)),
            None => TopicRef::Id(topic.topic_id.as_u128()),
        });
        topics.collect()
    } else {
        request.topic_names.iter().map(|name| TopicRef::Name(words::name(name))).collect()
    };
    Exchange::ask(Request::DeleteTopics(topics, words::millis(request.timeout_ms)), answer)
}

fn answer(response: Response, _: &Directory) -> DeleteTopicsResponse {
    let Response::DeleteTopics(deleted) = response else { unreachable!("topics are answered by topics") };
    let results = deleted.iter().map(|(topic, error)| {
        let result = DeletableTopicResult::default().with_error_code(error.code());
        match topic {
            TopicRef::Name(name) => result.with_name(Some(words::topic(name))),
            TopicRef::Id(id) => result.with_name(None).with_topic_id(Uuid::from_u128(*id)),
        }
    });
    DeleteTopicsResponse::default().with_responses(results.collect())
}
