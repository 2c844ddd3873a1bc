//! A server below HTTP that misbehaves as scripted: one port per behaviour, all on one thread.
//!
//! Each behaviour says which outcomes a request to it may have when nothing presses: the truth that tests hold the load
//! generator to.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use recorder::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

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
}

use Behaviour::*;

impl Behaviour {
    pub(crate) const ALL: [Self; 20] = [
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

    pub(crate) fn label(self) -> String {
        format!("{self:?}")
    }

    /// How a request may end where there is time enough.
    pub(crate) fn outcomes(self) -> &'static [Outcome] {
        match self {
            Well | Slow | Drip | Interim | Chunked | UntilClosed | SaysClose => &[Outcome::Ok],
            Hang | DripForEver => &[Outcome::Timeout],
            // What is too much stands in the way of the next request, if it comes before the connection is given up.
            TooLong => &[Outcome::Ok, Outcome::ErrorIo],
            Switching => &[Outcome::ErrorStatus],
            Reset | HalfClosed | TooShort | ChunkedBroken | ChunkedCut | HugeHeader | ManyHeaders
            | Garbage => &[Outcome::ErrorIo],
            ClosesAtOnce => &[Outcome::ErrorIo, Outcome::ErrorConnect],
        }
    }
}

/// Starts a server for every behaviour; their addresses in the order of [`Behaviour::ALL`].
pub(crate) fn servers() -> Vec<SocketAddr> {
    let listeners: Vec<_> = Behaviour::ALL
        .iter()
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    let addresses =
        listeners.iter().map(|it| it.local_addr().expect("a bound port has an address")).collect();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            for (listener, behaviour) in listeners.into_iter().zip(Behaviour::ALL) {
                listener.set_nonblocking(true).expect("a socket can be made non-blocking");
                let listener = TcpListener::from_std(listener).expect("in a runtime");
                tokio::spawn(accept(listener, behaviour));
            }
            std::future::pending::<()>().await;
        });
    });
    addresses
}

async fn accept(listener: TcpListener, behaviour: Behaviour) {
    while let Ok((stream, _)) = listener.accept().await {
        if behaviour != ClosesAtOnce {
            tokio::spawn(async move {
                // The other end may have gone; that is its affair.
                let _ = exchanges(stream, behaviour).await;
            });
        }
    }
}

/// One request after the other, until the behaviour or the other end ends it.
async fn exchanges(mut stream: TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    let mut read = Vec::new();
    while next_request(&mut stream, &mut read).await? {
        match behaviour {
            Well => stream.write_all(&answer("content-length: 2\r\n", "ok")).await?,
            Slow => {
                sleep(Duration::from_millis(30)).await;
                stream.write_all(&answer("content-length: 2\r\n", "ok")).await?;
            }
            Hang => {}
            Reset => return stream.set_zero_linger(),
            HalfClosed => {
                stream.shutdown().await?;
                while stream.read(&mut [0; 1024]).await? > 0 {}
                return Ok(());
            }
            Drip => drip(&mut stream, &answer("content-length: 2\r\n", "ok")).await?,
            DripForEver => {
                stream.write_all(&answer("content-length: 1000000\r\n", "")).await?;
                loop {
                    drip(&mut stream, b"x").await?;
                }
            }
            TooShort => return stream.write_all(&answer("content-length: 9\r\n", "half")).await,
            TooLong => stream.write_all(&answer("content-length: 2\r\n", "ok and then some")).await?,
            Interim => {
                let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
                stream.write_all(interim).await?;
                stream.write_all(&answer("content-length: 2\r\n", "ok")).await?;
            }
            Switching => {
                let head =
                    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n";
                return stream.write_all(head).await;
            }
            Chunked => {
                stream.write_all(&chunked("1\r\no\r\n1;x=y\r\nk\r\n0\r\ntrailer: yes\r\n\r\n")).await?
            }
            ChunkedBroken => return stream.write_all(&chunked("zz\r\nok\r\n0\r\n\r\n")).await,
            ChunkedCut => return stream.write_all(&chunked("2\r\nok\r\n")).await,
            HugeHeader => {
                let header = format!("content-length: 0\r\nx-huge: {}\r\n", "x".repeat(1 << 20));
                return stream.write_all(&answer(&header, "")).await;
            }
            ManyHeaders => {
                let headers: String = (0..1_000).map(|n| format!("x-{n}: 1\r\n")).collect();
                return stream.write_all(&answer(&headers, "")).await;
            }
            Garbage => return stream.write_all(b"this is no http\r\n\r\n").await,
            UntilClosed => return stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nok").await,
            SaysClose => {
                return stream.write_all(&answer("connection: close\r\ncontent-length: 2\r\n", "ok")).await;
            }
            ClosesAtOnce => return Ok(()),
        }
    }
    Ok(())
}

fn answer(headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}").into_bytes()
}

fn chunked(body: &str) -> Vec<u8> {
    answer("transfer-encoding: chunked\r\n", body)
}

async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Reads one request with its body; `false` at the end of the connection. What comes after it is kept.
async fn next_request(stream: &mut TcpStream, read: &mut Vec<u8>) -> std::io::Result<bool> {
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
