//! HTTP/2 servers that misbehave as scripted: one port per behaviour, in the clear or under TLS.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use loadgen::Wire;
use recorder::Outcome;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::certificates::{self, Name};
use crate::mock::{Server, listen};

/// What a server does with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    /// Answers.
    Well,
    /// Answers after 30 ms.
    Slow,
    /// Never answers.
    Hang,
    /// Resets the stream.
    Reset,
    /// Answers in pieces.
    Drip,
    /// Announces more than it sends.
    TooShort,
    /// Sends a body that never ends.
    DripForEver,
    /// Allows two streams at a time, and answers after 2 ms.
    Narrow,
    /// Says that it goes away after each tenth answer, and does when it has answered all.
    GoesAway,
    /// Cuts the connection when a request has come.
    Cut,
    /// Speaks HTTP/1.1.
    Http1,
    /// Closes every connection as soon as it is open.
    ClosesAtOnce,
}

use Behaviour::*;

impl Behaviour {
    const ALL: [Self; 12] =
        [Well, Slow, Hang, Reset, Drip, TooShort, DripForEver, Narrow, GoesAway, Cut, Http1, ClosesAtOnce];

    fn outcomes(self, is_secure: bool) -> &'static [Outcome] {
        match self {
            Well | Slow | Drip | Narrow => &[Outcome::Ok],
            Hang | DripForEver => &[Outcome::Timeout],
            // What was sent while it said so is not answered any more.
            GoesAway => &[Outcome::Ok, Outcome::ErrorIo],
            // Under TLS it is found out in the handshake.
            Http1 | ClosesAtOnce if is_secure => &[Outcome::ErrorConnect],
            Reset | TooShort | Cut | Http1 => &[Outcome::ErrorIo],
            ClosesAtOnce => &[Outcome::ErrorIo, Outcome::ErrorConnect],
        }
    }
}

/// A server for every behaviour, by prior knowledge.
pub(crate) fn plain() -> Vec<Server> {
    servers(&Wire { http2: true, tls: None })
}

/// A server for every behaviour, under TLS.
pub(crate) fn secure() -> Vec<Server> {
    servers(&certificates::wire(true))
}

fn servers(wire: &Wire) -> Vec<Server> {
    let is_secure = wire.tls.is_some();
    let addresses =
        listen(Behaviour::ALL.to_vec(), move |stream, behaviour| serve(stream, behaviour, is_secure));
    let server = |(behaviour, address): (Behaviour, _)| Server {
        label: format!("{behaviour:?}"),
        address,
        wire: wire.clone(),
        outcomes: behaviour.outcomes(is_secure),
    };
    Behaviour::ALL.into_iter().zip(addresses).map(server).collect()
}

async fn serve(stream: TcpStream, behaviour: Behaviour, is_secure: bool) {
    stream.set_nodelay(true).expect("a socket has that option");
    let protocol: &'static [u8] = if behaviour == Http1 { b"http/1.1" } else { b"h2" };
    match is_secure {
        _ if behaviour == ClosesAtOnce => {}
        true => {
            if let Ok(stream) = certificates::acceptor(Name::Server, protocol).accept(stream).await {
                connection(stream, behaviour).await;
            }
        }
        false => connection(stream, behaviour).await,
    }
}

#[derive(Debug, Clone, Copy)]
struct Here;

impl<F: Future + 'static> Executor<F> for Here
where
    F::Output: 'static,
{
    fn execute(&self, work: F) {
        spawn_local(work);
    }
}

/// Until the behaviour or the other end ends it; the other end may have gone, and that is its affair.
async fn connection<S>(mut stream: S, behaviour: Behaviour)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    if behaviour == Http1 {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        return;
    }
    let (answered, came) = (AtomicU64::new(0), tokio::sync::Notify::new());
    let service = service_fn(|_: Request<Incoming>| {
        answered.fetch_add(1, Ordering::Relaxed);
        came.notify_one();
        answer(behaviour)
    });
    let mut builder = http2::Builder::new(Here);
    builder.max_concurrent_streams(if behaviour == Narrow { 2 } else { 200 });
    // By default a connection ends whose client has reset 20 requests that the server did not get to: exchanges that ran
    // out of time would end those beside them.
    builder.max_pending_accept_reset_streams(100_000);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = came.notified() => match behaviour {
                Cut => return,
                GoesAway if answered.load(Ordering::Relaxed) >= 10 => connection.as_mut().graceful_shutdown(),
                _ => {}
            },
        }
    }
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

async fn answer(behaviour: Behaviour) -> Result<Response<Body>, std::io::Error> {
    let whole = |text: &'static str| Body::new(Full::from(text));
    let response = match behaviour {
        Slow => {
            sleep(Duration::from_millis(30)).await;
            Response::new(whole("ok"))
        }
        Narrow => {
            sleep(Duration::from_millis(2)).await;
            Response::new(whole("ok"))
        }
        Hang | Cut => std::future::pending().await,
        Reset => return Err(std::io::Error::other("on purpose")),
        Drip => Response::new(dripping(Some(3))),
        DripForEver => Response::new(dripping(None)),
        TooShort => {
            Response::builder().header("content-length", 9).body(dripping(Some(1))).expect("a response")
        }
        Well | GoesAway | Http1 | ClosesAtOnce => Response::new(whole("ok")),
    };
    Ok(response)
}

fn dripping(pieces: Option<u32>) -> Body {
    let drops = futures::stream::unfold(0, move |sent| async move {
        if pieces.is_some_and(|pieces| sent >= pieces) {
            return None;
        }
        sleep(Duration::from_millis(1)).await;
        Some((Ok(Frame::data(Bytes::from_static(b"x"))), sent + 1))
    });
    Body::new(StreamBody::new(drops))
}
