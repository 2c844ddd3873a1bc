//! The same closed loop with hyper alone, which nothing that is built on it can be cheaper than: no plan, no deadlines,
//! no histograms, and an answer that is not well ends it.
//!
//! ```sh
//! cargo run --profile lean -p loadgen --example bare -- 127.0.0.1:18080 3
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;

const CONNECTIONS: usize = 64;

/// How many requests a user sends between two looks at the clock.
const UNTIMED: u64 = 64;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, seconds] = &args[..] else { anyhow::bail!("usage: bare ADDRESS SECONDS") };
    let (address, length) = (address.parse()?, Duration::try_from_secs_f64(seconds.parse()?)?);
    let until = Instant::now() + length;
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let requests = runtime.block_on(async {
        let users: Vec<_> = (0..CONNECTIONS).map(|_| spawn_local(ask(address, until))).collect();
        let mut requests = 0;
        for user in users {
            requests += user.await??;
        }
        anyhow::Ok(requests)
    })?;
    println!("{requests} requests in {length:?}");
    Ok(())
}

async fn ask(address: SocketAddr, until: Instant) -> anyhow::Result<u64> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut requests, driver) = http1::Builder::new().writev(false).handshake(TokioIo::new(stream)).await?;
    spawn_local(async move { drop(driver.await) });
    let host = HeaderValue::from_str(&address.to_string())?;
    let mut headers = HeaderMap::new();
    let mut count = 0_u64;
    while !count.is_multiple_of(UNTIMED) || Instant::now() < until {
        requests.ready().await?;
        headers.insert(header::HOST, host.clone());
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.headers_mut() = std::mem::take(&mut headers);
        let (head, mut body) = requests.send_request(request).await?.into_parts();
        anyhow::ensure!(head.status.is_success(), "{}", head.status);
        while let Some(frame) = body.frame().await {
            frame?;
        }
        // Its room is that of the next request, as in `loadgen`.
        headers = head.headers;
        headers.clear();
        count += 1;
    }
    Ok(count)
}
