//! Administration while something is broken: a new topic.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use super::clients;
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::Ground;

/// How long the brokers may take, and how long the client waits.
const OPERATION: Duration = Duration::from_secs(4);
const REQUEST: Duration = Duration::from_secs(6);

/// Creates a topic with three replicas.
///
/// # Errors
/// What librdkafka says to the settings.
pub async fn create_topic(ground: &Ground) -> anyhow::Result<Vec<Seen>> {
    let admin: AdminClient<DefaultClientContext> = clients::plain(&ground.lab.bootstrap()).create()?;
    let options = AdminOptions::new().operation_timeout(Some(OPERATION)).request_timeout(Some(REQUEST));
    let topic = NewTopic::new("new", 1, TopicReplication::Fixed(3));
    let asked = Instant::now();
    let answer = tokio::time::timeout(REQUEST + OPERATION, admin.create_topics([&topic], &options)).await;
    let class = match answer {
        Err(_) => Class::never(),
        Ok(Err(error)) => clients::class(&error),
        Ok(Ok(created)) => match created.into_iter().next() {
            Some(Ok(_)) => Class::ok(),
            Some(Err((_, code))) => Class::error(format!("{code:?}")),
            None => Class::word("no answer for the topic"),
        },
    };
    let took = asked.elapsed();
    clients::let_go(admin);
    Ok(vec![ground.seen("CreateTopics, three replicas", class).took(took)])
}
