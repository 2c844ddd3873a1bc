//! A service that hangs: from one time after its first request until another it answers nothing, and then everything.
//! Without times it answers always.
//!
//! One thread, so that it can have a core of its own, and as little work per request as there can be.
//!
//! ```sh
//! cargo run --release -p loadgen --example hang -- 127.0.0.1:18080 4 8
//! loadgen http://127.0.0.1:18080/ --rate 1000 --duration 12s --outage 4s..8s --deadline 10s --in-flight 5000
//! ```

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

/// It says what HTTP/1.1 takes for granted, for clients of HTTP/1.0 such as `ab`.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// When the first request came.
static FIRST: OnceLock<Instant> = OnceLock::new();

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seconds = |text: &String| text.parse().ok().and_then(|it| Duration::try_from_secs_f64(it).ok());
    let (address, hangs) = match &args[..] {
        [address] => (address, Some(Duration::ZERO..Duration::ZERO)),
        [address, from, until] => {
            (address, seconds(from).zip(seconds(until)).map(|(from, until)| from..until))
        }
        _ => return Err(io::Error::other("usage: hang ADDRESS [FROM_S UNTIL_S]")),
    };
    let hangs = hangs.ok_or_else(|| io::Error::other("FROM_S and UNTIL_S are seconds, such as 4 and 8"))?;
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // By default 128: a moment without a processor would fill it, and connections take a second longer.
    let listener = socket.listen(4096)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // A customer who goes away is no reason to stop.
        let hangs = hangs.clone();
        tokio::spawn(async move { drop(serve(stream, hangs).await) });
    }
}

/// Answers one request after the other. Requests have no body.
async fn serve(mut stream: TcpStream, hangs: Range<Duration>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut read) = ([0; 4096], 0);
    loop {
        read += match stream.read(&mut buffer[read..]).await? {
            0 => return Ok(()),
            count => count,
        };
        if !buffer[..read].ends_with(END_OF_HEAD) {
            continue;
        }
        read = 0;
        let since = FIRST.get_or_init(Instant::now).elapsed();
        if hangs.contains(&since) {
            sleep(hangs.end - since).await;
        }
        stream.write_all(ANSWER).await?;
    }
}
