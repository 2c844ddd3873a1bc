//! A producer that enqueues or refuses at once, and whose guards end with the delivery report.
//!
//! Invariants:
//! - [`send`](Producer::send) never blocks and never waits: a full queue is an error at once.
//! - The guard of a record is dropped by its delivery report, before whoever waits is told. A caller that gave up
//!   does not end it: the record can not be recalled, so it is still in flight.
//! - Closing never hangs: what is stuck is purged, and the native client is destroyed on the polling thread.
//!
//! One producer per process and purpose: records stuck for one partition fill the queue of the whole producer
//! (measured), so purposes that must not stop each other do not share one.

mod delivery;
mod polling;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer as _};

use crate::code::Code;
use crate::context::Context;
use crate::record::{Record, native_headers};
use crate::settings::{Settings, SettingsError, Side};
use crate::signals::SignalsWatch;
use crate::teardown::TimedOut;
use delivery::InFlight;
pub(crate) use delivery::Undelivered;
pub use delivery::{Acked, Delivery, DeliveryError};
use polling::{Native, Polling};

/// The record was not taken. It was certainly not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The producer holds as many records as it may. Shed load; retrying at once will not help.
    #[error("the producer's queue is full")]
    QueueFull,
    /// The producer was closed.
    #[error("the producer is closed")]
    Closed,
    /// The client refused the record: too large, no such partition, or a broken producer.
    #[error("the record was refused: {0}")]
    Refused(Code),
}

/// A handle on a producer; clones share it. Dropping the last one closes it without waiting.
#[derive(Clone)]
pub struct Producer(Arc<Inner>);

struct Inner {
    // Empty once closed. Sends hold the lock for reading only, so they never wait for each other.
    native: RwLock<Option<Arc<Native>>>,
    in_flight: Arc<InFlight>,
    signals: SignalsWatch,
    polling: Polling,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("in_flight", &self.in_flight()).finish_non_exhaustive()
    }
}

impl Producer {
    /// Starts a producer and its polling thread. No broker needs to be there yet.
    ///
    /// # Errors
    /// The settings name what to change.
    ///
    /// # Panics
    /// When the process can not start a thread.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let config = settings.config(Side::Producer)?;
        let (context, signals) = Context::new(&settings.client_id);
        let native: Native =
            config.create_with_context(context).map_err(|error| settings.contradiction(&error))?;
        let native = Arc::new(native);
        let in_flight = Arc::new(InFlight::default());
        let polling = Polling::start(&settings.client_id, Arc::clone(&native), Arc::clone(&in_flight));
        let native = RwLock::new(Some(native));
        Ok(Self(Arc::new(Inner { native, in_flight, signals, polling })))
    }

    /// Hands `record` to the client. `guard` lives until the record's delivery report.
    ///
    /// # Errors
    /// The record was certainly not sent, and the guard is already dropped.
    pub fn send(&self, record: &Record, guard: impl Send + 'static) -> Result<Delivery, SendError> {
        let native = self.0.native.read().unwrap_or_else(PoisonError::into_inner);
        let native = native.as_ref().ok_or(SendError::Closed)?;
        let (undelivered, delivery) = Undelivered::new(&self.0.in_flight, guard);
        let native_record = BaseRecord {
            topic: &record.topic,
            partition: Some(record.partition),
            payload: Some(record.payload.as_ref()),
            key: (!record.key.is_empty()).then_some(record.key.as_ref()),
            timestamp: None,
            headers: native_headers(&record.headers),
            delivery_opaque: undelivered,
        };
        native.send::<[u8], [u8]>(native_record).map_err(|(error, _returned)| refusal(&error))?;
        Ok(delivery)
    }

    /// How many records wait for their delivery report.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.count()
    }

    /// Asks a broker who leads the partitions of `topic`, so that the next records go there at once: a client that sends
    /// nothing to a partition finds out about a new leader from the refusal of the first record, and its retry. Whether
    /// the client got an answer within `timeout`; it is as stale as the broker that gives it.
    ///
    /// Must be called within a tokio runtime. The topic must exist: asking for one that does not may create it.
    pub async fn refresh(&self, topic: &str, timeout: Duration) -> bool {
        let native = self.0.native.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(native) = native else { return false };
        let topic = topic.to_owned();
        // If the producer is closed meanwhile, the client ends on that thread and not on a caller's.
        let asked = tokio::task::spawn_blocking(move || {
            native.client().fetch_metadata(Some(&topic), timeout).is_ok()
        });
        asked.await.unwrap_or(false)
    }

    /// What the client reports about its partitions and brokers.
    #[must_use]
    pub fn signals(&self) -> SignalsWatch {
        self.0.signals.clone()
    }

    /// Waits until every record has its delivery report.
    ///
    /// # Errors
    /// Some records are still stuck after `timeout`; they stay where they are.
    pub async fn flush(&self, timeout: Duration) -> Result<(), TimedOut> {
        tokio::time::timeout(timeout, self.0.in_flight.empty()).await.map_err(|_| TimedOut(timeout))
    }

    /// Closes the producer: sends are refused from now on, what has no report yet is purged and reported as such,
    /// and the client's threads end. [`flush`](Self::flush) first to give records a chance.
    ///
    /// # Errors
    /// The threads have not ended after `timeout`; they go on ending without anybody waiting.
    pub async fn close(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.0.retire();
        self.0.polling.ended(timeout).await
    }
}

impl Inner {
    /// Leaves the native client to the polling thread, which takes it down.
    fn retire(&self) {
        drop(self.native.write().unwrap_or_else(PoisonError::into_inner).take());
        self.polling.stop();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.retire();
    }
}

fn refusal(error: &KafkaError) -> SendError {
    match Code::of(error) {
        Code(RDKafkaErrorCode::QueueFull) => SendError::QueueFull,
        code => SendError::Refused(code),
    }
}
