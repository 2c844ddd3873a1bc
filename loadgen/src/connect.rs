//! Opening a connection: TCP, TLS where it is asked for, HTTP/1.1 or HTTP/2 on it.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
#[cfg(feature = "https")]
use hyper::client::conn::http2;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, spawn_local};
#[cfg(feature = "https")]
use tokio_util::either::Either;

use crate::Target;
#[cfg(feature = "https")]
use crate::tls::Handshake;

type Body = Full<Bytes>;

/// How connections to one target are opened.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    address: SocketAddr,
    #[cfg(feature = "https")]
    http2: bool,
    #[cfg(feature = "https")]
    tls: Option<Handshake>,
}

impl Dialer {
    /// # Errors
    /// Says why there can be no such connection, such as a file without certificates.
    #[cfg(feature = "https")]
    pub(crate) fn new(target: &Target) -> Result<Self, String> {
        let http2 = target.wire.http2;
        let tls = target.wire.tls.as_ref().map(|tls| Handshake::new(tls, http2)).transpose()?;
        Ok(Self { address: target.address, http2, tls })
    }

    /// # Errors
    /// TLS and HTTP/2 were left out of this build.
    #[cfg(not(feature = "https"))]
    pub(crate) fn new(target: &Target) -> Result<Self, String> {
        if target.wire == crate::Wire::default() {
            Ok(Self { address: target.address })
        } else {
            Err("TLS and HTTP/2 were left out of this build (feature `https`)".to_owned())
        }
    }

    /// Whether its connections can have several exchanges at a time.
    pub(crate) fn has_lanes(&self) -> bool {
        #[cfg(feature = "https")]
        return self.http2;
        #[cfg(not(feature = "https"))]
        false
    }

    /// Opens one. The other half of what comes is its driver, which ends with it.
    pub(crate) async fn connect(&self) -> io::Result<(Requests, AbortHandle)> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        #[cfg(feature = "https")]
        if let Some(tls) = &self.tls {
            return self.speak(tls.shake(stream).await?).await;
        }
        self.speak(stream).await
    }

    async fn speak<S>(&self, stream: S) -> io::Result<(Requests, AbortHandle)>
    where
        TokioIo<S>: Read + Write + Unpin + 'static,
    {
        // How a connection ends is told to the exchanges on it; between exchanges it is found out by `ready`.
        #[cfg(feature = "https")]
        if self.http2 {
            // Until the server has said how many streams it allows; it refuses those beyond.
            let opened =
                http2::Builder::new(Here).initial_max_send_streams(1).handshake(TokioIo::new(stream)).await;
            let (requests, driver) = opened.map_err(io::Error::other)?;
            let driver = spawn_local(async move { drop(driver.await) });
            return Ok((Requests::Http2(requests), driver.abort_handle()));
        }
        // One buffer for head and body: what is sent is small, and sending it costs the kernel less than a list.
        let opened = http1::Builder::new().writev(false).handshake(TokioIo::new(stream)).await;
        let (requests, driver) = opened.map_err(io::Error::other)?;
        let driver = spawn_local(async move { drop(driver.await) });
        Ok((Requests::Http1(requests), driver.abort_handle()))
    }
}

/// Runs what HTTP/2 does beside on the worker's own thread, where it ends with the run.
#[cfg(feature = "https")]
#[derive(Debug, Clone, Copy)]
struct Here;

#[cfg(feature = "https")]
impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, work: F) {
        spawn_local(work);
    }
}

/// Takes requests for an open connection.
#[derive(Debug)]
pub(crate) enum Requests {
    /// One exchange at a time.
    Http1(http1::SendRequest<Body>),
    /// As many as there are lanes.
    #[cfg(feature = "https")]
    Http2(http2::SendRequest<Body>),
}

impl Requests {
    /// Another lane of the same connection, where it can have several.
    pub(crate) fn another(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            #[cfg(feature = "https")]
            Self::Http2(requests) => Some(Self::Http2(requests.clone())),
        }
    }

    /// Whether an exchange that breaks off leaves the connection fit for the next. Of HTTP/1 it does not: a late
    /// answer would be read as the answer to the next request. HTTP/2 resets the one stream.
    pub(crate) fn outlives_a_broken_exchange(&self) -> bool {
        !matches!(self, Self::Http1(_))
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Http1(requests) => requests.is_closed(),
            #[cfg(feature = "https")]
            Self::Http2(requests) => requests.is_closed(),
        }
    }

    pub(crate) async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::Http1(requests) => requests.ready().await,
            #[cfg(feature = "https")]
            Self::Http2(requests) => requests.ready().await,
        }
    }

    /// Not `async`: a request would be moved once more before it is sent.
    pub(crate) fn send(
        &mut self,
        request: Request<Body>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> {
        match self {
            #[cfg(not(feature = "https"))]
            Self::Http1(requests) => requests.send_request(request),
            #[cfg(feature = "https")]
            Self::Http1(requests) => Either::Left(requests.send_request(request)),
            #[cfg(feature = "https")]
            Self::Http2(requests) => Either::Right(requests.send_request(request)),
        }
    }
}
