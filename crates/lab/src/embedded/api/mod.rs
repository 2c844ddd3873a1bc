//! The Kafka protocol on one side, the state machine's own words on the other.
//!
//! One file per API turns a decoded request into a [`cluster::Request`] and a [`cluster::Response`] into the
//! answer's message; [`table`] says which versions of which API are served, and is what `ApiVersions` answers with.
//! Record batches pass through as bytes.
//!
//! Invariants: nothing here keeps state; a frame that is not a request of the table is a [`BadFrame`] and asks
//! the cluster nothing; no frame makes the codec allocate more than a small multiple of the frame's own length
//! ([`shape`] walks it first, because the generated decoders reserve as many elements as a frame *claims*).
//!
//! Sources: the message schemas of Apache Kafka 4.x as generated into `kafka-protocol`, and Kafka's
//! `ApiVersionsRequest` for the one API that is answered in a version the client did not ask for.

mod api_versions;
mod create_partitions;
mod create_topics;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod metadata;
mod offset_commit;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod shape;
mod sync_group;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable};

pub(super) use words::{Directory, Endpoint};

/// The longest request frame that is read, in bytes. Kafka's `socket.request.max.bytes` is 100 MiB; a batch here
/// is at most about 1 MiB, and a frame is held in memory while it is read.
pub(super) const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a connection is closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadFrame {
    #[error("a frame of {0} bytes (allowed: 0 to {FRAME_BYTES_MAX})")]
    Length(i32),
    #[error("no room for a request header")]
    Header,
    #[error("API key {0} is not served")]
    UnknownKey(i16),
    #[error("{api:?} version {version} is not served (served: {min} to {max})")]
    UnknownVersion { api: ApiKey, version: i16, min: i16, max: i16 },
    #[error("{api:?} version {version} cannot be decoded: {reason}")]
    Undecodable { api: ApiKey, version: i16, reason: String },
    #[error("the answer to {api:?} version {version} cannot be encoded: {reason}")]
    Unanswerable { api: ApiKey, version: i16, reason: String },
}

/// Turns the cluster's response into the answer's frame, length prefix included.
pub(super) type Answer = Box<dyn FnOnce(cluster::Response) -> Result<Bytes, BadFrame> + Send>;

/// What a frame calls for.
pub(super) enum Call {
    /// An answer that needs no cluster.
    Now(Bytes),
    /// Ask the cluster, then answer.
    Ask { client_id: String, request: cluster::Request, answer: Answer },
    /// Tell the cluster; the client wants no answer, and its connection is closed if the request is refused.
    Tell { client_id: String, request: cluster::Request },
}

/// Turns the cluster's response into the answer's message.
type Message<R> = Box<dyn FnOnce(cluster::Response, &Directory) -> R + Send>;

/// What an API makes of a request; `R` is its response message.
enum Exchange<R> {
    Now(R),
    Ask(cluster::Request, Message<R>),
    Tell(cluster::Request),
}

impl<R> Exchange<R> {
    fn ask(
        request: cluster::Request,
        answer: impl FnOnce(cluster::Response, &Directory) -> R + Send + 'static,
    ) -> Self {
        Self::Ask(request, Box::new(answer))
    }
}

/// A request whose header has been read and whose body has the right shape.
struct Frame {
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    client_id: String,
    body: Bytes,
    directory: Arc<Directory>,
}

/// Reads one frame (without its length prefix).
pub(super) fn open(frame: Bytes, directory: &Arc<Directory>) -> Result<Call, BadFrame> {
    let (key, version) = match frame.as_ref() {
        [a, b, c, d, ..] => (i16::from_be_bytes([*a, *b]), i16::from_be_bytes([*c, *d])),
        _ => return Err(BadFrame::Header),
    };
    let entry = table::find(key).ok_or(BadFrame::UnknownKey(key))?;
    let api = entry.key;
    let served = entry.versions.contains(&version);
    if !served && api != ApiKey::ApiVersions {
        let (min, max) = (*entry.versions.start(), *entry.versions.end());
        return Err(BadFrame::UnknownVersion { api, version, min, max });
    }
    let mut body = frame;
    let header = RequestHeader::decode(&mut body, api.request_header_version(version))
        .map_err(|e| BadFrame::Undecodable { api, version, reason: e.to_string() })?;
    let client_id = header.client_id.map(|id| id.to_string()).unwrap_or_default();
    if !served {
        let refusal = encode(api, 0, header.correlation_id, &api_versions::unsupported())?;
        return Ok(Call::Now(refusal));
    }
    let flexible = api.request_header_version(version) >= 2;
    entry.shape.check(version, flexible, &body).map_err(|e| BadFrame::Undecodable {
        api,
        version,
        reason: e.to_string(),
    })?;
    (entry.open)(Frame {
        api,
        version,
        correlation_id: header.correlation_id,
        client_id,
        body,
        directory: Arc::clone(directory),
    })
}

impl Frame {
    fn exchange<Q, R>(mut self, handler: fn(Q, i16) -> Exchange<R>) -> Result<Call, BadFrame>
    where
        Q: Decodable,
        R: Encodable + 'static,
    {
        let Self { api, version, correlation_id, .. } = self;
        let request = Q::decode(&mut self.body, version).map_err(|e| BadFrame::Undecodable {
            api,
            version,
            reason: e.to_string(),
        })?;
        match handler(request, version) {
            Exchange::Now(message) => Ok(Call::Now(encode(api, version, correlation_id, &message)?)),
            Exchange::Tell(request) => Ok(Call::Tell { client_id: self.client_id, request }),
            Exchange::Ask(request, message) => {
                let directory = self.directory;
                let answer: Answer = Box::new(move |response| {
                    encode(api, version, correlation_id, &message(response, &directory))
                });
                Ok(Call::Ask { client_id: self.client_id, request, answer })
            }
        }
    }
}

/// The answer's frame: length, header, message.
fn encode<R: Encodable>(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    message: &R,
) -> Result<Bytes, BadFrame> {
    let unanswerable = |reason: String| BadFrame::Unanswerable { api, version, reason };
    let size = message.compute_size(version).map_err(|e| unanswerable(e.to_string()))?;
    let mut frame = BytesMut::with_capacity(size + 16);
    frame.put_i32(0);
    ResponseHeader::default()
        .with_correlation_id(correlation_id)
        .encode(&mut frame, api.response_header_version(version))
        .and_then(|()| message.encode(&mut frame, version))
        .map_err(|e| unanswerable(e.to_string()))?;
    let length = i32::try_from(frame.len() - 4).map_err(|e| unanswerable(e.to_string()))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame.freeze())
}
