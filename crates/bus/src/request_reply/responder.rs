//! The answering side: a bounded number of handlers, none of which outlives its request's deadline.
//!
//! At its bound the responder stops reading: requests wait in the client's bounded queue and then in the topic, and
//! those whose deadline passes there are skipped.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::header::{self, Malformed, RequestHeaders};
use crate::producer::Producer;
use crate::reader::{Reader, ReaderError};
use crate::record::{Headers, Incoming, Record};

/// The bounds of a [`Responder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponderLimits {
    /// How many handlers run at a time. At it, nothing more is read.
    pub concurrency_max: usize,
    /// How long running handlers, and then the reader, may take to end after a stop.
    pub drain_max: Duration,
}

/// A reply, apart from where it goes.
#[derive(Debug, Default)]
pub struct Reply {
    /// The key.
    pub key: Bytes,
    /// Headers besides the correlation id.
    pub headers: Headers,
    /// The payload.
    pub payload: Bytes,
    /// What is to be done behind it.
    pub then: Option<Then>,
}

/// What is done as soon as a reply was handed over, or refused by the producer. A broker takes the records of a connection
/// one after the other, each when the one before is acknowledged: what nobody waits for is told behind the reply.
pub struct Then(Box<dyn FnOnce() + Send>);

impl Then {
    /// Does `this`, which must neither block nor panic.
    pub fn new(this: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(this))
    }
}

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Then").finish_non_exhaustive()
    }
}

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers `request`; `None` for no reply. It is dropped when `time_left` has passed: nobody waits any more.
    fn handle(&self, request: Incoming, time_left: Duration) -> impl Future<Output = Option<Reply>> + Send;

    /// Is shown a record that is not a request, for instance to pass it on to a dead-letter topic. It is counted in
    /// any case. Must neither block nor panic.
    fn malformed(&self, record: &Incoming, reason: Malformed) {
        let (topic, partition, offset) = (record.topic.as_str(), record.partition, record.offset);
        tracing::debug!(%reason, topic, partition, offset, "not a request");
    }
}

/// What became of the requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponderCounts {
    /// Replies handed to the producer.
    pub replied: u64,
    /// Requests that the handler left without a reply.
    pub silent: u64,
    /// Requests that were skipped because their deadline had passed.
    pub expired: u64,
    /// Handlers that were dropped because the deadline passed meanwhile.
    pub overrun: u64,
    /// Records that are not requests.
    pub malformed: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Replies that the producer refused.
    pub unsent: u64,
}

#[derive(Debug, Default)]
struct Counters {
    replied: AtomicU64,
    silent: AtomicU64,
    expired: AtomicU64,
    overrun: AtomicU64,
    malformed: AtomicU64,
    panicked: AtomicU64,
    unsent: AtomicU64,
}

/// The counters of a running [`Responder`].
#[derive(Clone, Debug)]
pub struct ResponderStats(Arc<Counters>);

impl ResponderStats {
    /// Where the counters stand.
    #[must_use]
    pub fn counts(&self) -> ResponderCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ResponderCounts {
            replied: read(&self.0.replied),
            silent: read(&self.0.silent),
            expired: read(&self.0.expired),
            overrun: read(&self.0.overrun),
            malformed: read(&self.0.malformed),
            panicked: read(&self.0.panicked),
            unsent: read(&self.0.unsent),
        }
    }
}

/// Reads requests, has them handled, and sends the replies.
#[derive(Debug)]
pub struct Responder<H> {
    reader: Reader,
    answering: Arc<Answering<H>>,
    limits: ResponderLimits,
}

#[derive(Debug)]
struct Answering<H> {
    handler: H,
    producer: Producer,
    counters: Arc<Counters>,
}

impl<H: Handler> Responder<H> {
    /// A responder that does nothing yet.
    pub fn new(reader: Reader, producer: Producer, handler: H, limits: ResponderLimits) -> Self {
        let counters = Arc::default();
        Self { reader, answering: Arc::new(Answering { handler, producer, counters }), limits }
    }

    /// The counters, to be watched while it runs.
    #[must_use]
    pub fn stats(&self) -> ResponderStats {
        ResponderStats(Arc::clone(&self.answering.counters))
    }

    /// Answers until `stop`, then drains. A request counts as processed once it has been read: after a restart it
    /// would be too late for it anyway.
    ///
    /// # Errors
    /// The reader has failed for good; running handlers were drained all the same.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ReaderError> {
        let mut handlers = JoinSet::new();
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            error = self.answer_all(&mut handlers) => Err(error),
        };
        let drain = async { while handlers.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.drain_max, drain).await.is_err() {
            handlers.abort_all();
        }
        if let Err(error) = self.reader.close(self.limits.drain_max).await {
            tracing::warn!(%error, "the reader of requests was left to close by itself");
        }
        ended
    }

    /// Never returns but for a broken reader.
    async fn answer_all(&self, handlers: &mut JoinSet<()>) -> ReaderError {
        let free = Arc::new(Semaphore::new(self.limits.concurrency_max));
        loop {
            while handlers.try_join_next().is_some() {}
            let permit = Arc::clone(&free).acquire_owned().await.expect("nobody closes this semaphore");
            let request = match self.reader.recv().await {
                Ok(request) => request,
                Err(error) => return error,
            };
            self.reader.processed(&request);
            let Some((headers, time_left)) = self.answering.admit(&request) else { continue };
            let answering = Arc::clone(&self.answering);
            handlers.spawn(async move {
                answering.answer(request, headers, time_left).await;
                drop(permit);
            });
        }
    }
}

impl<H: Handler> Answering<H> {
    /// Where to reply and how long somebody waits for it; `None`, and counted, when nobody does.
    fn admit(&self, request: &Incoming) -> Option<(RequestHeaders, Duration)> {
        let headers = match RequestHeaders::read(request) {
            Ok(headers) => headers,
            Err(reason) => {
                count(&self.counters.malformed);
                self.handler.malformed(request, reason);
                return None;
            }
        };
        let time_left = headers.time_left();
        if time_left.is_none() {
            count(&self.counters.expired);
        }
        time_left.map(|left| (headers, left))
    }

    async fn answer(&self, request: Incoming, headers: RequestHeaders, time_left: Duration) {
        let counters = &self.counters;
        let handling = AssertUnwindSafe(self.handler.handle(request, time_left)).catch_unwind();
        count(match tokio::time::timeout(time_left, handling).await {
            Ok(Ok(Some(reply))) => self.send(reply, headers),
            Ok(Ok(None)) => &counters.silent,
            Ok(Err(_panic)) => &counters.panicked,
            Err(_elapsed) => &counters.overrun,
        });
    }

    fn send(&self, reply: Reply, to: RequestHeaders) -> &AtomicU64 {
        let Reply { key, mut headers, payload, then } = reply;
        header::write_correlation_id(&mut headers, to.correlation_id);
        let (topic, partition) = (to.reply_topic.into(), to.reply_partition);
        // Nobody waits for the report: the requester's deadline covers the way back.
        let sent = self.producer.send(&Record { topic, partition, key, headers, payload }, ());
        then.into_iter().for_each(|Then(this)| this());
        match sent {
            Ok(_unwatched) => &self.counters.replied,
            Err(_) => &self.counters.unsent,
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
