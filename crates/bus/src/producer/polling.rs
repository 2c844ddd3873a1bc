//! The thread that serves a producer's events, and that takes its client down in the end.
//!
//! Destroying a client joins its broker threads, so whoever drops the last reference waits for them. It is always
//! this thread: a service never does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseProducer, Producer as _, PurgeConfig};
use tokio::sync::watch;

use super::delivery::InFlight;
use crate::context::Context;
use crate::teardown::TimedOut;

pub(super) type Native = BaseProducer<Context>;

/// How long one poll waits for events: the delay of a stop, and 20 wake-ups a second when idle.
const POLL: Duration = Duration::from_millis(50);
/// How long the reports of a purge may take. Measured: 0.1 s; a broker thread inside a name lookup takes longer.
const PURGE_MAX: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Polling {
    stop: Arc<AtomicBool>,
    ended: watch::Receiver<()>,
}

impl Polling {
    pub(super) fn start(client_id: &str, native: Arc<Native>, in_flight: Arc<InFlight>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (alive, ended) = watch::channel(());
        let stopped = Arc::clone(&stop);
        let body = move || {
            while !stopped.load(Ordering::Acquire) {
                native.poll(POLL);
            }
            purge(&native, &in_flight);
            drop(native);
            drop(alive);
        };
        std::thread::Builder::new()
            .name(format!("bus-{client_id}"))
            .spawn(body)
            .expect("a process that starts a producer has a thread to spare");
        Self { stop, ended }
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Waits for the end of the thread, at most `timeout`.
    pub(super) async fn ended(&self, timeout: Duration) -> Result<(), TimedOut> {
        let mut ended = self.ended.clone();
        // Nothing is ever sent: the channel closes with the thread.
        let closed = async { while ended.changed().await.is_ok() {} };
        tokio::time::timeout(timeout, closed).await.map_err(|_| TimedOut(timeout))
    }
}

/// Turns everything that is stuck into reports, and serves them.
fn purge(native: &Native, in_flight: &InFlight) {
    let until = Instant::now() + PURGE_MAX;
    while in_flight.count() > 0 && Instant::now() < until {
        // Again and again: a record that is between two queues escapes a single purge.
        native.purge(PurgeConfig::default().queue().inflight().non_blocking());
        native.poll(Duration::from_millis(20));
    }
}
