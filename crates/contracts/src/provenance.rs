//! Where a record comes from: the headers that every record carries, and those of a question and its answer.
//!
//! Invariants: all values are text of at most [`HEADER_BYTES_MAX`] bytes; of a record at most [`HEADERS_MAX`]
//! headers are looked at, one with more is refused; of a header that is there twice the last counts, as in
//! Kafka's `lastHeader`; headers of other names are left alone. A question is sent with an [`Exchange`], and
//! its answer repeats it unchanged.

use std::fmt::Display;
use std::str::FromStr;

use bytes::Bytes;
use trading::ids::{EventId, ServiceId};
use trading::mode::Mode;
use trading::time::Timestamp;
use uuid::Uuid;

use crate::event::EventType;
use crate::refusal::cut;
use crate::topics::{self, Role};

/// The version of the events that this code writes, and the only one that it reads.
pub const SCHEMA_VERSION: &str = "1";

/// The longest value of a header that is read.
pub const HEADER_BYTES_MAX: usize = 256;

/// The most headers of a record.
pub const HEADERS_MAX: usize = 64;

/// The names of the headers.
pub mod names {
    /// Which service said it.
    pub const SERVICE_ID: &str = "service_id";
    /// What was said.
    pub const EVENT_TYPE: &str = "event_type";
    /// When, in milliseconds since the Unix epoch.
    pub const EVENT_TIME: &str = "event_time";
    /// The id of the event, a UUID.
    pub const EVENT_ID: &str = "event_id";
    /// The id of the event that caused it, a UUID; its own for one that starts a chain.
    pub const CAUSATION_ID: &str = "causation_id";
    /// The version of the schema.
    pub const SCHEMA_VERSION: &str = "schema_version";
    /// `normal` or `degraded`.
    pub const MODE: &str = "mode";
    /// Which question an answer belongs to, a UUID.
    pub const CORRELATION_ID: &str = "correlation_id";
    /// The topic that the answer goes to.
    pub const REPLY_TOPIC: &str = "reply_topic";
    /// The partition that the answer goes to.
    pub const REPLY_PARTITION: &str = "reply_partition";
    /// From when on nobody waits for the answer, in milliseconds since the Unix epoch.
    pub const DEADLINE: &str = "deadline";
}

/// Headers to be written, in the order of [`names`].
pub type Headers = Vec<(&'static str, Bytes)>;

/// Where a record comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Which service said it.
    pub service_id: ServiceId,
    /// When.
    pub event_time: Timestamp,
    /// The id of the event; a repetition has the same.
    pub event_id: EventId,
    /// The event that caused it; its own id for one that starts a chain.
    pub causation_id: EventId,
    /// On which path.
    pub mode: Mode,
    /// For a question and its answer.
    pub exchange: Option<Exchange>,
}

/// What binds an answer to its question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Which question.
    pub correlation_id: Uuid,
    /// The topic of the answer, one of those with [`Role::Replies`].
    pub reply_topic: &'static str,
    /// The partition of the answer, from 0.
    pub reply_partition: i32,
    /// From when on nobody waits for the answer.
    pub deadline: Timestamp,
}

/// What is wrong with the headers of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There are too many.
    #[error("the record has more than {HEADERS_MAX} headers")]
    TooMany,
    /// One is not there.
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    /// One has a value that is not allowed.
    #[error("the header `{name}` is `{value}`: allowed is {allowed}")]
    Invalid {
        /// Which header.
        name: &'static str,
        /// Its value, cut to 64 bytes.
        value: String,
        /// What would be allowed.
        allowed: &'static str,
    },
}

impl Provenance {
    /// A record that starts a chain: it is caused by itself, and asks nothing.
    pub fn root(service_id: ServiceId, event_id: EventId, event_time: Timestamp, mode: Mode) -> Self {
        Self { service_id, event_time, event_id, causation_id: event_id, mode, exchange: None }
    }

    /// The same record, caused by another event.
    #[must_use]
    pub fn caused_by(self, causation_id: EventId) -> Self {
        Self { causation_id, ..self }
    }

    /// The same record, as a question or as its answer.
    #[must_use]
    pub fn with_exchange(self, exchange: Exchange) -> Self {
        Self { exchange: Some(exchange), ..self }
    }

    /// The headers of a record of this type.
    pub(crate) fn to_headers(&self, event_type: &'static str) -> Headers {
        let mut headers = vec![
            (names::SERVICE_ID, text(&self.service_id)),
            (names::EVENT_TYPE, Bytes::from_static(event_type.as_bytes())),
            (names::EVENT_TIME, text(self.event_time.unix_ms())),
            (names::EVENT_ID, text(self.event_id)),
            (names::CAUSATION_ID, text(self.causation_id)),
            (names::SCHEMA_VERSION, Bytes::from_static(SCHEMA_VERSION.as_bytes())),
            (names::MODE, Bytes::from_static(self.mode.as_str().as_bytes())),
        ];
        if let Some(exchange) = &self.exchange {
            headers.extend([
                (names::CORRELATION_ID, text(exchange.correlation_id)),
                (names::REPLY_TOPIC, Bytes::from_static(exchange.reply_topic.as_bytes())),
                (names::REPLY_PARTITION, text(exchange.reply_partition)),
                (names::DEADLINE, text(exchange.deadline.unix_ms())),
            ]);
        }
        headers
    }

    /// Reads what a record of this type must carry.
    pub(crate) fn from_headers(read: &ReadHeaders<'_>, event_type: EventType) -> Result<Self, HeaderError> {
        Ok(Self {
            service_id: read
                .parsed(names::SERVICE_ID, "an id of 1 to 64 characters of A-Z a-z 0-9 . _ : -")?,
            event_time: read.timestamp(names::EVENT_TIME)?,
            event_id: read.event_id(names::EVENT_ID)?,
            causation_id: read.event_id(names::CAUSATION_ID)?,
            mode: read.parsed(names::MODE, "`normal` or `degraded`")?,
            exchange: if event_type.is_exchange() { Some(read.exchange()?) } else { None },
        })
    }
}

fn text(value: impl Display) -> Bytes {
    Bytes::from(value.to_string())
}

/// The headers of a record that was received.
pub(crate) struct ReadHeaders<'a> {
    pairs: Vec<(&'a str, &'a [u8])>,
}

impl<'a> ReadHeaders<'a> {
    pub(crate) fn new(pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, HeaderError> {
        let pairs: Vec<_> = pairs.into_iter().take(HEADERS_MAX + 1).collect();
        if pairs.len() > HEADERS_MAX { Err(HeaderError::TooMany) } else { Ok(Self { pairs }) }
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, HeaderError> {
        let found = self.pairs.iter().rev().find(|(other, _)| *other == name);
        let (_, value) = found.ok_or(HeaderError::Missing(name))?;
        match std::str::from_utf8(value) {
            Ok(text) if value.len() <= HEADER_BYTES_MAX => Ok(text),
            _ => Err(invalid(
                name,
                &String::from_utf8_lossy(&value[..value.len().min(64)]),
                "text of at most 256 bytes",
            )),
        }
    }

    fn parsed<T: FromStr>(&self, name: &'static str, allowed: &'static str) -> Result<T, HeaderError> {
        let text = self.text(name)?;
        text.parse().map_err(|_| invalid(name, text, allowed))
    }

    fn timestamp(&self, name: &'static str) -> Result<Timestamp, HeaderError> {
        self.parsed(name, "milliseconds since the Unix epoch").map(Timestamp::from_unix_ms)
    }

    fn event_id(&self, name: &'static str) -> Result<EventId, HeaderError> {
        self.parsed(name, "a UUID").map(|id: Uuid| EventId::from_u128(id.as_u128()))
    }

    fn exchange(&self) -> Result<Exchange, HeaderError> {
        let topic = self.text(names::REPLY_TOPIC)?;
        let known = topics::find(topic).filter(|topic| topic.role == Role::Replies);
        let partition: i32 = self.parsed(names::REPLY_PARTITION, "a partition, from 0")?;
        if partition < 0 {
            return Err(invalid(names::REPLY_PARTITION, &partition.to_string(), "a partition, from 0"));
        }
        Ok(Exchange {
            correlation_id: self.parsed(names::CORRELATION_ID, "a UUID")?,
            reply_topic: known.ok_or_else(|| invalid(names::REPLY_TOPIC, topic, "a topic for replies"))?.name,
            reply_partition: partition,
            deadline: self.timestamp(names::DEADLINE)?,
        })
    }
}

fn invalid(name: &'static str, value: &str, allowed: &'static str) -> HeaderError {
    HeaderError::Invalid { name, value: cut(value.to_owned(), 64), allowed }
}
