//! Takes orders in: idempotency, places, and a task per order that does not depend on its caller.
//!
//! Invariants: a key is executed by one task; a client that disconnects cancels nothing; the caller of the first
//! request gets the answer that its own task ended with, a repetition the answer that stands now.
//!
//! Bounds, beyond each of which an order is refused before anything is produced, and its id stays free: `in_flight_max`
//! orders in progress, `unresolved_max` orders in progress or not resolved yet, and the table's orders.

use std::sync::Arc;
use std::time::Duration;

use contracts::event_id::order_id_for;
use service_kit::clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use trading::ids::OrderKey;
use trading::order::{Order, OrderTerms};

use crate::entry::Entry;
use crate::executor::Attempt;
use crate::flow::{Answer, Flow, TooLate};
use crate::resolver::Resolver;
use crate::stack::Stack;
use crate::table::{Claim, OrderTable};

/// How many orders may be where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    pub(crate) in_flight_max: usize,
    pub(crate) unresolved_max: usize,
}

/// What came of a request to place an order.
#[derive(Debug)]
pub(crate) enum Placed {
    /// It is this order, and this is its answer.
    Answered(Arc<Entry>, Answer),
    /// The id is taken by an order with other terms.
    Conflict,
    /// No order can be forgotten to make room for this one.
    TableFull,
}

/// Takes orders in. Clones share everything.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    places: Places,
    table: Arc<OrderTable>,
    stack: Stack,
    resolver: Resolver,
    partition_of: PartitionOf,
    in_flight: Arc<Semaphore>,
    unresolved: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The partition of an account.
pub(crate) type PartitionOf = Box<dyn Fn(&OrderKey) -> usize + Send + Sync>;

impl Desk {
    pub(crate) fn new(
        table: Arc<OrderTable>,
        stack: Stack,
        resolver: Resolver,
        partition_of: PartitionOf,
        places: Places,
        (tasks, stop): (TaskTracker, CancellationToken),
    ) -> Self {
        let semaphore = |places: usize| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        let (in_flight, unresolved) = (semaphore(places.in_flight_max), semaphore(places.unresolved_max));
        Self(Arc::new(Inner {
            places,
            table,
            stack,
            resolver,
            partition_of,
            in_flight,
            unresolved,
            tasks,
            stop,
        }))
    }

    /// Places an order, or finds the one that was placed before, and waits for its answer.
    pub(crate) async fn place(&self, key: OrderKey, terms: OrderTerms, budget: Duration) -> Placed {
        let deadline = Instant::now() + budget;
        let flow = || {
            let order = Order::new(key.clone(), order_id_for(&key), terms.clone(), clock::now());
            Flow::new(order, deadline)
        };
        match self.0.table.claim(&key, &terms, flow) {
            Claim::Conflict => Placed::Conflict,
            Claim::Full => Placed::TableFull,
            Claim::Known(entry) => {
                let answer = tokio::time::timeout_at(deadline, entry.answered()).await;
                let in_progress = |_| Answer::Unknown("the order is in progress".to_owned());
                Placed::Answered(entry, answer.unwrap_or_else(in_progress))
            }
            Claim::New(entry) => {
                let answer = self.start(&entry, &key, deadline).await;
                Placed::Answered(entry, answer)
            }
        }
    }

    pub(crate) fn find(&self, key: &OrderKey) -> Option<Arc<Entry>> {
        self.0.table.get(key)
    }

    /// Takes an order back. Its executor, if there is one, sees that and ends.
    ///
    /// # Errors
    /// [`TooLate`]: the order is executed, or will be.
    pub(crate) fn cancel(entry: &Entry) -> Result<(), TooLate> {
        entry.with(Flow::cancel)
    }

    /// Orders in progress.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.places.in_flight_max.saturating_sub(self.0.in_flight.available_permits())
    }

    async fn start(&self, entry: &Arc<Entry>, key: &OrderKey, deadline: Instant) -> Answer {
        let (in_flight, place) = match self.admit() {
            Ok(places) => places,
            Err(why) => {
                entry.with(|flow| flow.fail(why));
                self.0.table.done(entry);
                return Answer::NotPlaced(why.to_owned());
            }
        };
        let (tell, told) = oneshot::channel();
        let attempt = Attempt { entry: entry.clone(), partition: (self.0.partition_of)(key), deadline };
        let inner = Arc::clone(&self.0);
        let stop = self.0.stop.clone();
        let execute = async move { inner.execute(attempt, tell, in_flight, place).await };
        self.0.tasks.spawn(async move { stop.run_until_cancelled(execute).await });
        let ended = |_| Answer::Unknown("the task of the order ended without an answer".to_owned());
        told.await.unwrap_or_else(ended)
    }

    fn admit(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), &'static str> {
        let take = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned();
        let in_flight = take(&self.0.in_flight).map_err(|_| "too many orders are in progress")?;
        let place = take(&self.0.unresolved).map_err(|_| "too many orders wait to be resolved")?;
        Ok((in_flight, place))
    }
}

impl Inner {
    /// The whole life of an order from its admission to the resolver. The answer is taken before the resolver
    /// touches the order, so the caller hears of the doubt and not of its resolution.
    async fn execute(
        &self,
        attempt: Attempt,
        tell: oneshot::Sender<Answer>,
        in_flight: OwnedSemaphorePermit,
        place: OwnedSemaphorePermit,
    ) {
        let (entry, partition) = (Arc::clone(&attempt.entry), attempt.partition);
        let answer = tokio::select! {
            _ = self.stack.clone().oneshot(attempt) => entry.answered().await,
            cancelled = entry.answered() => cancelled,
        };
        drop(in_flight);
        // The caller may have gone; the order is what it is.
        let _gone = tell.send(answer);
        if entry.with(|flow| flow.duty()).is_some() {
            self.resolver.take(partition, entry, place);
        } else {
            self.table.done(&entry);
        }
    }
}

#[cfg(test)]
mod tests;
