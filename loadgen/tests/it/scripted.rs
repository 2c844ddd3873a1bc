//! Servers whose behaviour is scripted, each on a thread of its own, and plans to send to them.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::Method;
use loadgen::{
    Arrivals, Choices, Limits, Mapping, Mode, PlanSpec, Product, Quantity, RequestSpec, Target, Wire,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep_until;

/// An HTTP server: the last part of the path says how it answers.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    script: Arc<Script>,
}

#[derive(Debug, Default)]
struct Script {
    hang: Mutex<Option<Range<Instant>>>,
    bodies: Mutex<Vec<String>>,
}

impl Scripted {
    pub(crate) fn start() -> Self {
        let script = Arc::new(Script::default());
        let router = Router::new().route("/{how}", post(answer)).with_state(script.clone());
        let address =
            serve(|listener| async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, script }
    }

    /// Requests that arrive within the range are answered at its end.
    pub(crate) fn hang(&self, during: Range<Instant>) {
        *self.script.hang.lock().unwrap() = Some(during);
    }

    /// Every body that was received.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.script.bodies.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Arc<Script>>, Path(how): Path<String>, body: String) -> Response {
    script.bodies.lock().unwrap().push(body);
    let hang = script.hang.lock().unwrap().clone();
    if let Some(hang) = hang.filter(|hang| hang.contains(&Instant::now())) {
        sleep_until(hang.end.into()).await;
    }
    let problem = |executed| {
        ([("content-type", "application/problem+json")], format!(r#"{{"executed":"{executed}"}}"#))
    };
    match how.as_str() {
        "kafka" => [("x-path", "kafka")].into_response(),
        "sync" => [("x-path", "sync")].into_response(),
        "pending" => (StatusCode::ACCEPTED, problem("pending")).into_response(),
        "reject" => (StatusCode::SERVICE_UNAVAILABLE, [("x-path", "reject")], problem("no")).into_response(),
        "unknown" => (StatusCode::GATEWAY_TIMEOUT, [("x-executed", "unknown")]).into_response(),
        _ => StatusCode::IM_A_TEAPOT.into_response(),
    }
}

/// A server below HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    open: Arc<AtomicU64>,
    open_max: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum RawAnswer {
    /// Reads and never answers.
    Silence,
    /// Closes as soon as a request arrives.
    Close,
    /// Announces more than it sends, then closes.
    Half,
}

impl Raw {
    pub(crate) fn start(how: RawAnswer) -> Self {
        let (open, open_max) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (now, most) = (open.clone(), open_max.clone());
        let address = serve(move |listener| async move {
            while let Ok((stream, _)) = listener.accept().await {
                let now = now.clone();
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::spawn(async move {
                    raw_exchange(stream, how).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, open, open_max }
    }

    /// Connections open now.
    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::SeqCst)
    }

    /// The most that were open at once.
    pub(crate) fn open_max(&self) -> u64 {
        self.open_max.load(Ordering::SeqCst)
    }
}

async fn raw_exchange(mut stream: TcpStream, how: RawAnswer) {
    let mut buffer = [0; 4096];
    match how {
        RawAnswer::Silence => while matches!(stream.read(&mut buffer).await, Ok(1..)) {},
        RawAnswer::Close => drop(stream.read(&mut buffer).await),
        RawAnswer::Half => {
            drop(stream.read(&mut buffer).await);
            drop(
                stream.write_all(b"HTTP/1.1 200 OK\r\nx-path: kafka\r\ncontent-length: 9\r\n\r\nhalf").await,
            );
        }
    }
}

/// A listener that accepts nobody: when its queue is full, connections are neither taken nor refused.
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) address: SocketAddr,
    _listener: std::net::TcpListener,
}

impl Full {
    pub(crate) fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = {
            let _here = runtime.enter();
            socket.listen(1).and_then(TcpListener::into_std).expect("a bound socket can listen")
        };
        let address = listener.local_addr().expect("a bound port has an address");
        Self { address, _listener: listener }
    }
}

/// An address that refuses connections.
pub(crate) fn refusing() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound port has an address")
}

fn serve<F>(work: impl FnOnce(TcpListener) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()>,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket can be made non-blocking");
    let address = listener.local_addr().expect("a bound port has an address");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move { work(TcpListener::from_std(listener).expect("in a runtime")).await });
    });
    address
}

/// A plan for one second at 200/s, without requests yet.
pub(crate) fn spec(targets: &[(&str, SocketAddr)]) -> PlanSpec {
    let quantity = Quantity { units_min: 1, units_max: 500, decimals: 4 };
    let target = |(name, address): &(&str, SocketAddr)| Target {
        name: (*name).to_owned(),
        address: *address,
        wire: Wire::default(),
    };
    PlanSpec {
        seed: 7,
        run: "test".to_owned(),
        arrivals: Arrivals::Poisson,
        rate_per_s: 200.0,
        duration: Duration::from_secs(1),
        warm_up: Duration::ZERO,
        mode: Mode::Open,
        workers: 1,
        targets: targets.iter().map(target).collect(),
        requests: Vec::new(),
        choices: Choices {
            accounts: vec!["acct-1".to_owned(), "acct-2".to_owned()],
            products: vec![Product { name: "BTC-USD".to_owned(), quantity }],
            ..Choices::default()
        },
        mapping: Mapping::default(),
        limits: Limits {
            // A deadline that a busy test machine does not reach by itself.
            deadline: Duration::from_secs(20),
            drain_max: Duration::from_secs(20),
            connections_preopened: 4,
            ..Limits::default()
        },
    }
}

/// A request labelled by how it is to be answered.
pub(crate) fn request(target: &str, label: &str) -> RequestSpec {
    RequestSpec {
        label: label.to_owned(),
        weight: 1,
        method: Method::POST,
        target: target.to_owned(),
        path: format!("/{label}"),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Some(r#"{"id":"{run}-{seq}","quantity":"{quantity}"}"#.to_owned()),
    }
}

/// Polls until it holds; a generous deadline, so that only a bug reaches it.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "it never happened that {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
