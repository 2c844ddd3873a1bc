//! Asks services whether they are ready, and whether the market is open.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Between two questions.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// Returns when the service says that it is ready.
///
/// # Errors
/// Those of `alive`, which is asked in between: a service that has ended never gets ready.
pub(super) async fn until_ready(
    address: SocketAddr,
    alive: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    while !is_ready(address).await.unwrap_or(false) {
        alive()?;
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

/// Returns when the quote service knows a price of this product.
///
/// # Errors
/// Those of `alive`.
pub(super) async fn until_quoted(
    address: SocketAddr,
    product: &str,
    alive: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let body =
        format!(r#"{{"account":"market-opening","product":"{product}","side":"buy","quantity":"0.01"}}"#);
    let request = format!(
        "POST /v1/quotes HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    while !is_ok(address, &request).await.unwrap_or(false) {
        alive()?;
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

/// Whether a service says that its circuits are closed.
pub(super) async fn admits_everything(address: SocketAddr) -> std::io::Result<bool> {
    let answer = ask(address, "GET /mode HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(&[][..], |at| &answer[at + 4..]);
    let mode: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    Ok(mode.is_some_and(|mode| mode["mode"] == "normal"))
}

async fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    is_ok(address, "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await
}

async fn is_ok(address: SocketAddr, request: &str) -> std::io::Result<bool> {
    Ok(ask(address, request).await?.starts_with(b"HTTP/1.1 200"))
}

async fn ask(address: SocketAddr, request: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
