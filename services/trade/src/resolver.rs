//! Finds out, and tells Kafka, what became of orders whose customers have already been answered.
//!
//! - A trade that was handed over is produced again, with its posting, under the same event ids, until both are
//!   acknowledged: then the order is FILLED. Whoever reads the topics de-duplicates by event id.
//! - An order without a trade never gets one: it is FAILED at once, and its OrderRejected is produced, under its
//!   deterministic id, until it is acknowledged.
//!
//! One worker per partition, in the order in which orders came, so that a stuck partition keeps only its own waiting.
//! While the circuit of its partition is open a worker produces nothing.
//!
//! Bounds: an order holds one of the `unresolved_max` places from its admission until it is resolved, so no queue here
//! grows beyond that; a worker has at most [`BATCH`] orders in flight. It gives up with the process only, and says
//! what it leaves behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use circuit::{Decision, SwitchBoard};
use contracts::refusal::{Refusal, RefusalCode};
use futures::future::join_all;
use service_kit::clock;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::entry::Entry;
use crate::facts;
use crate::flow::{Answer, Duty, Flow};
use crate::table::OrderTable;
use crate::wire::{NotAcked, NotTaken, Out};

/// Orders of one partition that are produced at a time; two records each, out of a producer's queue of 10,000.
const BATCH: usize = 64;
/// Waits after a batch that was not acknowledged in full: doubled from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often a worker looks whether the circuit of its partition has closed.
const CIRCUIT_POLL: Duration = Duration::from_millis(100);

/// How many orders are not resolved yet, for whoever waits for the end of a run. Clones share the count. An order that
/// the end of the service left behind stays counted.
#[derive(Clone, Debug, Default)]
pub struct UnresolvedCount(Arc<AtomicUsize>);

impl UnresolvedCount {
    /// Orders that were answered and of which Kafka has not been told everything.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn resolved(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An order with something left to tell. It keeps its place until that is done.
#[derive(Debug)]
struct Unresolved {
    entry: Arc<Entry>,
    _place: OwnedSemaphorePermit,
}

/// Hands orders to the worker of their partition.
#[derive(Debug)]
pub(crate) struct Resolver {
    queues: Vec<mpsc::Sender<Unresolved>>,
    count: UnresolvedCount,
}

impl Resolver {
    /// Starts a worker per partition on `tasks`; they end with `stop`.
    pub(crate) fn start(
        worker: &Worker,
        partitions: usize,
        unresolved_max: usize,
        (tasks, stop): (&TaskTracker, &CancellationToken),
    ) -> Self {
        let queues = (0..partitions).map(|partition| {
            let (sender, receiver) = mpsc::channel(unresolved_max);
            let worker = Worker { partition, ..worker.clone() };
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(worker.run(receiver)).await });
            sender
        });
        Self { queues: queues.collect(), count: worker.count.clone() }
    }

    /// Takes an order that has an answer and a duty. One without a trade is FAILED from now on.
    pub(crate) fn take(&self, partition: usize, entry: Arc<Entry>, place: OwnedSemaphorePermit) {
        entry.with(Flow::give_up);
        self.count.add();
        let unresolved = Unresolved { entry, _place: place };
        let queue = self.queues.get(partition).expect("an account's partition is one of the layout");
        if queue.try_send(unresolved).is_err() {
            // Never for lack of room: a queue has as many places as there are orders.
            tracing::warn!(partition, "an order was not resolved: the service is ending");
        }
    }
}

/// Resolves the orders of one partition.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) out: Out,
    pub(crate) table: Arc<OrderTable>,
    pub(crate) switches: SwitchBoard,
    pub(crate) partition: usize,
    pub(crate) count: UnresolvedCount,
}

impl Worker {
    async fn run(self, mut queue: mpsc::Receiver<Unresolved>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            self.resolve(&mut batch).await;
        }
    }

    async fn resolve(&self, batch: &mut Vec<Unresolved>) {
        let mut backoff = BACKOFF.0;
        loop {
            self.circuit_closed().await;
            let told = join_all(batch.iter().map(|unresolved| self.tell(&unresolved.entry))).await;
            let mut told = told.into_iter();
            batch.retain(|unresolved| !self.is_done(unresolved, told.next()));
            if batch.is_empty() {
                return;
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    async fn circuit_closed(&self) {
        while self.switches.decide(self.partition) == Decision::Fallback {
            tokio::time::sleep(CIRCUIT_POLL).await;
        }
    }

    async fn tell(&self, entry: &Entry) -> Result<(), NotAcked> {
        match entry.with(|flow| flow.duty()) {
            None => Ok(()),
            Some(Duty::Execute(execution)) => {
                let trade = self.out.publish(facts::trade(&execution))?;
                let posting = self.out.publish(facts::posting(&execution))?;
                trade.await?;
                posting.await?;
                entry.with(Flow::executed);
                Ok(())
            }
            Some(Duty::Reject) => {
                let reject =
                    |flow: &mut Flow| facts::rejected(flow.order(), refusal(flow.answer()), clock::now());
                self.out.publish(entry.with(reject))?.await
            }
        }
    }

    fn is_done(&self, unresolved: &Unresolved, told: Option<Result<(), NotAcked>>) -> bool {
        match told {
            Some(Ok(())) => {
                self.table.done(&unresolved.entry);
                self.count.resolved();
                true
            }
            Some(Err(error)) => {
                let order = unresolved.entry.with(|flow| flow.key().to_string());
                tracing::debug!(partition = self.partition, order, %error, "not resolved yet; trying again");
                false
            }
            None => false,
        }
    }
}

impl From<NotTaken> for NotAcked {
    fn from(NotTaken(why): NotTaken) -> Self {
        Self(why)
    }
}

/// What the topic is told of an order that ended without a trade.
fn refusal(answer: Option<&Answer>) -> Refusal {
    match answer {
        Some(Answer::Refused(refusal)) => refusal.clone(),
        Some(Answer::Cancelled) => {
            Refusal::new(RefusalCode::Internal, "cancelled by the customer before it was executed")
        }
        Some(Answer::Failed(why) | Answer::Unknown(why) | Answer::NotPlaced(why)) => {
            Refusal::new(RefusalCode::DeadlinePassed, why.as_str())
        }
        Some(Answer::Executed(_)) | None => Refusal::new(RefusalCode::Internal, "ended without a trade"),
    }
}
