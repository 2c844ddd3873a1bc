//! Events on their way in: decoded, or put aside with the reason.
//!
//! Invariants: a record that cannot be decoded goes to the dead letters, is counted, and its partition moves on;
//! heartbeats are skipped by their header, undecoded. A dead letter that Kafka does not take is counted and logged
//! all the same: it is never waited for.

use std::sync::Arc;
use std::time::Duration;

use bus::{Incoming, Malformed, Producer, Reader, ReaderError};
use contracts::dead_letter::Origin;
use contracts::provenance::{HeaderError, names};
use contracts::{Event, EventType, Provenance, Undecodable};
use tokio_util::sync::CancellationToken;
use trading::ids::ServiceId;

use crate::clock;
use crate::connection::Connection;
use crate::layout::Layout;
use crate::metrics::Metrics;
use crate::publisher::{count_delivery, to_record};

/// Closing a reader is not worth waiting for longer; it ends by itself.
const CLOSE: Duration = Duration::from_millis(250);

/// An event, and the record that brought it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Where it comes from.
    pub provenance: Provenance,
    /// What it says.
    pub event: Event,
    /// The record.
    pub record: Incoming,
}

/// Reads events.
#[derive(Debug)]
pub struct Inbox {
    reader: Reader,
    dead_letters: DeadLetters,
}

impl Inbox {
    /// Reads what `reader` reads.
    #[must_use]
    pub const fn new(reader: Reader, dead_letters: DeadLetters) -> Self {
        Self { reader, dead_letters }
    }

    /// The next event. Safe to cancel.
    ///
    /// # Errors
    /// [`ReaderError::Fatal`], after which nothing more will come.
    pub async fn next(&self) -> Result<Received, ReaderError> {
        loop {
            let record = self.reader.recv().await?;
            if !is_heartbeat(&record) {
                match decode(&record) {
                    Ok((provenance, event)) => return Ok(Received { provenance, event, record }),
                    Err(reason) => self.dead_letters.put_aside(&record, &reason),
                }
            }
            self.reader.processed(&record);
        }
    }

    /// Marks an event and everything before it in its partition as processed; for a reader in a group.
    pub fn processed(&self, received: &Received) {
        self.reader.processed(&received.record);
    }

    /// Hands every event to `handle` until `stop`, then closes the reader.
    ///
    /// # Errors
    /// [`ReaderError::Fatal`]: nothing more will come.
    pub async fn run(
        self,
        stop: CancellationToken,
        mut handle: impl FnMut(Provenance, Event),
    ) -> Result<(), ReaderError> {
        let ended = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                received = self.next() => match received {
                    Ok(received) => {
                        self.processed(&received);
                        handle(received.provenance, received.event);
                    }
                    Err(error) => break Err(error),
                },
            }
        };
        self.close(CLOSE).await;
        ended
    }

    /// Closes the reader. Never longer than `timeout`.
    pub async fn close(self, timeout: Duration) {
        // Left to end by itself where a broker is frozen.
        let _ = self.reader.close(timeout).await;
    }
}

/// Whether a record says that it is a heartbeat.
#[must_use]
pub fn is_heartbeat(record: &Incoming) -> bool {
    record
        .header(names::EVENT_TYPE)
        .is_some_and(|name| name.as_ref() == EventType::Heartbeat.as_str().as_bytes())
}

/// What a record says.
///
/// # Errors
/// [`Undecodable`]: it belongs to the dead letters.
pub fn decode(record: &Incoming) -> Result<(Provenance, Event), Undecodable> {
    let headers = record.headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
    contracts::decode(&record.topic, headers, &record.payload)
}

/// Where records go that cannot be decoded. Clones share everything.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    service: ServiceId,
    layout: Arc<Layout>,
    producer: Producer,
    metrics: Metrics,
}

impl DeadLetters {
    /// The dead letters of a service.
    #[must_use]
    pub fn new(connection: &Connection, metrics: Metrics) -> Self {
        Self {
            service: connection.service().clone(),
            layout: Arc::clone(connection.layout()),
            producer: connection.producer().clone(),
            metrics,
        }
    }

    /// Puts a record aside: counted, logged, and sent to the dead letters if Kafka takes it.
    pub fn put_aside(&self, record: &Incoming, reason: &Undecodable) {
        let Incoming { topic, partition, offset, payload, .. } = record;
        tracing::warn!(%reason, topic, partition, offset, "record put aside: it cannot be decoded");
        self.metrics.dead_letter(reason.code());
        let origin = Origin { topic, partition: *partition, offset: *offset };
        let letter = reason.dead_letter(origin, payload, &self.service, clock::now());
        let sent = self.producer.send(&to_record(letter, &self.layout), ()).map_err(Into::into);
        count_delivery(sent, contracts::dead_letter::EVENT_TYPE, self.metrics.clone());
    }

    /// The same for a record that the bus could not take for a question.
    pub fn put_aside_malformed(&self, record: &Incoming, reason: Malformed) {
        let reason = match reason {
            Malformed::Missing(name) => HeaderError::Missing(name),
            Malformed::Unreadable(name) => HeaderError::Invalid {
                name,
                value: String::new(),
                allowed: "what the requester of the bus writes",
            },
        };
        self.put_aside(record, &reason.into());
    }
}
