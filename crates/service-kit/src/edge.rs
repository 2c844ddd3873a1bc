//! The HTTP edge: the accept loop with its limits and its drain, and the routes every service has.
//!
//! Bounds: connections (further ones wait in the kernel's queue), header block (32 KiB, 64 headers, 5 s to
//! arrive), body, and the time of the drain. A request id comes in or is made, and goes out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use crate::metrics::{self, Metrics};
use crate::problem::{PathTaken, X_PATH};
use crate::settings::HttpSettings;

/// Longest header block of a request. Hyper's own default is about 400 KiB, far more than any client here sends.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// A client that has not sent its header block by then is cut off.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the service can take requests: false until its readers are in place, and again while it drains.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on `/readyz` says so.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    /// Ready until `stop`.
    pub async fn until(&self, stop: &CancellationToken) {
        self.set(true);
        stop.cancelled().await;
        self.set(false);
    }

    fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Adds what every service has to its own routes: `/healthz`, `/readyz`, `/metrics`, request ids, counts, limits.
pub fn with_common_routes(
    routes: Router,
    settings: &HttpSettings,
    metrics: Metrics,
    ready: Readiness,
) -> Router {
    let counted = routes
        .route_layer(middleware::from_fn_with_state(metrics.clone(), count))
        .layer(DefaultBodyLimit::max(usize::try_from(settings.body_bytes_max).unwrap_or(usize::MAX)));
    let encode = move || async move { ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.encode()) };
    counted
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || async move { readyz(&ready) }))
        .route("/metrics", get(encode))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

fn readyz(ready: &Readiness) -> Response {
    if ready.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: starting or draining\n").into_response()
    }
}

async fn count(State(metrics): State<Metrics>, route: MatchedPath, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let response = next.run(request).await;
    let path = PathTaken::label(response.headers().get(X_PATH));
    metrics.answered(
        known_route(route.as_str()),
        path,
        response.status().as_u16(),
        started.elapsed().as_secs_f64(),
    );
    response
}

/// Label values must be static and few: the routes of the three services, by name.
fn known_route(route: &str) -> &'static str {
    const ROUTES: [&str; 8] = [
        "/v1/fees",
        "/v1/accounts/{id}/tier",
        "/v1/quotes",
        "/v1/quotes/{id}",
        "/v1/orders",
        "/v1/orders/{client_order_id}",
        "/v1/outbox",
        "/mode",
    ];
    ROUTES.into_iter().find(|known| *known == route).unwrap_or("other")
}

/// Serves until `shutdown`, then waits for requests in flight up to the drain time, and cuts off the rest: when this
/// returns, no handler runs any more.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    settings: &HttpSettings,
    shutdown: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let (connections, cut_off) = (TaskTracker::new(), CancellationToken::new());
    let limit =
        Arc::new(Semaphore::new(usize::try_from(settings.connections_max).unwrap_or(Semaphore::MAX_PERMITS)));
    loop {
        let (stream, permit) = tokio::select! {
            accepted = accept(&listener, &limit) => accepted,
            () = shutdown.cancelled() => break,
        };
        let connection = graceful.watch(connection(stream, routes.clone()));
        let cut_off = cut_off.clone();
        connections.spawn(async move {
            tokio::select! {
                // A client that resets its connection is no event for the server's log.
                _ = connection => {}
                () = cut_off.cancelled() => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(settings.drain(), graceful.shutdown()).await.is_err() {
        tracing::warn!(drain_ms = settings.drain_ms, "drain time over: requests still in flight are cut off");
        cut_off.cancel();
    }
    connections.close();
    connections.wait().await;
}

async fn accept(listener: &TcpListener, limit: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let permit = limit.clone().acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small answers must not wait for Nagle; a socket that refuses is still served.
                let _ = stream.set_nodelay(true);
                return (stream, permit);
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection; trying again in 50 ms");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn connection(
    stream: TcpStream,
    routes: Router,
) -> hyper::server::conn::http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn started(
        routes: Router,
    ) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let routes =
            with_common_routes(routes, &HttpSettings::default(), Metrics::new("t"), Readiness::default());
        let task = tokio::spawn(async move { serve(listener, routes, &HttpSettings::default(), stop).await });
        (address, shutdown, task)
    }

    async fn ask(address: std::net::SocketAddr, request: String) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // The server may reset after refusing; what it said before that is what counts.
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn a_service_is_alive_before_it_is_ready() {
        let (address, shutdown, task) = started(Router::new().route("/v1/fees", get(|| async { "1" }))).await;
        let get =
            |path: &str| ask(address, format!("GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"));
        assert!(get("/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get("/readyz").await.starts_with("HTTP/1.1 503"));
        assert!(get("/metrics").await.contains("# EOF"));
        shutdown.cancel();
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_header_block_far_over_the_limit_is_refused() {
        let (address, shutdown, task) = started(Router::new().route("/v1/fees", get(|| async { "1" }))).await;
        let long = "x".repeat(4 * HEADER_BYTES_MAX);
        let answer = ask(address, format!("GET /healthz HTTP/1.1\r\nhost: t\r\nlong: {long}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        shutdown.cancel();
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_hangs_is_cut_off_when_the_drain_time_is_over() {
        let (entered, mut seen) = tokio::sync::mpsc::channel::<()>(1);
        let hangs = get(move || async move {
            entered.send(()).await.unwrap();
            // The sender lives as long as the handler.
            std::future::pending::<()>().await;
            drop(entered);
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let settings = HttpSettings { drain_ms: 50, ..HttpSettings::default() };
        let routes = Router::new().route("/hangs", hangs);
        let (stop, ask_for) = (shutdown.clone(), "GET /hangs HTTP/1.1\r\nhost: t\r\n\r\n");
        let request = tokio::spawn(ask(address, ask_for.into()));
        let server = tokio::spawn(async move { serve(listener, routes, &settings, stop).await });
        seen.recv().await.unwrap();
        shutdown.cancel();
        server.await.unwrap();
        assert_eq!(seen.recv().await, None, "the handler is gone when the server has ended");
        assert_eq!(request.await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_request_in_flight_is_answered_before_the_drain_ends() {
        let (entered, mut seen) = tokio::sync::mpsc::channel::<()>(1);
        let slow = get(move || async move {
            entered.send(()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            "done"
        });
        let (address, shutdown, task) = started(Router::new().route("/slow", slow)).await;
        let request = tokio::spawn(ask(address, "GET /slow HTTP/1.1\r\nhost: t\r\n\r\n".into()));
        seen.recv().await.unwrap();
        shutdown.cancel();
        assert!(request.await.unwrap().ends_with("done"));
        task.await.unwrap();
    }
}
