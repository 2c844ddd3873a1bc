//! Raw questions: what a broker says before a client library makes up its mind about it.

use std::io;
use std::time::{Duration, Instant};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use kafka_protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use kafka_protocol::messages::metadata_response::MetadataResponse;
use kafka_protocol::messages::produce_request::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kafka_protocol::messages::{MetadataResponse as Metadata, TopicName};
use kafka_protocol::protocol::StrBytes;
use lab::wire::{Batch, Connection, Entry, WireError};

use super::clients::Acks;
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, ROLES, Role};

/// Versions that both backends have: Apache Kafka 4.3 and the embedded cluster.
const METADATA: i16 = 12;
const FIND_COORDINATOR: i16 = 4;
const PRODUCE: i16 = 11;

/// How long the broker may wait for the replicas.
const ACKS_WITHIN: Duration = Duration::from_secs(1);

/// How long an answer may take: the broker's wait, and as much again for a busy machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// An error code by its name.
#[must_use]
pub fn error_name(code: i16) -> String {
    let named = ResponseError::try_from_code(code);
    named.map_or_else(|| "NONE".to_owned(), |error| screaming(&format!("{error:?}")))
}

/// `NotEnoughReplicas` as the protocol writes it: `NOT_ENOUGH_REPLICAS`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

/// Why there was no answer, as a class.
#[must_use]
pub fn silence(error: &WireError) -> Class {
    match error {
        WireError::TimedOut(_) => Class::times_out(),
        WireError::Closed => Class::word("closed"),
        WireError::Io(error) => no_connection(error),
        other => Class::error(other),
    }
}

fn no_connection(error: &io::Error) -> Class {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Class::refused(),
        io::ErrorKind::TimedOut => Class::times_out(),
        kind => Class::error(kind),
    }
}

/// What metadata says about the topics of the roles.
pub async fn metadata(connection: &mut Connection, within: Duration) -> Result<Metadata, WireError> {
    let topic = |name| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let request = MetadataRequest::default().with_topics(Some(["t", "pair", "solo"].map(topic).to_vec()));
    connection.ask(METADATA, &request, within).await
}

/// The leader and the in-sync set of a role, in words: (`2`, `{1,2,3}`); with the error's name where there is one.
#[must_use]
pub fn leader_and_isr(metadata: &MetadataResponse, role: Role) -> Option<(String, String)> {
    let named = |name: &Option<TopicName>| name.as_ref().is_some_and(|name| name.as_str() == role.topic);
    let topic = metadata.topics.iter().find(|topic| named(&topic.name))?;
    let partition = topic.partitions.iter().find(|known| known.partition_index == role.partition)?;
    let mut isr: Vec<i32> = partition.isr_nodes.iter().map(|node| node.0).collect();
    isr.sort_unstable();
    let isr = isr.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let leader = match partition.error_code {
        0 => partition.leader_id.0.to_string(),
        code => format!("{} {}", partition.leader_id.0, error_name(code)),
    };
    Some((leader, format!("{{{isr}}}")))
}

/// Who coordinates a group, in words: a broker's id or an error's name.
pub async fn coordinator(
    connection: &mut Connection,
    group: &str,
    within: Duration,
) -> Result<String, WireError> {
    let keys = vec![StrBytes::from_string(group.to_owned())];
    let request = FindCoordinatorRequest::default().with_key_type(0).with_coordinator_keys(keys);
    let found = connection.ask(FIND_COORDINATOR, &request, within).await?;
    let first = found.coordinators.first();
    Ok(first.map_or_else(
        || "no answer for the group".to_owned(),
        |first| match first.error_code {
            0 => first.node_id.0.to_string(),
            code => error_name(code),
        },
    ))
}

/// Produces one record to the broker that led each role before anything broke, with `acks=all` and `acks=1`.
pub async fn produce_all(ground: &Ground) -> Vec<Seen> {
    let each = ROLES.into_iter().flat_map(|role| [(role, Acks::All), (role, Acks::One)]);
    futures::future::join_all(each.map(|(role, acks)| async move {
        let asked = Instant::now();
        let class = produce(&ground.address(role.leader), role, acks).await;
        let cell = format!("raw produce {}, {role}, to broker {}", acks.label(), role.leader);
        ground.seen(cell, class).took(asked.elapsed())
    }))
    .await
}

async fn produce(address: &str, role: Role, acks: Acks) -> Class {
    let mut connection = match tokio::time::timeout(ANSWER_WITHIN, Connection::open(address)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return no_connection(&error),
        Err(_) => return Class::times_out(),
    };
    let acks = if acks == Acks::One { 1 } else { -1 };
    match connection.ask(PRODUCE, &request(role, acks), ANSWER_WITHIN).await {
        Err(error) => silence(&error),
        Ok(answer) => {
            let code = answer.responses.first().and_then(|topic| topic.partition_responses.first());
            match code.map(|partition| partition.error_code) {
                Some(0) => Class::ok(),
                Some(code) => Class::error(error_name(code)),
                None => Class::word("no answer for the partition"),
            }
        }
    }
}

fn request(role: Role, acks: i16) -> ProduceRequest {
    let batch = Batch::of([Entry::value("raw")]).encode().expect("a plain record has a form");
    let partition = PartitionProduceData::default().with_index(role.partition).with_records(Some(batch));
    let topic =
        TopicProduceData::default().with_name(topic_name(role.topic)).with_partition_data(vec![partition]);
    let within = i32::try_from(ACKS_WITHIN.as_millis()).expect("a second fits");
    ProduceRequest::default().with_acks(acks).with_timeout_ms(within).with_topic_data(vec![topic])
}

fn topic_name(name: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_protocols_names() {
        assert_eq!(error_name(19), "NOT_ENOUGH_REPLICAS");
        assert_eq!(error_name(5), "LEADER_NOT_AVAILABLE");
        assert_eq!(error_name(0), "NONE");
    }
}
