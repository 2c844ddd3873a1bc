//! The health watch: feeds the circuits of one service, and tells of their changes.
//!
//! A circuit watches one partition index over all topics of the service's path. It is fed by the guards of
//! customers' records and calls, and by heartbeats: one synthetic record on *each* topic of the path at that index,
//! through a producer of their own, read back by assignment.
//!
//! # Invariants
//! - The reader of heartbeats is ready before the first heartbeat is sent.
//! - A customer's call is never a probe, and a heartbeat of another instance is never taken for one of ours.
//! - Under [`Strategy::Hang`] there is no circuit, no heartbeat and no task: every call is admitted.
//! - The lock is held for microseconds and never across a wait.

mod notice;
mod rounds;
mod view;
mod watchdog;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::routing::get;
use axum::{Json, Router};
use bus::StartAt;
use circuit::{Calls, Circuits, SwitchBoard, Words};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use self::notice::{ModeNotice, ModeNotices, NOTICES_MAX};
use self::rounds::Rounds;
pub use self::view::{CircuitReport, ModeReport};
use crate::connection::{ConnectError, Connection};
use crate::kafka_settings::KafkaSettingsError;
use crate::metrics::Metrics;
use crate::settings::Strategy;

/// What to watch.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// The topics of the path; each belongs to accounts. At most 32.
    pub path: &'static [&'static str],
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
        let partitions = match strategy {
            Strategy::Hang => 0,
            Strategy::Degrade => connection.layout().partitions(),
        };
        let token = CancellationToken::new();
        let health = Self::new(connection, watched, partitions, token.clone())?;
        if partitions > 0 {
            let reader = connection.reader("heartbeats", watched.path, StartAt::End).await?;
            let (shared, stop) = (Arc::clone(&health.shared), token.clone());
            health.tasks.spawn(watchdog::read_back(
                reader,
                shared,
                connection.instance().clone(),
                watched.path,
                stop,
            ));
            let watchdog =
                watchdog::Watchdog::new(connection, watched.path, Arc::clone(&health.shared), metrics)?;
            health.tasks.spawn(watchdog.run(token));
        }
        health.tasks.close();
        Ok(health)
    }

    fn new(
        connection: &Connection,
        watched: Watched,
        partitions: i32,
        stop: CancellationToken,
    ) -> Result<Self, ConnectError> {
        let settings = connection.settings().circuit.checked().map_err(KafkaSettingsError::from)?;
        let service = connection.service();
        let names = (0..partitions).map(|partition| format!("{service}-{partition}"));
        // Services that trip together are not to be probed together.
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        let circuits =
            Circuits::new(names, watched.words, settings, seed).map_err(KafkaSettingsError::from)?;
        let rounds = Rounds::new(usize::try_from(partitions).unwrap_or(0), watched.path.len());
        Ok(Self {
            switches: circuits.switches(),
            unacked: circuits.unacked(),
            unanswered: circuits.unanswered(),
            shared: Arc::new(Shared {
                instance: connection.instance().to_string(),
                strategy: connection.settings().strategy,
                started: Instant::now(),
                state: Mutex::new(State { circuits, rounds }),
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

    /// Where every circuit is.
    #[must_use]
    pub fn snapshot(&self) -> ModeReport {
        let now = self.shared.now();
        let views = self.shared.state().circuits.snapshot(now);
        ModeReport::new(&self.shared.instance, self.shared.strategy, views)
    }

    /// `GET /mode`.
    pub fn routes(&self) -> Router {
        let health = self.clone();
        Router::new().route("/mode", get(move || async move { Json(health.snapshot()) }))
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
mod tests {
    use super::*;
    use crate::connection::tests::offline;
    use contracts::topics::{FEES, QUOTES};

    const WATCHED: Watched = Watched {
        path: &[FEES, QUOTES],
        words: Words { degraded: "customers go elsewhere", restored: "customers come back" },
    };

    #[tokio::test]
    async fn a_cluster_that_is_not_there_opens_every_circuit_and_tells_so() {
        let connection = offline(Strategy::Degrade, 3);
        let mut notices = connection.settings().notices.subscribe();
        let token = CancellationToken::new();
        let health = Health::new(&connection, WATCHED, 3, token.clone()).unwrap();
        let metrics = Metrics::new("test");
        let watchdog =
            watchdog::Watchdog::new(&connection, WATCHED.path, Arc::clone(&health.shared), metrics.clone());
        let watching = tokio::spawn(watchdog.unwrap().run(token));
        for _ in 0..3 {
            let opened = tokio::time::timeout(Duration::from_secs(20), async {
                loop {
                    let notice = notices.recv().await.unwrap();
                    if notice.change.to.name() == "open" && notice.change.from.name() != "half_open" {
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
