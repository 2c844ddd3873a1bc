//! A breaker that is open, whose one probe hangs for ever, while the service is healthy again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use circuit::{Decision, LOOK_EVERY, Settings};
use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;
use tower_resilience_timelimiter::TimeLimiterLayer;

use crate::ours::circuits;
use crate::row::{PATIENCE, hang};

pub(crate) const HEAD: &str = "\
    | breaker | rejected | first call served |\n\
    |---|---|---|";

const CALLS: u32 = 30;
const PERIOD: Duration = Duration::from_millis(100);

/// How long a breaker stays open before it is probed.
const OPEN: Duration = Duration::from_millis(250);

pub(crate) struct Probed {
    who: &'static str,
    rejected: u32,
    served: Option<Duration>,
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let served = match self.served {
            Some(after) => format!("after {} ms", after.as_millis()),
            None => "**never**".to_owned(),
        };
        write!(f, "| {} | {} of {CALLS} | {served} |", self.who, self.rejected)
    }
}

/// Fails, hangs or answers, as it is told.
#[derive(Clone, Default)]
struct Backend {
    fails: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

impl Backend {
    async fn answer(self) -> Result<(), std::io::Error> {
        if self.hangs.load(Relaxed) {
            return hang().await;
        }
        if self.fails.load(Relaxed) { Err(std::io::ErrorKind::Other.into()) } else { Ok(()) }
    }
}

/// A call every 100 ms, for 3 s.
async fn calls(who: &'static str, mut call: impl AsyncFnMut() -> bool) -> Probed {
    let began = Instant::now();
    let (mut rejected, mut served) = (0, None);
    let mut ticks = tokio::time::interval(PERIOD);
    for _ in 0..CALLS {
        ticks.tick().await;
        if call().await {
            served = served.or(Some(began.elapsed()));
        } else {
            rejected += 1;
        }
    }
    Probed { who, rejected, served }
}

/// Ten failures open it, a probe hangs, and then the service is healthy.
async fn wedge<S>(who: &'static str, service: S, backend: Backend) -> Probed
where
    S: Service<()> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    S::Response: Send,
{
    backend.fails.store(true, Relaxed);
    for _ in 0..10 {
        drop(service.clone().oneshot(()).await);
    }
    backend.hangs.store(true, Relaxed);
    tokio::time::sleep(OPEN * 2).await;
    let _probe = tokio::spawn(service.clone().oneshot(()));
    tokio::time::sleep(PERIOD / 10).await;
    backend.hangs.store(false, Relaxed);
    backend.fails.store(false, Relaxed);
    calls(who, async || service.clone().oneshot(()).await.is_ok()).await
}

pub(crate) async fn tower_resilience_alone() -> anyhow::Result<Probed> {
    let backend = Backend::default();
    let breaker =
        CircuitBreakerLayer::builder().sliding_window_size(10).wait_duration_in_open(OPEN).build()?;
    let inner = backend.clone();
    let service = ServiceBuilder::new().layer(breaker).service(service_fn(move |()| inner.clone().answer()));
    Ok(wedge("tower-resilience 0.14", service, backend).await)
}

pub(crate) async fn tower_resilience_around_a_timeout() -> anyhow::Result<Probed> {
    let backend = Backend::default();
    let breaker =
        CircuitBreakerLayer::builder().sliding_window_size(10).wait_duration_in_open(OPEN).build()?;
    let limit = TimeLimiterLayer::builder().timeout_duration(PATIENCE).build();
    let inner = backend.clone();
    let service = ServiceBuilder::new()
        .layer(breaker)
        .layer(limit)
        .service(service_fn(move |()| inner.clone().answer()));
    Ok(wedge("tower-resilience 0.14, its time limiter inside", service, backend).await)
}

/// Heartbeats come back at once, but for the first one of the half-open circuit, which never does.
pub(crate) async fn ours() -> anyhow::Result<Probed> {
    let mut circuits = circuits(Settings::default())?;
    let (switches, began) = (circuits.switches(), Instant::now());
    let stuck = circuits.unacked().begin(0);
    while switches.decide(0) == Decision::Primary {
        circuits.watch(began.elapsed());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    drop(stuck);
    let (tell, probe_hangs) = tokio::sync::oneshot::channel();
    let watchdog = tokio::spawn(async move {
        let mut tell = Some(tell);
        loop {
            circuits.watch(began.elapsed());
            for beat in circuits.heartbeats_due(began.elapsed()) {
                match tell.take() {
                    Some(tell) => drop(tell.send(())),
                    None => circuits.heartbeat_returned(beat, began.elapsed()),
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    probe_hangs.await?;
    let probed = calls("**leaderless**", async || switches.decide(0) == Decision::Primary).await;
    watchdog.abort();
    Ok(probed)
}
