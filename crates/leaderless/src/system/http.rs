//! Asks a service whether it is ready.

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

async fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}
