//! The asking side: a producer, a reader of replies, and the table between them.
//!
//! Two guards end apart: the one of the *ack* with the delivery report, whatever the caller does; the one of the
//! *reply* with the reply, or with the deadline or the caller, whichever comes first.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::error::{NotSent, RequestError, Unknown};
use super::header::{self, RequestHeaders};
use super::pending::Pending;
use crate::producer::{Delivery, Producer};
use crate::reader::{Reader, ReaderError, StartAt, TopicPartition};
use crate::record::{Headers, Incoming, Record};
use crate::settings::Settings;
use crate::signals::SignalsWatch;
use crate::teardown::TimedOut;

/// How often overdue entries are swept, besides whenever the table is full.
const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// A request to send.
#[derive(Clone, Debug)]
pub struct Request {
    /// The id under which its reply comes back; a new one for each request.
    pub correlation_id: Uuid,
    /// The topic to ask.
    pub topic: Cow<'static, str>,
    /// The partition to ask.
    pub partition: i32,
    /// The key.
    pub key: Bytes,
    /// Headers besides the four of request and reply; those are written here, over any of the same names.
    pub headers: Headers,
    /// The payload.
    pub payload: Bytes,
    /// Which of the requester's reply partitions to reply to.
    pub reply_partition: i32,
    /// When to stop waiting.
    pub deadline: Instant,
}

/// What has happened to replies so far, and how many requests wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequesterCounts {
    /// Requests that wait for a reply.
    pub pending: usize,
    /// Replies that resolved a request.
    pub resolved: u64,
    /// Replies that nobody waited for any more: late, repeated, or for an earlier life of this instance.
    pub late: u64,
    /// Records on the reply topic without a readable correlation id.
    pub malformed: u64,
}

struct Waiting {
    reply: oneshot::Sender<Incoming>,
    guard: Box<dyn Send>,
}

#[derive(Default)]
struct Counters {
    resolved: AtomicU64,
    late: AtomicU64,
    malformed: AtomicU64,
}

struct Shared {
    pending: Mutex<Pending<Waiting>>,
    counters: Counters,
}

/// Sends requests and hands each its reply. Dropping it closes it without waiting.
pub struct Requester {
    producer: Producer,
    reply_topic: String,
    shared: Arc<Shared>,
    signals: SignalsWatch,
    stop: CancellationToken,
    // Empty once closed.
    replies: Mutex<Option<JoinHandle<Reader>>>,
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester").field("reply_topic", &self.reply_topic).finish_non_exhaustive()
    }
}

impl Requester {
    /// Starts to read `reply_partitions` of `reply_topic` from their ends; when it returns, no reply can be missed.
    /// `pending_max` requests may wait at a time. `stray` is shown every record that no request waits for: late
    /// replies, replies to others, and what is no reply at all, for instance to pass it on to a dead-letter topic. It
    /// must neither block nor panic.
    ///
    /// # Errors
    /// As [`Reader::assigned`].
    pub async fn start(
        producer: Producer,
        settings: &Settings,
        reply_topic: &str,
        reply_partitions: impl IntoIterator<Item = i32>,
        pending_max: usize,
        timeout: Duration,
        stray: impl Fn(&Incoming) + Send + Sync + 'static,
    ) -> Result<Self, ReaderError> {
        let at = |partition| TopicPartition { topic: reply_topic.to_owned(), partition };
        let partitions: Vec<_> = reply_partitions.into_iter().map(at).collect();
        let reader = Reader::assigned(settings, &partitions, StartAt::End, timeout).await?;
        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending::new(pending_max)),
            counters: Counters::default(),
        });
        let signals = reader.signals();
        let stop = CancellationToken::new();
        let replies = tokio::spawn(read_replies(reader, Arc::clone(&shared), stray, stop.clone()));
        let reply_topic = reply_topic.to_owned();
        let replies = Mutex::new(Some(replies));
        Ok(Self { producer, reply_topic, shared, signals, stop, replies })
    }

    /// Sends `request` and waits for its reply until its deadline. `ack_guard` lives until the delivery report,
    /// `reply_guard` until the reply, the deadline, or the drop of this future.
    ///
    /// # Errors
    /// [`RequestError::NotSent`]: nothing was sent. [`RequestError::Unknown`]: the request may be processed.
    pub async fn request(
        &self,
        request: Request,
        ack_guard: impl Send + 'static,
        reply_guard: impl Send + 'static,
    ) -> Result<Incoming, RequestError> {
        let deadline = request.deadline;
        let (entry, reply) = self.enter(request.correlation_id, deadline, Box::new(reply_guard))?;
        let record = self.record(request);
        let delivery = self.producer.send(&record, ack_guard).map_err(NotSent::Refused)?;
        let reply = wait(delivery, reply, deadline).await;
        drop(entry);
        reply
    }

    /// Where the counters stand.
    #[must_use]
    pub fn counts(&self) -> RequesterCounts {
        let counters = &self.shared.counters;
        RequesterCounts {
            pending: self.shared.pending().len(),
            resolved: counters.resolved.load(Ordering::Relaxed),
            late: counters.late.load(Ordering::Relaxed),
            malformed: counters.malformed.load(Ordering::Relaxed),
        }
    }

    /// What the reader of replies reports.
    #[must_use]
    pub fn reply_signals(&self) -> SignalsWatch {
        self.signals.clone()
    }

    /// Stops reading replies: waiting requests end as unknown, further ones are refused. The producer stays open.
    ///
    /// # Errors
    /// The reader has not ended after `timeout`; it goes on ending without anybody waiting.
    pub async fn close(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.stop.cancel();
        let replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(replies) = replies else { return Ok(()) };
        let closing = async {
            match replies.await {
                Ok(reader) => reader.close(timeout).await,
                Err(_panicked) => Ok(()),
            }
        };
        tokio::time::timeout(timeout, closing).await.unwrap_or(Err(TimedOut(timeout)))
    }

    fn enter(
        &self,
        id: Uuid,
        deadline: Instant,
        guard: Box<dyn Send>,
    ) -> Result<(Entry, oneshot::Receiver<Incoming>), NotSent> {
        let now = Instant::now();
        if deadline <= now {
            return Err(NotSent::TooLate);
        }
        let (sender, receiver) = oneshot::channel();
        self.shared.insert(id, deadline, now, Waiting { reply: sender, guard })?;
        Ok((Entry { id, shared: Arc::clone(&self.shared) }, receiver))
    }

    fn record(&self, request: Request) -> Record {
        let Request {
            correlation_id,
            topic,
            partition,
            key,
            mut headers,
            payload,
            reply_partition,
            deadline,
        } = request;
        let reply_topic = self.reply_topic.clone();
        let deadline_unix_ms = header::unix_ms(deadline);
        RequestHeaders { correlation_id, reply_topic, reply_partition, deadline_unix_ms }.write(&mut headers);
        Record { topic, partition, key, headers, payload }
    }
}

impl Drop for Requester {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending<Waiting>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a new entry if need be. Whatever is dropped is dropped after the lock: it ends guards.
    fn insert(&self, id: Uuid, deadline: Instant, now: Instant, waiting: Waiting) -> Result<(), NotSent> {
        let mut pending = self.pending();
        let overdue = if pending.is_full() { pending.sweep(now) } else { Vec::new() };
        let inserted = pending.insert(id, deadline, waiting);
        drop(pending);
        drop(overdue);
        inserted.map_err(|(reason, _refused)| reason)
    }

    fn sweep(&self) {
        let overdue = self.pending().sweep(Instant::now());
        drop(overdue);
    }

    fn close(&self) {
        let waiting = self.pending().close();
        drop(waiting);
    }

    /// Hands `reply` to who waits for it; gives it back when nobody does.
    fn resolve(&self, reply: Incoming) -> Option<Incoming> {
        let Ok(id) = header::correlation_id(&reply) else {
            self.counters.malformed.fetch_add(1, Ordering::Relaxed);
            return Some(reply);
        };
        let waiting = self.pending().take(id);
        let stray = match waiting {
            Some(Waiting { reply: waiter, guard }) => {
                drop(guard);
                // A waiter that is gone gave up after it was taken: late as well.
                waiter.send(reply).err()
            }
            None => Some(reply),
        };
        let counter = if stray.is_none() { &self.counters.resolved } else { &self.counters.late };
        counter.fetch_add(1, Ordering::Relaxed);
        stray
    }
}

/// An entry of the table, removed with the caller's future.
struct Entry {
    id: Uuid,
    shared: Arc<Shared>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let waiting = self.shared.pending().take(self.id);
        drop(waiting);
    }
}

async fn wait(
    mut delivery: Delivery,
    mut reply: oneshot::Receiver<Incoming>,
    deadline: Instant,
) -> Result<Incoming, RequestError> {
    let too_late = tokio::time::sleep_until(deadline.into());
    tokio::pin!(too_late);
    let mut overdue = Unknown::Unacknowledged;
    loop {
        tokio::select! {
            biased;
            reply = &mut reply => return match reply {
                Ok(reply) => Ok(reply),
                // The entry was taken away: by a sweep after the deadline, or by closing.
                Err(_) if deadline <= Instant::now() => Err(overdue.into()),
                Err(_) => Err(Unknown::Closed.into()),
            },
            report = &mut delivery, if overdue == Unknown::Unacknowledged => {
                report.map_err(Unknown::Delivery)?;
                overdue = Unknown::Unanswered;
            }
            () = &mut too_late => return Err(overdue.into()),
        }
    }
}

/// Hands out replies until stopped or until the reader fails for good; gives the reader back.
async fn read_replies(
    reader: Reader,
    shared: Arc<Shared>,
    stray: impl Fn(&Incoming),
    stop: CancellationToken,
) -> Reader {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = sweep.tick() => shared.sweep(),
            reply = reader.recv() => match reply {
                Ok(reply) => {
                    if let Some(reply) = shared.resolve(reply) {
                        stray(&reply);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "no more replies can be read; requests are refused from now on");
                    break;
                }
            }
        }
    }
    shared.close();
    reader
}
