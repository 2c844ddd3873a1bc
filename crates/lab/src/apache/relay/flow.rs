//! A connection through the relay: two directions, each a queue of what was read and is not yet written.
//!
//! A direction ends when its sender has ended it and everything was delivered; the other one goes on until it ends
//! too. A failure on either side ends both with a reset, as the process at the other end would have seen it.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Mode;

/// The most bytes on the way in one direction of a connection, but for one read.
pub(super) const HELD_BYTES_MAX: usize = 1024 * 1024;

/// How much is asked of a socket at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// With less room left a new buffer is begun: small pieces share one, so that what is held weighs what it is long.
const READ_BYTES_MIN: usize = 4 * 1024;

/// Carries bytes between the two until both have ended, one has failed, or the relay ends.
pub(super) async fn connect(mut caller: TcpStream, mut target: TcpStream, mode: watch::Receiver<Mode>) {
    for stream in [&caller, &target] {
        // Whoever writes has decided what belongs together: never let the kernel hold it back.
        drop(stream.set_nodelay(true));
    }
    let (questions, to_caller) = caller.split();
    let (answers, to_target) = target.split();
    let there = Direction::new(questions, to_target, mode.clone(), false);
    let back = Direction::new(answers, to_caller, mode, true);
    if tokio::try_join!(there.run(), back.run()).is_err() {
        reset(&caller);
        reset(&target);
    }
}

/// Makes the end of this connection, when it is dropped, a reset.
pub(super) fn reset(stream: &TcpStream) {
    drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
}

struct Direction<'a> {
    reader: ReadHalf<'a>,
    writer: WriteHalf<'a>,
    mode: watch::Receiver<Mode>,
    /// Whether this is the direction that a delay delays.
    answers: bool,
    /// Read and not yet written, each with the time at which it was read.
    held: VecDeque<(Instant, Bytes)>,
    held_bytes: usize,
    /// The sender has ended.
    ended: bool,
}

impl<'a> Direction<'a> {
    fn new(reader: ReadHalf<'a>, writer: WriteHalf<'a>, mode: watch::Receiver<Mode>, answers: bool) -> Self {
        Self { reader, writer, mode, answers, held: VecDeque::new(), held_bytes: 0, ended: false }
    }

    async fn run(mut self) -> io::Result<()> {
        let mut buffer = BytesMut::new();
        loop {
            let mode = *self.mode.borrow_and_update();
            let flows = mode != Mode::BlackHole;
            if flows && self.ended && self.held.is_empty() {
                return self.writer.shutdown().await;
            }
            let reads = flows && !self.ended && self.held_bytes < HELD_BYTES_MAX;
            let writes = flows && !self.held.is_empty();
            if reads && buffer.capacity() < READ_BYTES_MIN {
                buffer.reserve(READ_BYTES);
            }
            let due = self.due(mode);
            tokio::select! {
                changed = self.mode.changed() => {
                    changed.map_err(|_| io::Error::other("the relay ends"))?;
                }
                read = self.reader.read_buf(&mut buffer), if reads => {
                    let bytes = buffer.split().freeze();
                    self.hold(read?, bytes);
                }
                written = write_at(due, &mut self.writer, self.held.front()), if writes => {
                    self.delivered(written?);
                }
            }
        }
    }

    /// When the first of what is held may go on; `None` for at once.
    fn due(&self, mode: Mode) -> Option<Instant> {
        match (mode, self.held.front()) {
            (Mode::Delay(delay), Some((read, _))) if self.answers => Some(*read + delay),
            _ => None,
        }
    }

    fn hold(&mut self, read: usize, bytes: Bytes) {
        self.ended = read == 0;
        if read > 0 {
            self.held_bytes += read;
            self.held.push_back((Instant::now(), bytes));
        }
    }

    fn delivered(&mut self, written: usize) {
        self.held_bytes -= written;
        if let Some((_, bytes)) = self.held.front_mut() {
            bytes.advance(written);
            if bytes.is_empty() {
                self.held.pop_front();
            }
        }
    }
}

/// Writes as much of the first of what is held as the socket takes; nothing is lost when this is dropped.
async fn write_at(
    due: Option<Instant>,
    writer: &mut WriteHalf<'_>,
    first: Option<&(Instant, Bytes)>,
) -> io::Result<usize> {
    if let Some(due) = due {
        sleep_until(due).await;
    }
    match first {
        Some((_, bytes)) => writer.write(bytes).await,
        None => std::future::pending().await,
    }
}
