//! The breakers that people can install, as their manuals recommend.
//!
//! - tower-resilience 0.14: the preset `standard()`, with its slow calls switched on. Its README has a client's timeout
//!   *outside* of the breaker; its composition guide has one inside for calls to somebody else's API, and only the one
//!   outside for services, databases, caches and Kafka consumers. So both are here.
//! - recloser 1.4 and failsafe 1.3: their defaults, and the same two places for a timeout.

use std::convert::identity;
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use failsafe::futures::CircuitBreaker as _;
use recloser::{AsyncRecloser, Recloser};
use tokio::time::timeout;
use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_resilience_circuitbreaker::{CircuitBreakerConfigBuilder, CircuitBreakerLayer, DefaultClassifier};
use tower_resilience_timelimiter::TimeLimiterLayer;

use crate::row::{Count, PATIENCE, Row, hang, watch};

type Breaker = CircuitBreakerConfigBuilder<DefaultClassifier>;

/// The preset, which counts what it records; slow is half of the timeout, and half of the calls may be.
fn standard(recorded: &Count) -> Breaker {
    let (good, bad) = (recorded.clone(), recorded.clone());
    CircuitBreakerLayer::standard()
        .slow_call_duration_threshold(PATIENCE / 2)
        .slow_call_rate_threshold(0.5)
        .on_success(move |_| good.add())
        .on_failure(move |_| bad.add())
}

async fn through<S>(who: &'static str, service: S, recorded: Count, open: impl FnMut() -> bool) -> Row
where
    S: Service<()> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    S::Response: Send,
{
    let call = || {
        let service = service.clone();
        async { drop(service.oneshot(()).await) }
    };
    let (tripped, cut_off) = watch(call, open).await;
    Row { who, tripped, recorded: recorded.get(), cut_off }
}

pub(crate) async fn tower_resilience_alone() -> anyhow::Result<Row> {
    let recorded = Count::default();
    let (breaker, handle) = standard(&recorded).build_with_handle()?;
    let service = ServiceBuilder::new().layer(breaker).service(service_fn(|()| hang()));
    Ok(through("tower-resilience 0.14", service, recorded, || handle.is_open()).await)
}

pub(crate) async fn tower_resilience_inside_a_timeout() -> anyhow::Result<Row> {
    let recorded = Count::default();
    let (breaker, handle) = standard(&recorded).build_with_handle()?;
    let limit = TimeLimiterLayer::builder().timeout_duration(PATIENCE).build();
    let service = ServiceBuilder::new().layer(limit).layer(breaker).service(service_fn(|()| hang()));
    let who = "tower-resilience 0.14, its time limiter outside";
    Ok(through(who, service, recorded, || handle.is_open()).await)
}

pub(crate) async fn tower_resilience_around_a_timeout() -> anyhow::Result<Row> {
    let recorded = Count::default();
    let (breaker, handle) = standard(&recorded).build_with_handle()?;
    let limit = TimeLimiterLayer::builder().timeout_duration(PATIENCE).build();
    let service = ServiceBuilder::new().layer(breaker).layer(limit).service(service_fn(|()| hang()));
    let who = "tower-resilience 0.14, its time limiter inside";
    Ok(through(who, service, recorded, || handle.is_open()).await)
}

/// Asks without being recorded: a call that is admitted hangs and is dropped, which is what none of them sees.
fn rejects<T, E>(call: impl Future<Output = Result<T, E>>) -> bool {
    pin!(call).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

async fn hang_for(patience: Duration) -> Result<(), std::io::Error> {
    timeout(patience, hang()).await.map_err(std::io::Error::from).and_then(identity)
}

/// `inner` hangs, and is cut off from outside after `outer`.
async fn with_recloser(who: &'static str, inner: Duration, outer: Duration) -> Row {
    let (recloser, recorded) = (AsyncRecloser::from(Recloser::default()), Count::default());
    let call = || {
        let (recloser, recorded) = (recloser.clone(), recorded.clone());
        let seen = move |_: &std::io::Error| {
            recorded.add();
            true
        };
        async move { drop(timeout(outer, recloser.call_with(seen, hang_for(inner))).await) }
    };
    let (tripped, cut_off) = watch(call, || rejects(recloser.call(pending::<Result<(), ()>>()))).await;
    Row { who, tripped, recorded: recorded.get(), cut_off }
}

pub(crate) async fn recloser_alone() -> Row {
    with_recloser("recloser 1.4", Duration::MAX, Duration::MAX).await
}

pub(crate) async fn recloser_inside_a_timeout() -> Row {
    with_recloser("recloser 1.4, a timeout outside", Duration::MAX, PATIENCE).await
}

pub(crate) async fn recloser_around_a_timeout() -> Row {
    with_recloser("recloser 1.4, a timeout inside", PATIENCE, Duration::MAX).await
}

async fn with_failsafe(who: &'static str, inner: Duration, outer: Duration) -> Row {
    let (breaker, recorded) = (failsafe::Config::new().build(), Count::default());
    let call = || {
        let (breaker, recorded) = (breaker.clone(), recorded.clone());
        let seen = move |_: &std::io::Error| {
            recorded.add();
            true
        };
        async move { drop(timeout(outer, breaker.call_with(seen, hang_for(inner))).await) }
    };
    let (tripped, cut_off) = watch(call, || rejects(breaker.call(pending::<Result<(), ()>>()))).await;
    Row { who, tripped, recorded: recorded.get(), cut_off }
}

pub(crate) async fn failsafe_alone() -> Row {
    with_failsafe("failsafe 1.3", Duration::MAX, Duration::MAX).await
}

pub(crate) async fn failsafe_inside_a_timeout() -> Row {
    with_failsafe("failsafe 1.3, a timeout outside", Duration::MAX, PATIENCE).await
}

pub(crate) async fn failsafe_around_a_timeout() -> Row {
    with_failsafe("failsafe 1.3, a timeout inside", PATIENCE, Duration::MAX).await
}
