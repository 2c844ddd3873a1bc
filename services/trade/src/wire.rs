//! What an order says to the world and asks of it; Kafka behind it in a service, a script in a test.

use std::sync::Arc;

use contracts::Event;
use contracts::event::{FeeReply, FeeRequest, QuoteReply, QuoteRequest};
use futures::future::BoxFuture;
use tokio::time::Instant;
use trading::ids::EventId;
use trading::mode::Mode;
use trading::time::Timestamp;

/// Something that happened, with the id under which it is told each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) event: Event,
    pub(crate) event_id: EventId,
    pub(crate) causation_id: EventId,
    pub(crate) at: Timestamp,
    pub(crate) mode: Mode,
}

/// The record was certainly not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotTaken(pub(crate) String);

/// The record was taken and not acknowledged: it may be in the log, now or later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAcked(pub(crate) String);

/// A question got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It was not sent.
    #[error("{0}")]
    NotSent(String),
    /// It was sent, and nobody knows.
    #[error("{0}")]
    Unknown(String),
}

/// Ends when the record is acknowledged. Dropping it recalls nothing.
pub(crate) type Ack = BoxFuture<'static, Result<(), NotAcked>>;
pub(crate) type Asked<T> = BoxFuture<'static, Result<T, NoAnswer>>;

/// The way out. Cheap to clone.
pub(crate) type Out = Arc<dyn Wire>;

pub(crate) trait Wire: Send + Sync + 'static {
    /// Hands a record over without waiting.
    fn publish(&self, fact: Fact) -> Result<Ack, NotTaken>;
    /// Asks for a quote; `cause` is the event behind the question.
    fn quote(&self, request: QuoteRequest, cause: EventId, deadline: Instant) -> Asked<QuoteReply>;
    /// Asks for a fee.
    fn fee(&self, request: FeeRequest, cause: EventId, deadline: Instant) -> Asked<FeeReply>;
    /// An order went its whole way through this partition: nothing is left for a heartbeat to do.
    fn proved(&self, partition: usize);
}
