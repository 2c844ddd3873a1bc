//! Produce: batches in, offsets out; the new leader is told with a leadership error (KIP-951).
//!
//! Transactions are not served: a request with a transactional batch is refused whole. A transactional id by itself
//! does nothing, as in Kafka.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cluster::{Acks, ErrorCode, Produce, ProducePart, Request, Response, TopicRef};
use kafka_protocol::messages::produce_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::Exchange;
use super::words::{self, Directory};

/// Where the low byte of a batch's attributes lies, and its bit for transactions.
const ATTRIBUTES_AT: usize = 22;
const TRANSACTIONAL: u8 = 1 << 4;

/// From this version on topics are named by id.
const BY_ID_FROM: i16 = 13;

pub(super) fn exchange(request: ProduceRequest, version: i16) -> Exchange<ProduceResponse> {
    let named = request.transactional_id.is_some();
    let timeout = words::millis(request.timeout_ms);
    let acks = match request.acks {
        0 => Acks::None,
        1 => Acks::Leader,
        -1 => Acks::All,
        _ => Acks::Unheard,
    };
    let parts = parts(request, version);
    let transactional = parts.iter().any(|(.., batch)| is_transactional(batch));
    let received_ms = now_ms();
    match acks {
        _ if transactional && named => Exchange::Now(refuse_all(&parts, ErrorCode::InvalidRequest)),
        _ if transactional => {
            Exchange::Now(refuse_all(&parts, ErrorCode::TransactionalIdAuthorizationFailed))
        }
        Acks::None => {
            Exchange::Tell(Request::Produce(Produce { acks: Acks::None, timeout, received_ms, parts }))
        }
        acks => Exchange::ask(Request::Produce(Produce { acks, timeout, received_ms, parts }), answer),
    }
}

fn is_transactional(batch: &Bytes) -> bool {
    batch.get(ATTRIBUTES_AT).is_some_and(|attributes| attributes & TRANSACTIONAL != 0)
}

/// The wall clock, which the cluster has not.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn parts(request: ProduceRequest, version: i16) -> Vec<(TopicRef, i32, Bytes)> {
    let topics = request.topic_data.into_iter().flat_map(move |data| {
        let topic = words::reference(&data.name, data.topic_id, version >= BY_ID_FROM);
        data.partition_data
            .into_iter()
            .map(move |part| (topic.clone(), part.index, part.records.unwrap_or_default()))
    });
    topics.collect()
}

fn refuse_all(parts: &[(TopicRef, i32, Bytes)], error: ErrorCode) -> ProduceResponse {
    let refused = parts.iter().map(|(topic, index, _)| ProducePart {
        topic: topic.clone(),
        partition: *index,
        error,
        base_offset: -1,
        log_start_offset: -1,
        log_append_time: -1,
        current_leader: None,
    });
    ProduceResponse::default().with_responses(topics(refused.collect()))
}

fn answer(response: Response, directory: &Directory) -> ProduceResponse {
    let Response::Produce(parts) = response else { unreachable!("produce is answered by produce") };
    let endpoints = directory.leaders(parts.iter().filter_map(|part| part.current_leader)).map(|(id, at)| {
        NodeEndpoint::default()
            .with_node_id(id)
            .with_host(at.host.clone())
            .with_port(at.port)
            .with_rack(Some(at.zone.clone()))
    });
    let endpoints = endpoints.collect();
    ProduceResponse::default().with_node_endpoints(endpoints).with_responses(topics(parts))
}

fn topics(parts: Vec<ProducePart>) -> Vec<TopicProduceResponse> {
    let topics = words::by_topic(parts.into_iter().map(|part| (part.topic.clone(), partition(&part))));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        let (name, id) = words::name_and_id(&topic);
        TopicProduceResponse::default().with_name(name).with_topic_id(id).with_partition_responses(partitions)
    });
    topics.collect()
}

fn partition(part: &ProducePart) -> PartitionProduceResponse {
    let leader = part.current_leader.map(|leader| {
        LeaderIdAndEpoch::default()
            .with_leader_id(words::leader_id(leader.leader))
            .with_leader_epoch(leader.epoch)
    });
    PartitionProduceResponse::default()
        .with_index(part.partition)
        .with_error_code(part.error.code())
        .with_base_offset(part.base_offset)
        .with_log_append_time_ms(part.log_append_time)
        .with_log_start_offset(part.log_start_offset)
        .with_current_leader(leader.unwrap_or_default())
}
