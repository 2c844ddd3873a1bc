//! From an event to a record and back.
//!
//! Invariants: `decode(encode(event))` is the event; whatever else arrives is answered with an
//! [`Undecodable`] and never a panic. A record that cannot be decoded is not tried again: it becomes a dead
//! letter ([`crate::dead_letter`]), and its partition moves on.
//!
//! Bounds: a payload of more than [`PAYLOAD_BYTES_MAX`] is refused before it is looked at.

use bytes::Bytes;
use prost::Message;

pub use crate::convert::FieldError;
use crate::event::{Event, EventType};
use crate::provenance::{HeaderError, Headers, Provenance, ReadHeaders, SCHEMA_VERSION, names};
use crate::refusal::cut;
use crate::{topics, wire};

/// The largest payload that is decoded; the largest event is well below a tenth of it.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// A record, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Where to.
    pub topic: &'static str,
    /// The partition, where the record has one of its own (answers, heartbeats); otherwise that of the key,
    /// see [`crate::partitioner::partition_of`].
    pub partition: Option<i32>,
    /// The key.
    pub key: Bytes,
    /// The headers.
    pub headers: Headers,
    /// The payload.
    pub payload: Bytes,
}

/// The event and its provenance do not fit each other; a bug of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A question or an answer without exchange.
    #[error("{0} needs an exchange (correlation id, reply topic, deadline)")]
    NoExchange(EventType),
    /// A fact with an exchange.
    #[error("{0} is no question and no answer, and must have no exchange")]
    UnexpectedExchange(EventType),
    /// The event carries another event id than its provenance.
    #[error("{0} carries another event id than its provenance")]
    OtherEventId(EventType),
}

/// Why a record could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The headers are not those of a record of ours.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// It was written under another schema.
    #[error("the schema version `{0}` is not known, only `{SCHEMA_VERSION}` is")]
    UnknownSchemaVersion(String),
    /// It is an event that we do not know.
    #[error("the event type `{0}` is not known")]
    UnknownEventType(String),
    /// It lies on a topic where it does not belong.
    #[error("{event_type} does not belong on the topic `{topic}`")]
    Misplaced {
        /// What it is.
        event_type: EventType,
        /// Where it was found.
        topic: String,
    },
    /// The payload is too long.
    #[error("the payload has {0} bytes, more than {PAYLOAD_BYTES_MAX}")]
    PayloadTooLong(usize),
    /// The payload is not the message that the headers promise.
    #[error("the payload cannot be read as {event_type}: {reason}")]
    Payload {
        /// What it should be.
        event_type: EventType,
        /// What is wrong.
        reason: String,
    },
    /// A field has a value that is not allowed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The payload carries another event id than the headers.
    #[error("{0} carries another event id than its headers")]
    OtherEventId(EventType),
}

impl Undecodable {
    /// A short name of the reason, for metrics and for the dead letter.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Header(HeaderError::TooMany) => "too-many-headers",
            Self::Header(HeaderError::Missing(_)) => "missing-header",
            Self::Header(HeaderError::Invalid { .. }) => "invalid-header",
            Self::UnknownSchemaVersion(_) => "unknown-schema-version",
            Self::UnknownEventType(_) => "unknown-event-type",
            Self::Misplaced { .. } => "misplaced",
            Self::PayloadTooLong(_) => "payload-too-long",
            Self::Payload { .. } => "malformed-payload",
            Self::Field(_) => "invalid-field",
            Self::OtherEventId(_) => "other-event-id",
        }
    }
}

/// Makes the record of an event.
///
/// # Errors
/// [`EncodeError`]: the caller put together what does not belong together; a bug, nothing was sent.
pub fn encode(event: Event, provenance: &Provenance) -> Result<Encoded, EncodeError> {
    let event_type = event.event_type();
    match (&provenance.exchange, event_type.is_exchange()) {
        (None, true) => return Err(EncodeError::NoExchange(event_type)),
        (Some(_), false) => return Err(EncodeError::UnexpectedExchange(event_type)),
        _ => {}
    }
    if event.own_event_id().is_some_and(|id| id != provenance.event_id) {
        return Err(EncodeError::OtherEventId(event_type));
    }
    let (topic, partition) = destination(&event, provenance)?;
    Ok(Encoded {
        topic,
        partition,
        key: Bytes::copy_from_slice(event.key().as_bytes()),
        headers: provenance.to_headers(event_type.as_str()),
        payload: payload(event),
    })
}

fn destination(event: &Event, provenance: &Provenance) -> Result<(&'static str, Option<i32>), EncodeError> {
    let event_type = event.event_type();
    match (event, &provenance.exchange, event_type.home()) {
        (Event::Heartbeat(heartbeat), ..) => Ok((heartbeat.topic, Some(heartbeat.partition))),
        (_, _, Some(home)) => Ok((home, None)),
        (_, Some(exchange), None) => Ok((exchange.reply_topic, Some(exchange.reply_partition))),
        (_, None, None) => Err(EncodeError::NoExchange(event_type)),
    }
}

fn payload(event: Event) -> Bytes {
    let bytes = match event {
        Event::Tick(tick) => wire::Tick::from(tick).encode_to_vec(),
        Event::QuoteIssued(signed) => wire::QuoteIssued::from(*signed).encode_to_vec(),
        Event::OrderPlaced(placed) => wire::OrderPlaced::from(placed).encode_to_vec(),
        Event::OrderAccepted(accepted) => wire::OrderAccepted::from(accepted).encode_to_vec(),
        Event::OrderRejected(rejected) => wire::OrderRejected::from(rejected).encode_to_vec(),
        Event::FeeAssessed(assessed) => wire::FeeAssessed::from(*assessed).encode_to_vec(),
        Event::TradeExecuted(trade) => wire::TradeExecuted::from(*trade).encode_to_vec(),
        Event::LedgerPosted(posted) => wire::LedgerPosted::from(posted).encode_to_vec(),
        Event::ModeChanged(change) => wire::ModeChanged::from(change).encode_to_vec(),
        Event::FeeRequest(request) => wire::FeeRequest::from(request).encode_to_vec(),
        Event::FeeReply(reply) => wire::FeeReply::from(*reply).encode_to_vec(),
        Event::QuoteRequest(request) => wire::QuoteRequest::from(request).encode_to_vec(),
        Event::QuoteReply(reply) => wire::QuoteReply::from(*reply).encode_to_vec(),
        Event::Heartbeat(heartbeat) => wire::Heartbeat::from(heartbeat).encode_to_vec(),
    };
    Bytes::from(bytes)
}

/// Reads a record: its provenance, and what it says. A header without value counts as an empty one.
///
/// # Errors
/// [`Undecodable`]: send it to the dead letters, count it, and go on with the next record.
pub fn decode<'a>(
    topic: &str,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    payload: &[u8],
) -> Result<(Provenance, Event), Undecodable> {
    let headers = ReadHeaders::new(headers)?;
    let schema_version = headers.text(names::SCHEMA_VERSION)?;
    if schema_version != SCHEMA_VERSION {
        return Err(Undecodable::UnknownSchemaVersion(cut(schema_version.to_owned(), 64)));
    }
    let type_text = headers.text(names::EVENT_TYPE)?;
    let event_type: EventType =
        type_text.parse().map_err(|_| Undecodable::UnknownEventType(cut(type_text.to_owned(), 64)))?;
    let provenance = Provenance::from_headers(&headers, event_type)?;
    let misplaced = || Undecodable::Misplaced { event_type, topic: cut(topic.to_owned(), 64) };
    if !topics::find(topic).is_some_and(|topic| event_type.belongs_on(topic)) {
        return Err(misplaced());
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Undecodable::PayloadTooLong(payload.len()));
    }
    let event = event(event_type, payload)?;
    match &event {
        Event::Heartbeat(heartbeat) if heartbeat.topic != topic => Err(misplaced()),
        _ if event.own_event_id().is_some_and(|id| id != provenance.event_id) => {
            Err(Undecodable::OtherEventId(event_type))
        }
        _ => Ok((provenance, event)),
    }
}

fn event(event_type: EventType, payload: &[u8]) -> Result<Event, Undecodable> {
    /// Decodes a message and checks its fields.
    fn read<W, T>(event_type: EventType, payload: &[u8]) -> Result<T, Undecodable>
    where
        W: Message + Default,
        T: TryFrom<W, Error = FieldError>,
    {
        let message = W::decode(payload)
            .map_err(|error| Undecodable::Payload { event_type, reason: cut(error.to_string(), 256) })?;
        Ok(T::try_from(message)?)
    }
    let ty = event_type;
    Ok(match event_type {
        EventType::Tick => Event::Tick(read::<wire::Tick, _>(ty, payload)?),
        EventType::QuoteIssued => Event::QuoteIssued(Box::new(read::<wire::QuoteIssued, _>(ty, payload)?)),
        EventType::OrderPlaced => Event::OrderPlaced(read::<wire::OrderPlaced, _>(ty, payload)?),
        EventType::OrderAccepted => Event::OrderAccepted(read::<wire::OrderAccepted, _>(ty, payload)?),
        EventType::OrderRejected => Event::OrderRejected(read::<wire::OrderRejected, _>(ty, payload)?),
        EventType::FeeAssessed => Event::FeeAssessed(Box::new(read::<wire::FeeAssessed, _>(ty, payload)?)),
        EventType::TradeExecuted => {
            Event::TradeExecuted(Box::new(read::<wire::TradeExecuted, _>(ty, payload)?))
        }
        EventType::LedgerPosted => Event::LedgerPosted(read::<wire::LedgerPosted, _>(ty, payload)?),
        EventType::ModeChanged => Event::ModeChanged(read::<wire::ModeChanged, _>(ty, payload)?),
        EventType::FeeRequest => Event::FeeRequest(read::<wire::FeeRequest, _>(ty, payload)?),
        EventType::FeeReply => Event::FeeReply(Box::new(read::<wire::FeeReply, _>(ty, payload)?)),
        EventType::QuoteRequest => Event::QuoteRequest(read::<wire::QuoteRequest, _>(ty, payload)?),
        EventType::QuoteReply => Event::QuoteReply(Box::new(read::<wire::QuoteReply, _>(ty, payload)?)),
        EventType::Heartbeat => Event::Heartbeat(read::<wire::Heartbeat, _>(ty, payload)?),
    })
}

#[cfg(test)]
mod tests;
