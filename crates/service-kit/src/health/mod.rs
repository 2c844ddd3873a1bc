//! The health watch: feeds the circuits of one service, and tells of their changes.
//!
//! A circuit watches one partition index over all topics of the service's path. It is fed by the guards of
//! customers' records and calls, by how calls end, by what the clients' statistics say, and by heartbeats: one synthetic
//! record on *each* topic of the path at that index, through a producer of their own, read back by assignment where the
//! service itself reads. What it only writes is as healthy as its acks, and reading it back would double what a
//! customer's record costs the brokers.
//!
//! # Invariants
//! - The reader of heartbeats is ready before the first heartbeat is sent.
//! - A customer's call is never a probe, and a heartbeat of another instance is never taken for one of ours.
//! - Only [`Strategy::Degrade`] has circuits; under the others there is no heartbeat and no task.
//! - The lock is held for microseconds and never across a wait.

mod feed;
mod herald;
mod notice;
mod operators;
mod rounds;
mod view;
mod watchdog;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::routing::get;
use axum::{Json, Router};
use bus::{SignalsWatch, StartAt};
use circuit::{Beat, Calls, Circuits, Force, ModeChange, Outcomes, SwitchBoard, Words};
use http::HeaderMap;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::feed::Feed;
use self::herald::Herald;
pub use self::notice::{Change, ModeNotice, ModeNotices, NOTICES_MAX};
pub use self::operators::{OperatorToken, Operators};
use self::rounds::Rounds;
pub use self::view::{CircuitReport, ModeReport, ScopeReport};
use crate::breaker::BreakerChange;
use crate::connection::{ConnectError, Connection};
use crate::kafka_settings::KafkaSettingsError;
use crate::metrics::Metrics;
use crate::settings::Strategy;

/// What to watch.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// The topics of the path; each belongs to accounts. At most 32.
    pub path: &'static [&'static str],
    /// Those of them that the service reads.
    pub read: &'static [&'static str],
    /// What a change of mode means to customers.
    pub words: Words,
}

/// The health of one service. Clones share everything; the watch ends with the last of them.
#[derive(Debug, Clone)]
pub struct Health {
    shared: Arc<Shared>,
    switches: SwitchBoard,
    unacked: Calls,
    unanswered: Calls,
    outcomes: Outcomes,
    herald: Arc<Herald>,
    stop: Arc<DropGuard>,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Shared {
    instance: String,
    strategy: Strategy,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    circuits: Circuits,
    rounds: Rounds,
    feed: Feed,
    /// What operators said, by the circuit whose state they ordered.
    whys: BTreeMap<usize, Arc<str>>,
}

impl State {
    /// Tells the circuit if nothing of this beat is missing any more.
    fn returned(&mut self, beat: Beat, now: Duration) {
        if self.rounds.returned(beat.partition, beat.number) {
            self.circuits.heartbeat_returned(beat, now);
        }
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    /// Starts the watch; when it returns, the circuits are closed and the first heartbeats are due.
    ///
    /// # Errors
    /// A threshold is out of bounds, or a partition of the path cannot be read; the service must not start.
    pub async fn start(
        connection: &Connection,
        watched: Watched,
        metrics: Metrics,
    ) -> Result<Self, ConnectError> {
        let strategy = connection.settings().strategy;
        let partitions = if strategy.has_circuits() { connection.layout().partitions() } else { 0 };
        let token = CancellationToken::new();
        let health = Self::new(connection, watched, partitions, metrics, token.clone())?;
        if partitions > 0 {
            let reader = connection.reader("heartbeats", watched.read, StartAt::End).await?;
            let (shared, stop) = (Arc::clone(&health.shared), token.clone());
            health.tasks.spawn(watchdog::read_back(
                reader,
                shared,
                connection.instance().clone(),
                watched.path,
                stop,
            ));
            let watchdog = watchdog::Watchdog::new(
                connection,
                watched.path,
                Arc::clone(&health.shared),
                Arc::clone(&health.herald),
            )?;
            health.tasks.spawn(watchdog.run(token));
        }
        health.tasks.close();
        Ok(health)
    }

    fn new(
        connection: &Connection,
        watched: Watched,
        partitions: i32,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Result<Self, ConnectError> {
        let settings = connection.settings().circuit.checked().map_err(KafkaSettingsError::from)?;
        let service = connection.service();
        let names = (0..partitions).map(|partition| format!("{service}-{partition}"));
        // Services that trip together are not to be probed together.
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        let circuits =
            Circuits::new(names, watched.words, settings, seed).map_err(KafkaSettingsError::from)?;
        let read = watched.path.iter().enumerate().filter(|(_, topic)| watched.read.contains(topic));
        let read = read.map(|(index, _)| index);
        let rounds = Rounds::new(usize::try_from(partitions).unwrap_or(0), watched.path.len(), read);
        let feed = Feed::new(watched.path, connection.producer().signals());
        Ok(Self {
            switches: circuits.switches(),
            unacked: circuits.unacked(),
            unanswered: circuits.unanswered(),
            outcomes: circuits.outcomes(),
            herald: Arc::new(Herald::new(connection, metrics)),
            shared: Arc::new(Shared {
                instance: connection.instance().to_string(),
                strategy: connection.settings().strategy,
                started: Instant::now(),
                state: Mutex::new(State { circuits, rounds, feed, whys: BTreeMap::new() }),
            }),
            stop: Arc::new(stop.drop_guard()),
            tasks: TaskTracker::new(),
        })
    }

    /// What the hot path reads: by partition index, whether calls are admitted.
    #[must_use]
    pub fn switches(&self) -> SwitchBoard {
        self.switches.clone()
    }

    /// Where calls begin that end with the delivery report of their record.
    #[must_use]
    pub fn unacked(&self) -> Calls {
        self.unacked.clone()
    }

    /// Where calls begin that end with their answer.
    #[must_use]
    pub fn unanswered(&self) -> Calls {
        self.unanswered.clone()
    }

    /// Where calls tell how they ended.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        self.outcomes.clone()
    }

    /// Watches the progress of a reader of the path: one that stands still before the end is stuck.
    pub fn follow(&self, reader: SignalsWatch) {
        self.shared.state().feed.follow(reader);
    }

    /// Where every circuit is.
    #[must_use]
    pub fn snapshot(&self) -> ModeReport {
        let now = self.shared.now();
        let state = self.shared.state();
        let (scopes, views) = (state.circuits.scopes(), state.circuits.snapshot(now));
        ModeReport::new(&self.shared.instance, self.shared.strategy, scopes, views, &state.whys)
    }

    /// Who is to hear of the changes of a breaker: they are told as those of a circuit.
    pub fn breaker_listener(&self) -> impl Fn(BreakerChange) + Clone + Send + Sync + use<> {
        let herald = Arc::clone(&self.herald);
        move |change| herald.tell(Change::Breaker(change), None)
    }

    /// `GET /mode`, and `POST /mode` for these operators.
    pub fn routes(&self, operators: Operators) -> Router {
        let (shown, ordered) = (self.clone(), self.clone());
        let show = move || async move { Json(shown.snapshot()) };
        let order = move |headers: HeaderMap, order| async move {
            operators::order(&ordered, &operators, &headers, order)
        };
        Router::new().route("/mode", get(show).post(order))
    }

    /// The circuits of this name, or all of them; `None` if there is no such scope.
    fn partitions_of(&self, scope: &str) -> Option<Vec<usize>> {
        let views = self.shared.state().circuits.snapshot(self.shared.now());
        let named = views.iter().filter(|view| scope == "cluster" || scope == view.name.as_ref());
        let partitions: Vec<usize> = named.map(|view| view.partition).collect();
        (!partitions.is_empty()).then_some(partitions)
    }

    /// Orders a state of these circuits, or takes that back; what changed.
    fn order(
        &self,
        partitions: &[usize],
        force: Option<Force>,
        lasting: Duration,
        why: &Arc<str>,
    ) -> Vec<ModeChange> {
        let now = self.shared.now();
        let mut state = self.shared.state();
        let State { circuits, whys, .. } = &mut *state;
        let mut order = |partition: usize| {
            match force {
                Some(_) => whys.insert(partition, Arc::clone(why)),
                None => whys.remove(&partition),
            };
            let changed = match force {
                Some(force) => circuits.force(partition, force, lasting, now),
                None => circuits.release(partition, now),
            };
            changed.unwrap_or_else(|unknown| {
                tracing::error!(%unknown, "an order for no circuit was ignored");
                None
            })
        };
        partitions.iter().filter_map(|partition| order(*partition)).collect()
    }

    /// Stops the watch; the circuits stay where they are. Never longer than `timeout`.
    pub async fn close(&self, timeout: Duration) {
        self.stop.token().cancel();
        if tokio::time::timeout(timeout, self.tasks.wait()).await.is_err() {
            tracing::debug!("the health watch was left to end by itself");
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::connection::tests::offline;
    use contracts::topics::{FEES, QUOTES};

    const WATCHED: Watched = Watched {
        path: &[FEES, QUOTES],
        read: &[QUOTES],
        words: Words { degraded: "customers go elsewhere", restored: "customers come back" },
    };

    /// Three circuits without a watchdog: only orders change them. And what is told of that.
    pub(crate) fn watched_by_nobody() -> (Health, tokio::sync::broadcast::Receiver<ModeNotice>) {
        let connection = offline(Strategy::Degrade, 3);
        let notices = connection.settings().notices.subscribe();
        let health = Health::new(&connection, WATCHED, 3, Metrics::new("test"), CancellationToken::new());
        (health.unwrap(), notices)
    }

    #[tokio::test]
    async fn a_cluster_that_is_not_there_opens_every_circuit_and_tells_so() {
        let connection = offline(Strategy::Degrade, 3);
        let mut notices = connection.settings().notices.subscribe();
        let token = CancellationToken::new();
        let metrics = Metrics::new("test");
        let health = Health::new(&connection, WATCHED, 3, metrics.clone(), token.clone()).unwrap();
        let herald = Arc::clone(&health.herald);
        let watchdog = watchdog::Watchdog::new(&connection, WATCHED.path, Arc::clone(&health.shared), herald);
        let watching = tokio::spawn(watchdog.unwrap().run(token));
        for _ in 0..3 {
            let opened = tokio::time::timeout(Duration::from_secs(20), async {
                loop {
                    let notice = notices.recv().await.unwrap();
                    let (from, to) = notice.change.states();
                    if to == "open" && from != "half_open" {
                        break notice;
                    }
                }
            });
            assert_eq!(opened.await.unwrap().service, "test");
        }
        let report = health.snapshot();
        assert_eq!((report.mode, report.circuits.len()), (trading::mode::Mode::Degraded, 3));
        assert!((0..3).all(|partition| health.switches().decide(partition) == circuit::Decision::Fallback));
        assert!(metrics.encode().contains("circuit_open{partition=\"2\"} 1"));
        drop(health);
        watching.await.unwrap();
    }

    /// Stops every task of this service for longer than a heartbeat lives in its client.
    #[tokio::test]
    async fn a_service_that_was_stopped_does_not_blame_kafka_for_what_expired_meanwhile() {
        let connection = offline(Strategy::Degrade, 3);
        let mut notices = connection.settings().notices.subscribe();
        let token = CancellationToken::new();
        let health = Health::new(&connection, WATCHED, 3, Metrics::new("test"), token.clone()).unwrap();
        let herald = Arc::clone(&health.herald);
        let watchdog = watchdog::Watchdog::new(&connection, WATCHED.path, Arc::clone(&health.shared), herald);
        let watching = tokio::spawn(watchdog.unwrap().run(token));
        let heartbeats_out = || health.shared.state().circuits.snapshot(health.shared.now());
        while heartbeats_out().iter().any(|view| view.heartbeat.is_none()) {
            tokio::task::yield_now().await;
        }
        std::thread::sleep(Duration::from_secs(3));
        let opened = loop {
            let notice = notices.recv().await.unwrap();
            if notice.change.states().1 == "open" {
                break notice.to_string();
            }
        };
        assert!(opened.contains("without an ack"), "there is no cluster, but that is no proof: {opened}");
        drop(health);
        watching.await.unwrap();
    }

    #[tokio::test]
    async fn hanging_has_no_circuit_and_says_so() {
        let connection = offline(Strategy::Hang, 3);
        let health = Health::start(&connection, WATCHED, Metrics::new("test")).await.unwrap();
        let report = health.snapshot();
        assert_eq!((report.strategy, report.mode), ("hang", trading::mode::Mode::Normal));
        assert!(report.circuits.is_empty());
        assert_eq!(health.switches().decide(0), circuit::Decision::Primary);
        health.close(Duration::from_secs(5)).await;
    }
}
