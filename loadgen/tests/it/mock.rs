//! A server below HTTP/1.1 that misbehaves as scripted: one port per behaviour, all on one thread, in the clear or under
//! TLS.
//!
//! Each behaviour says which outcomes a request to it may have when nothing presses: the truth that tests hold the load
//! generator to.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use loadgen::Wire;
use recorder::Outcome;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::certificates::{self, Name};

/// A server with a scripted truth.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) label: String,
    pub(crate) address: SocketAddr,
    pub(crate) wire: Wire,
    /// How a request may end where there is time enough.
    pub(crate) outcomes: &'static [Outcome],
}

/// What a server does with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Answers.
    Well,
    /// Answers after 30 ms.
    Slow,
    /// Reads and never answers.
    Hang,
    /// Resets the connection when a request has come.
    Reset,
    /// Ends its side of the connection and goes on reading.
    HalfClosed,
    /// Answers byte by byte.
    Drip,
    /// Sends a body that never ends, byte by byte.
    DripForEver,
    /// Announces more than it sends.
    TooShort,
    /// Sends more than it announces.
    TooLong,
    /// Several interim answers (100, 103), then the answer.
    Interim,
    /// Agrees to a protocol that nobody asked for.
    Switching,
    /// A good chunked body.
    Chunked,
    /// A chunk whose size is no number.
    ChunkedBroken,
    /// A chunked body without its end.
    ChunkedCut,
    /// A header of a megabyte.
    HugeHeader,
    /// More headers than anybody reads.
    ManyHeaders,
    /// No HTTP at all.
    Garbage,
    /// Answers in HTTP/1.0, until it closes.
    UntilClosed,
    /// Answers and says that it closes.
    SaysClose,
    /// Closes every connection as soon as it is open.
    ClosesAtOnce,
    /// Under TLS: answers a handshake in plain HTTP.
    NoTls,
    /// Under TLS: never answers a handshake.
    HandshakeHangs,
    /// Under TLS: closes in the middle of a handshake.
    HandshakeCut,
    /// Under TLS: has a certificate for somebody else.
    OtherName,
    /// Under TLS: ends an answer that goes on until it is closed as somebody in between would.
    CutShort,
}

use Behaviour::*;

impl Behaviour {
    const ALL: [Self; 20] = [
        Well,
        Slow,
        Hang,
        Reset,
        HalfClosed,
        Drip,
        DripForEver,
        TooShort,
        TooLong,
        Interim,
        Switching,
        Chunked,
        ChunkedBroken,
        ChunkedCut,
        HugeHeader,
        ManyHeaders,
        Garbage,
        UntilClosed,
        SaysClose,
        ClosesAtOnce,
    ];

    /// Those that there are under TLS only.
    const SECURE: [Self; 5] = [NoTls, HandshakeHangs, HandshakeCut, OtherName, CutShort];

    fn outcomes(self) -> &'static [Outcome] {
        match self {
            Well | Slow | Drip | Interim | Chunked | UntilClosed | SaysClose => &[Outcome::Ok],
            Hang | DripForEver | HandshakeHangs => &[Outcome::Timeout],
            // What is too much stands in the way of the next request, if it comes before the connection is given up.
            TooLong => &[Outcome::Ok, Outcome::ErrorIo],
            Switching => &[Outcome::ErrorStatus],
            Reset | HalfClosed | TooShort | ChunkedBroken | ChunkedCut | HugeHeader | ManyHeaders
            | Garbage | CutShort => &[Outcome::ErrorIo],
            NoTls | HandshakeCut | OtherName => &[Outcome::ErrorConnect],
            ClosesAtOnce => &[Outcome::ErrorIo, Outcome::ErrorConnect],
        }
    }
}

/// A server for every behaviour that needs no TLS, in the clear.
pub(crate) fn plain() -> Vec<Server> {
    servers(Behaviour::ALL.to_vec(), &Wire::default())
}

/// A server for every behaviour, under TLS.
pub(crate) fn secure() -> Vec<Server> {
    servers([&Behaviour::ALL[..], &Behaviour::SECURE].concat(), &certificates::wire(false))
}

fn servers(behaviours: Vec<Behaviour>, wire: &Wire) -> Vec<Server> {
    let is_secure = wire.tls.is_some();
    let server = |(behaviour, address): (&Behaviour, SocketAddr)| Server {
        label: format!("{behaviour:?}"),
        address,
        wire: wire.clone(),
        outcomes: behaviour.outcomes(),
    };
    let addresses = listen(behaviours.clone(), move |stream, behaviour| serve(stream, behaviour, is_secure));
    behaviours.iter().zip(addresses).map(server).collect()
}

/// Listens on a port for each, on a thread of its own.
pub(crate) fn listen<B, F>(
    each: Vec<B>,
    serve: impl Fn(TcpStream, B) -> F + Send + Clone + 'static,
) -> Vec<SocketAddr>
where
    B: Copy + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let listeners: Vec<_> =
        each.iter().map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    let addresses =
        listeners.iter().map(|it| it.local_addr().expect("a bound port has an address")).collect();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            for (listener, behaviour) in listeners.into_iter().zip(each) {
                listener.set_nonblocking(true).expect("a socket can be made non-blocking");
                let listener = TcpListener::from_std(listener).expect("in a runtime");
                let serve = serve.clone();
                tokio::task::spawn_local(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::task::spawn_local(serve(stream, behaviour));
                    }
                });
            }
            std::future::pending::<()>().await;
        });
    });
    addresses
}

/// How a server ends a connection.
enum End {
    Orderly,
    Reset,
    /// Without the word of parting that TLS has.
    Abrupt,
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour, is_secure: bool) {
    stream.set_nodelay(true).expect("a socket has that option");
    let name = if behaviour == OtherName { Name::Other } else { Name::Server };
    let mut buffer = [0; 4096];
    // The other end may have gone; that is its affair, here and below.
    match behaviour {
        ClosesAtOnce => {}
        NoTls => {
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(&answer("content-length: 2\r\n", "ok")).await;
        }
        HandshakeHangs => while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {},
        HandshakeCut => drop(stream.read(&mut buffer).await),
        _ if is_secure => {
            let Ok(mut stream) = certificates::acceptor(name, b"http/1.1").accept(stream).await else {
                return;
            };
            match exchanges(&mut stream, behaviour).await {
                Ok(End::Orderly) => drop(stream.shutdown().await),
                Ok(End::Reset) => drop(stream.get_ref().0.set_zero_linger()),
                Ok(End::Abrupt) | Err(_) => {}
            }
        }
        _ => {
            if let Ok(End::Reset) = exchanges(&mut stream, behaviour).await {
                drop(stream.set_zero_linger());
            }
        }
    }
}

/// One request after the other, until the behaviour or the other end ends it.
async fn exchanges<S>(stream: &mut S, behaviour: Behaviour) -> std::io::Result<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut read = Vec::new();
    while next_request(stream, &mut read).await? {
        let (bytes, then) = match behaviour {
            Well | OtherName => (answer("content-length: 2\r\n", "ok"), None),
            Slow => {
                sleep(Duration::from_millis(30)).await;
                (answer("content-length: 2\r\n", "ok"), None)
            }
            Hang => continue,
            Reset => return Ok(End::Reset),
            HalfClosed => {
                stream.shutdown().await?;
                while stream.read(&mut [0; 1024]).await? > 0 {}
                return Ok(End::Orderly);
            }
            Drip => {
                drip(stream, &answer("content-length: 2\r\n", "ok")).await?;
                continue;
            }
            DripForEver => {
                stream.write_all(&answer("content-length: 1000000\r\n", "")).await?;
                loop {
                    drip(stream, b"x").await?;
                }
            }
            TooShort => (answer("content-length: 9\r\n", "half"), Some(End::Orderly)),
            TooLong => (answer("content-length: 2\r\n", "ok and then some"), None),
            Interim => {
                let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
                stream.write_all(interim).await?;
                (answer("content-length: 2\r\n", "ok"), None)
            }
            Switching => {
                let head =
                    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n";
                (head.to_vec(), Some(End::Orderly))
            }
            Chunked => (chunked("1\r\no\r\n1;x=y\r\nk\r\n0\r\ntrailer: yes\r\n\r\n"), None),
            ChunkedBroken => (chunked("zz\r\nok\r\n0\r\n\r\n"), Some(End::Orderly)),
            ChunkedCut => (chunked("2\r\nok\r\n"), Some(End::Orderly)),
            HugeHeader => {
                let header = format!("content-length: 0\r\nx-huge: {}\r\n", "x".repeat(1 << 20));
                (answer(&header, ""), Some(End::Orderly))
            }
            ManyHeaders => {
                let headers: String = (0..1_000).map(|n| format!("x-{n}: 1\r\n")).collect();
                (answer(&headers, ""), Some(End::Orderly))
            }
            Garbage => (b"this is no http\r\n\r\n".to_vec(), Some(End::Orderly)),
            UntilClosed => (b"HTTP/1.0 200 OK\r\n\r\nok".to_vec(), Some(End::Orderly)),
            CutShort => (b"HTTP/1.0 200 OK\r\n\r\nok".to_vec(), Some(End::Abrupt)),
            SaysClose => (answer("connection: close\r\ncontent-length: 2\r\n", "ok"), Some(End::Orderly)),
            ClosesAtOnce | NoTls | HandshakeHangs | HandshakeCut => return Ok(End::Orderly),
        };
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        if let Some(end) = then {
            return Ok(end);
        }
    }
    Ok(End::Orderly)
}

fn answer(headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}").into_bytes()
}

fn chunked(body: &str) -> Vec<u8> {
    answer("transfer-encoding: chunked\r\n", body)
}

async fn drip<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Reads one request with its body; `false` at the end of the connection. What comes after it is kept.
async fn next_request<S: AsyncRead + Unpin>(stream: &mut S, read: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(length) = whole(read) {
            read.drain(..length);
            return Ok(true);
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(false),
            count => read.extend_from_slice(&buffer[..count]),
        }
    }
}

/// The length of the first request, if all of it is there.
fn whole(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let body = length.map_or(0, |length| length.trim().parse().expect("hyper sends a number"));
    (read.len() >= head + body).then_some(head + body)
}
