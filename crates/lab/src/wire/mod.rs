//! A Kafka client with nothing in between: one TCP connection, one request at a time, every field the caller's.
//!
//! For what no client library lets one ask: which versions a broker offers, what it says to a bad request, what an
//! administrator's rarer requests do. It retries nothing, refreshes nothing and believes nothing.
//!
//! Invariants: every wait has a deadline; a frame is at most [`FRAME_BYTES_MAX`]; an answer is the answer to the
//! request that was asked (by its correlation id), late answers to earlier requests that were given up are dropped.
//! Sources: the Kafka protocol guide (framing, headers) and the message schemas, by way of `kafka-protocol`.

mod batch;
mod frames;

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

pub use batch::{Batch, Entry, Producer, corrupt, decode};
use frames::Frames;

/// The longest frame either way, in bytes.
pub const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long the TCP handshake may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// What brokers see as the client's id.
const CLIENT_ID: &str = "wire";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// None came in time. The connection may be used again; a late answer is dropped.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The broker closed the connection: what it does to what it cannot read. Open another.
    #[error("the broker closed the connection")]
    Closed,
    /// The connection failed, or an earlier request was cut off in the middle. Open another.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// A frame is longer than [`FRAME_BYTES_MAX`], or has a length below zero. Open another.
    #[error("a frame claims {0} bytes")]
    Length(i64),
    /// The answer belongs to a request that was never asked. Open another.
    #[error("an answer to request {got}, asked was {asked}")]
    Correlation {
        /// Which was asked.
        asked: i32,
        /// Which was answered.
        got: i32,
    },
    /// The request cannot be said in this version.
    #[error("the request has no form in version {version}: {reason}")]
    Encode {
        /// Which version.
        version: i16,
        /// What the codec says.
        reason: String,
    },
    /// The answer is not in the form of this version.
    #[error("the answer has not the form of version {version}: {reason}")]
    Decode {
        /// Which version.
        version: i16,
        /// What the codec says.
        reason: String,
    },
}

/// A connection to one broker.
#[derive(Debug)]
pub struct Connection {
    frames: Frames,
    /// The correlation id of the next request.
    next: i32,
}

impl Connection {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// What the system says, or that five seconds were not enough.
    pub async fn open(address: &str) -> io::Result<Self> {
        let stream = tokio::time::timeout(OPEN_TIMEOUT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { frames: Frames::new(stream), next: 1 })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`WireError`]; whether the request was carried out is then unknown.
    pub async fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        timeout: Duration,
    ) -> Result<R::Response, WireError> {
        let deadline = Instant::now() + timeout;
        let asked = self.send(version, request, deadline, timeout).await?;
        let header_version = R::Response::header_version(version);
        loop {
            let mut frame = self.receive(deadline, timeout).await?;
            let header = ResponseHeader::decode(&mut frame, header_version)
                .map_err(|error| WireError::Decode { version, reason: format!("{error:#}") })?;
            let got = header.correlation_id;
            if got == asked {
                return R::Response::decode(&mut frame, version)
                    .map_err(|error| WireError::Decode { version, reason: format!("{error:#}") });
            }
            if got < 1 || got > asked {
                return Err(WireError::Correlation { asked, got });
            }
        }
    }

    /// Sends a request that has no answer: a produce request with `acks` 0.
    ///
    /// # Errors
    /// [`WireError`]; whether the request arrived is unknown even without one.
    pub async fn tell<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        timeout: Duration,
    ) -> Result<(), WireError> {
        self.send(version, request, Instant::now() + timeout, timeout).await.map(drop)
    }

    /// Sends bytes as a frame, whatever they are, and returns the next frame that comes: header and body, no length.
    ///
    /// # Errors
    /// [`WireError`].
    pub async fn ask_raw(&mut self, frame: &[u8], timeout: Duration) -> Result<Bytes, WireError> {
        let deadline = Instant::now() + timeout;
        timeout_at(deadline, self.frames.write(frame)).await.map_err(|_| WireError::TimedOut(timeout))??;
        self.receive(deadline, timeout).await
    }

    /// Waits until the broker closes the connection; frames that come before are dropped.
    ///
    /// # Errors
    /// [`WireError::TimedOut`] if it does not.
    pub async fn closed(&mut self, timeout: Duration) -> Result<(), WireError> {
        let deadline = Instant::now() + timeout;
        loop {
            match self.receive(deadline, timeout).await {
                Ok(_) => {}
                Err(late @ WireError::TimedOut(_)) => return Err(late),
                Err(_) => return Ok(()),
            }
        }
    }

    async fn send<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<i32, WireError> {
        let correlation = self.next;
        let frame = encode(version, request, correlation)
            .map_err(|error| WireError::Encode { version, reason: format!("{error:#}") })?;
        self.next += 1;
        timeout_at(deadline, self.frames.write(&frame)).await.map_err(|_| WireError::TimedOut(timeout))??;
        Ok(correlation)
    }

    async fn receive(&mut self, deadline: Instant, timeout: Duration) -> Result<Bytes, WireError> {
        timeout_at(deadline, self.frames.read()).await.map_err(|_| WireError::TimedOut(timeout))?
    }
}

/// A request as a frame without its length: header and body.
///
/// # Errors
/// What the codec says when the request has no form in this version.
pub fn encode<R: Request>(version: i16, request: &R, correlation: i32) -> anyhow::Result<Bytes> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
    let mut frame = BytesMut::new();
    header.encode(&mut frame, R::header_version(version))?;
    request.encode(&mut frame, version)?;
    Ok(frame.freeze())
}
