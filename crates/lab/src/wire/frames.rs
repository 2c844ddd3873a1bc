//! Frames over a TCP stream: four bytes of length, then as many bytes.
//!
//! Invariant: a read that is given up loses nothing; a write that is given up spoils the connection, and says so.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{FRAME_BYTES_MAX, WireError};

/// How much is asked of the socket at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Frames {
    stream: TcpStream,
    /// What has been read and is not yet a whole frame.
    inbox: BytesMut,
    /// A frame was begun and not ended.
    torn: bool,
}

impl Frames {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, inbox: BytesMut::new(), torn: false }
    }

    pub(super) async fn write(&mut self, frame: &[u8]) -> Result<(), WireError> {
        if self.torn {
            return Err(WireError::Io(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "an earlier frame was cut off",
            )));
        }
        let claimed = i32::try_from(frame.len()).ok().filter(|_| frame.len() <= FRAME_BYTES_MAX);
        let length =
            claimed.ok_or_else(|| WireError::Length(i64::try_from(frame.len()).unwrap_or(i64::MAX)))?;
        self.torn = true;
        self.stream.write_all(&length.to_be_bytes()).await.map_err(ended)?;
        self.stream.write_all(frame).await.map_err(ended)?;
        self.torn = false;
        Ok(())
    }

    pub(super) async fn read(&mut self) -> Result<Bytes, WireError> {
        loop {
            if let Some(frame) = self.complete()? {
                return Ok(frame);
            }
            self.inbox.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.inbox).await.map_err(ended)? == 0 {
                return Err(WireError::Closed);
            }
        }
    }

    fn complete(&mut self) -> Result<Option<Bytes>, WireError> {
        let Some(length) = self.inbox.first_chunk::<4>() else { return Ok(None) };
        let claimed = i32::from_be_bytes(*length);
        let length = usize::try_from(claimed).ok().filter(|length| *length <= FRAME_BYTES_MAX);
        let length = length.ok_or_else(|| WireError::Length(i64::from(claimed)))?;
        if self.inbox.len() < 4 + length {
            return Ok(None);
        }
        self.inbox.advance(4);
        Ok(Some(self.inbox.split_to(length).freeze()))
    }
}

/// A broker that closes on unread bytes is seen as a reset: the same end.
fn ended(error: io::Error) -> WireError {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => WireError::Closed,
        _ => WireError::Io(error),
    }
}
