//! Fetch: batches out. Fetch sessions (KIP-227) are not kept: every answer says session 0, which tells a client
//! to name all its partitions each time, and a request for another session is told that there is none.
//!
//! Without transactions the last stable offset is the high watermark and nothing is ever aborted.

use bytes::{Bytes, BytesMut};
use cluster::{Fetch, FetchPart, FetchedPart, Request, Response};
use kafka_protocol::messages::fetch_response::{
    FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
};
use kafka_protocol::messages::{FetchRequest, FetchResponse};

use super::Exchange;
use super::words::{self, Directory};

/// From this version on topics are named by id.
const BY_ID_FROM: i16 = 13;

/// From this version on a client says where it is, and any replica may answer it.
const FROM_FOLLOWERS: i16 = 11;

/// The protocol's number for "no such fetch session".
const FETCH_SESSION_ID_NOT_FOUND: i16 = 70;

pub(super) fn exchange(request: FetchRequest, version: i16) -> Exchange<FetchResponse> {
    if version >= 7 && request.session_id != 0 {
        return Exchange::Now(FetchResponse::default().with_error_code(FETCH_SESSION_ID_NOT_FOUND));
    }
    let fetch = Fetch {
        max_wait: words::millis(request.max_wait_ms),
        min_bytes: words::size(request.min_bytes),
        max_bytes: words::size(request.max_bytes),
        from_followers: version >= FROM_FOLLOWERS,
        parts: parts(request, version),
    };
    Exchange::ask(Request::Fetch(fetch), answer)
}

fn parts(request: FetchRequest, version: i16) -> Vec<FetchPart> {
    let parts = request.topics.into_iter().flat_map(move |asked| {
        let topic = words::reference(&asked.topic, asked.topic_id, version >= BY_ID_FROM);
        asked.partitions.into_iter().map(move |part| FetchPart {
            topic: topic.clone(),
            partition: part.partition,
            offset: part.fetch_offset,
            // Unlike elsewhere, every number below 0 means "not known".
            leader_epoch: words::epoch(part.current_leader_epoch.max(-1)),
            max_bytes: words::size(part.partition_max_bytes),
        })
    });
    parts.collect()
}

fn answer(response: Response, directory: &Directory) -> FetchResponse {
    let Response::Fetch(parts) = response else { unreachable!("fetch is answered by fetch") };
    let endpoints = directory.leaders(parts.iter().filter_map(|part| part.current_leader)).map(|(id, at)| {
        NodeEndpoint::default()
            .with_node_id(id)
            .with_host(at.host.clone())
            .with_port(at.port)
            .with_rack(Some(at.zone.clone()))
    });
    let endpoints = endpoints.collect();
    let topics = words::by_topic(parts.into_iter().map(|part| (part.topic.clone(), partition(part))));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        let (name, id) = words::name_and_id(&topic);
        FetchableTopicResponse::default().with_topic(name).with_topic_id(id).with_partitions(partitions)
    });
    FetchResponse::default().with_node_endpoints(endpoints).with_responses(topics.collect())
}

fn partition(part: FetchedPart) -> PartitionData {
    let leader = part.current_leader.map(|leader| {
        LeaderIdAndEpoch::default()
            .with_leader_id(words::leader_id(leader.leader))
            .with_leader_epoch(leader.epoch)
    });
    PartitionData::default()
        .with_partition_index(part.partition)
        .with_error_code(part.error.code())
        .with_high_watermark(part.high_watermark)
        .with_last_stable_offset(part.high_watermark)
        .with_log_start_offset(part.log_start_offset)
        .with_aborted_transactions(None)
        .with_current_leader(leader.unwrap_or_default())
        .with_records(Some(joined(part.batches)))
}

fn joined(mut batches: Vec<Bytes>) -> Bytes {
    if batches.len() == 1 {
        return batches.remove(0);
    }
    let mut records = BytesMut::with_capacity(batches.iter().map(Bytes::len).sum());
    for batch in batches {
        records.extend_from_slice(&batch);
    }
    records.freeze()
}
