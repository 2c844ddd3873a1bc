//! A service that hangs: from one time after its first request until another it answers nothing, and then everything.
//!
//! ```sh
//! cargo run -p loadgen --example hang -- 127.0.0.1:18080 4 8
//! loadgen http://127.0.0.1:18080/ --rate 1000 --duration 12s --outage 4s..8s --deadline 10s
//! ```

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// When the first request came.
static FIRST: OnceLock<Instant> = OnceLock::new();

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seconds = |text: &String| text.parse().ok().and_then(|it| Duration::try_from_secs_f64(it).ok());
    let (address, from, until) = match &args[..] {
        [address, from, until] => (address, seconds(from), seconds(until)),
        _ => return Err(std::io::Error::other("usage: hang ADDRESS FROM_S UNTIL_S")),
    };
    let (Some(from), Some(until)) = (from, until) else {
        return Err(std::io::Error::other("FROM_S and UNTIL_S are seconds, such as 4 and 8"));
    };
    for stream in TcpListener::bind(address)?.incoming() {
        let stream = stream?;
        // A customer who goes away is no reason to stop.
        thread::spawn(move || drop(serve(stream, from, until)));
    }
    Ok(())
}

/// Answers one request after the other. Requests have no body, and come one at a time.
fn serve(mut stream: TcpStream, from: Duration, until: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = [0; 4096];
    while stream.read(&mut read)? > 0 {
        let since = FIRST.get_or_init(Instant::now).elapsed();
        if (from..until).contains(&since) {
            thread::sleep(until - since);
        }
        stream.write_all(ANSWER)?;
    }
    Ok(())
}
