//! One client's connection: one request at a time, answered in the order asked, as Kafka does.
//!
//! Everything goes through [`Gate::pass`], which lets a step run only while the broker runs: a frozen or black-holed
//! broker's connections stand still wherever they are, a dead one's are reset.
//!
//! While an answer is awaited nothing is read, so a client that goes away is not noticed: what it had sent is carried out,
//! one request after the other, until an answer can no longer be written, as Apache's brokers do. It is how records that
//! a producer gave up and sent again on a new connection appear twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use cluster::{BrokerId, Process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::Instant;

use super::api::{self, BadFrame, Call, Directory, FRAME_BYTES_MAX};
use super::engine::{Engine, Line};

/// How much is asked of the socket at once, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the broker died")]
    Died,
    #[error("a request without acknowledgement failed")]
    Unacknowledged,
    #[error("the client left")]
    Left,
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("a bad frame: {0}")]
    Bad(#[from] BadFrame),
}

/// What a connection belongs to.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) broker: BrokerId,
    pub(super) engine: Arc<Engine>,
    pub(super) directory: Arc<Directory>,
    pub(super) line: watch::Receiver<Line>,
}

/// Serves a connection until it ends.
pub(super) async fn serve(stream: TcpStream, home: Home) {
    // Answers are small and awaited: never let the kernel hold one back.
    drop(stream.set_nodelay(true));
    let deaths = home.line.borrow().deaths;
    let gate = Gate { line: home.line, deaths };
    let (reader, writer) = stream.into_split();
    let mut connection = Connection {
        broker: home.broker,
        engine: home.engine,
        directory: home.directory,
        gate,
        inbox: Inbox { reader, bytes: BytesMut::new() },
        writer,
    };
    let end = connection.run().await;
    match &end {
        End::Bad(reason) => {
            tracing::warn!(broker = connection.broker.0, %reason, "a connection is closed for a bad frame");
        }
        End::Died | End::Left | End::Unacknowledged | End::Io(_) => {
            tracing::trace!(broker = connection.broker.0, reason = %end, "a connection ends");
        }
    }
    if matches!(end, End::Died) {
        // What kill -9 looks like from afar while data is in flight: a reset, and no orderly end before it.
        drop(socket2::SockRef::from(connection.writer.as_ref()).set_linger(Some(Duration::ZERO)));
        connection.writer.forget();
    }
}

struct Connection {
    broker: BrokerId,
    engine: Arc<Engine>,
    directory: Arc<Directory>,
    gate: Gate,
    inbox: Inbox,
    writer: OwnedWriteHalf,
}

impl Connection {
    async fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.exchange().await {
                return end;
            }
        }
    }

    async fn exchange(&mut self) -> Result<(), End> {
        let frame = self.gate.pass(self.inbox.frame()).await??;
        let answer = match api::open(frame, &self.directory)? {
            Call::Now(answer) => answer,
            Call::Tell { client_id, request } => {
                let failed = self.engine.tell(self.broker, client_id, request);
                // There is no other way to say so, and Apache's brokers say so.
                return if failed { Err(End::Unacknowledged) } else { Ok(()) };
            }
            Call::Ask { client_id, request, answer } => {
                let mut asked = self.engine.ask(self.broker, client_id, request);
                let response = self.gate.pass(asked.answer()).await?;
                answer(response.ok_or(End::Died)?)?
            }
        };
        self.gate.delay().await?;
        self.gate.pass(self.writer.write_all(&answer)).await??;
        Ok(())
    }
}

/// Lets steps run only while the broker does.
struct Gate {
    line: watch::Receiver<Line>,
    /// How often the broker had died when the connection was made.
    deaths: u64,
}

impl Gate {
    /// Runs a step; stands still with it while the broker is frozen or unreachable.
    async fn pass<T>(&mut self, step: impl Future<Output = T>) -> Result<T, End> {
        let mut step = std::pin::pin!(step);
        loop {
            let runs = self.look()?.link.process == Process::Running;
            tokio::select! {
                biased;
                changed = self.line.changed() => changed.map_err(|_| End::Died)?,
                output = &mut step, if runs => return Ok(output),
            }
        }
    }

    /// Waits as long as the broker is slow; shorter when it is healed meanwhile.
    async fn delay(&mut self) -> Result<(), End> {
        let answered = Instant::now();
        loop {
            let line = self.look()?;
            let due = answered + line.link.delay;
            let runs = line.link.process == Process::Running;
            if runs && due <= Instant::now() {
                return Ok(());
            }
            tokio::select! {
                changed = self.line.changed() => changed.map_err(|_| End::Died)?,
                () = tokio::time::sleep_until(due), if runs => return Ok(()),
            }
        }
    }

    fn look(&mut self) -> Result<Line, End> {
        let line = *self.line.borrow_and_update();
        if line.deaths == self.deaths { Ok(line) } else { Err(End::Died) }
    }
}

/// What has been read and not yet been taken as a frame.
struct Inbox {
    reader: OwnedReadHalf,
    bytes: BytesMut,
}

impl Inbox {
    /// The next frame, without its length.
    async fn frame(&mut self) -> Result<Bytes, End> {
        loop {
            if let Some(frame) = self.complete()? {
                return Ok(frame);
            }
            self.read().await?;
        }
    }

    fn complete(&mut self) -> Result<Option<Bytes>, BadFrame> {
        let Some(length) = self.bytes.first_chunk::<4>() else { return Ok(None) };
        let claimed = i32::from_be_bytes(*length);
        let length = usize::try_from(claimed).map_err(|_| BadFrame::Length(claimed))?;
        if length > FRAME_BYTES_MAX {
            return Err(BadFrame::Length(claimed));
        }
        if self.bytes.len() < 4 + length {
            return Ok(None);
        }
        self.bytes.advance(4);
        Ok(Some(self.bytes.split_to(length).freeze()))
    }

    async fn read(&mut self) -> Result<(), End> {
        self.bytes.reserve(READ_BYTES);
        match self.reader.read_buf(&mut self.bytes).await? {
            0 => Err(End::Left),
            _ => Ok(()),
        }
    }
}
