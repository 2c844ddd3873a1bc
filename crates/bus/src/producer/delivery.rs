//! What becomes of a record once it is in the client's hands.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{DeliveryResult, Message as _};
use tokio::sync::{Notify, oneshot};

use crate::code::Code;

/// The broker accepted the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// The partition.
    pub partition: i32,
    /// The offset that it got.
    pub offset: i64,
}

/// The record was not acknowledged. It is *unknown* whether it was written; it may even become visible minutes later.
///
/// There is no certain kind. A purge from the queue looks like one, but librdkafka reports it as well for a record that
/// was sent, timed out at the broker after it had been appended, and waited in the queue for its next try (measured).
/// Certainly not sent is only what [`SendError`](crate::SendError) refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The record's life in the client ended without an ack.
    #[error("no ack within the delivery timeout; it is unknown whether the record was written")]
    TimedOut,
    /// The producer was closed while the record waited for its first or its next try.
    #[error("the producer was closed while the record waited to be sent")]
    PurgedInQueue,
    /// The producer was closed while the record was on its way.
    #[error("the producer was closed while the record was in flight; it is unknown whether it was written")]
    PurgedInFlight,
    /// The broker refused the last try. An earlier one may have been written.
    #[error("the record was refused: {0}")]
    Broker(Code),
    /// The report never came, because the client could not be taken down in time.
    #[error("the producer ended without a delivery report")]
    Abandoned,
}

impl DeliveryError {
    fn from_code(code: RDKafkaErrorCode) -> Self {
        match code {
            RDKafkaErrorCode::MessageTimedOut => Self::TimedOut,
            RDKafkaErrorCode::PurgeQueue => Self::PurgedInQueue,
            RDKafkaErrorCode::PurgeInflight => Self::PurgedInFlight,
            other => Self::Broker(Code(other)),
        }
    }
}

/// The coming delivery report. Dropping it neither recalls the record nor drops the record's guard.
#[derive(Debug)]
#[must_use = "a record is only certain once its delivery has been awaited"]
pub struct Delivery(oneshot::Receiver<Result<Acked, DeliveryError>>);

impl Future for Delivery {
    type Output = Result<Acked, DeliveryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|report| report.unwrap_or(Err(DeliveryError::Abandoned)))
    }
}

/// How many records wait for their report.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    count: AtomicUsize,
    emptied: Notify,
}

impl InFlight {
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Waits until no record waits for its report.
    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

/// One of the records in flight, counted for as long as it lives.
#[derive(Debug)]
struct Counted(Arc<InFlight>);

impl Counted {
    fn one_of(all: &Arc<InFlight>) -> Self {
        all.count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(all))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

/// What travels with a record through librdkafka and comes back with its report.
pub(crate) struct Undelivered {
    outcome: oneshot::Sender<Result<Acked, DeliveryError>>,
    // The mutex is never locked: it makes a guard that is only `Send` fit for an opaque that must be `Sync`.
    guard: Mutex<Box<dyn Send>>,
    counted: Counted,
}

impl Undelivered {
    pub(super) fn new(all: &Arc<InFlight>, guard: impl Send + 'static) -> (Box<Self>, Delivery) {
        let (outcome, report) = oneshot::channel();
        let guard = Mutex::new(Box::new(guard) as Box<dyn Send>);
        (Box::new(Self { outcome, guard, counted: Counted::one_of(all) }), Delivery(report))
    }

    /// Ends the guard, then tells whoever still waits.
    pub(crate) fn settle(self, report: &DeliveryResult<'_>) {
        let Self { outcome, guard, counted } = self;
        drop(guard);
        drop(counted);
        // The caller may have given up long ago; the guard had to end all the same.
        let _gone = outcome.send(read(report));
    }
}

fn read(report: &DeliveryResult<'_>) -> Result<Acked, DeliveryError> {
    match report {
        Ok(message) => Ok(Acked { partition: message.partition(), offset: message.offset() }),
        Err((error, _)) => Err(DeliveryError::from_code(Code::of(error).0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_record_that_is_dropped_without_a_report_is_abandoned_and_no_longer_counted() {
        let all = Arc::new(InFlight::default());
        let (record, delivery) = Undelivered::new(&all, ());
        assert_eq!(all.count(), 1);
        drop(record);
        assert_eq!(delivery.await, Err(DeliveryError::Abandoned));
        all.empty().await;
    }
}
