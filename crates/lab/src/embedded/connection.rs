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
use cluster::{BrokerId, Process, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::Instant;

use super::api::{self, BadFrame, Call, Directory, FRAME_BYTES_MAX};
use super::engine::{Engine, Line};

/// How much is asked of the socket at once, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// What a group request waits for a coordinator's thread. Two that are sent at once are answered one after the other, so
/// far apart; librdkafka does different things with an answer that comes alone.
///
/// Measured: 0.4 to 0.6 ms on Apache Kafka between the answers to a join and a commit, 0.2 to 0.3 ms between two
/// heartbeats (medians of 150, two cores; `CoordinatorRuntime` hands them over twice). A timer has no less than this.
const COORDINATOR_QUEUE: Duration = Duration::from_micros(500);

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

/// Serves a connection until it ends. `deaths` of the broker came before it; `closed`: how many its port has followed.
pub(super) async fn serve(stream: TcpStream, home: Home, deaths: u64, mut closed: watch::Receiver<u64>) {
    // Answers are small and awaited: never let the kernel hold one back.
    drop(stream.set_nodelay(true));
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
        // Without a port there is nothing left to wait for.
        drop(closed.wait_for(|followed| *followed != deaths).await);
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
                if is_for_a_coordinator(&request) {
                    self.gate.pass(tokio::time::sleep(COORDINATOR_QUEUE)).await?;
                }
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

fn is_for_a_coordinator(request: &Request) -> bool {
    matches!(
        request,
        Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(..)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(_)
    )
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cluster::{Cluster, Lever, Spec};
    use kafka_protocol::messages::{HeartbeatRequest, ListGroupsRequest};
    use kafka_protocol::protocol::Request as Message;
    use tokio::net::TcpListener;

    use super::*;
    use crate::timeline::Timeline;
    use crate::wire::encode;

    const BROKER: BrokerId = BrokerId(1);

    /// A connection to a broker, its engine, and what tells it that the port has followed.
    async fn connected() -> (TcpStream, Arc<Engine>, watch::Sender<u64>) {
        let cluster = Cluster::new(Spec::new()).expect("a cluster");
        let engine = Engine::new(cluster, std::iter::once(BROKER), Timeline::new(std::time::Instant::now()));
        let line = engine.line(BROKER).expect("a line");
        let directory = Arc::new(Directory(BTreeMap::new()));
        let home = Home { broker: BROKER, engine: Arc::clone(&engine), directory, line };
        let port = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = port.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), port.accept());
        let closed = watch::Sender::new(0);
        tokio::spawn(serve(accepted.expect("accepted").0, home, 0, closed.subscribe()));
        (client.expect("connected"), engine, closed)
    }

    /// How long two requests that are sent at once take, by a clock that goes on only while everybody sleeps.
    async fn two_at_once<R: Message>(request: &R) -> Duration {
        let (mut stream, _engine, _closed) = connected().await;
        let mut both = Vec::new();
        for correlation in [1, 2] {
            let frame = encode(0, request, correlation).expect("a frame");
            both.extend(u32::try_from(frame.len()).expect("short").to_be_bytes());
            both.extend(frame);
        }
        let sent = Instant::now();
        stream.write_all(&both).await.expect("sent");
        for correlation in [1, 2] {
            let length = stream.read_u32().await.expect("a length");
            let mut frame = vec![0; length as usize];
            stream.read_exact(&mut frame).await.expect("a frame");
            assert_eq!(frame[..4], i32::to_be_bytes(correlation));
        }
        sent.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn group_requests_queue_one_after_the_other_and_others_do_not() {
        assert!(two_at_once(&HeartbeatRequest::default()).await >= 2 * COORDINATOR_QUEUE);
        assert_eq!(two_at_once(&ListGroupsRequest::default()).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_brokers_connections_outlive_its_port() {
        let (mut stream, engine, closed) = connected().await;
        engine.pull(Lever::KillBroker(BROKER));
        let reset = tokio::time::timeout(Duration::from_secs(60), stream.read_u8()).await;
        assert!(reset.is_err(), "the port is open still");
        closed.send_replace(1);
        let reset = stream.read_u8().await.expect_err("the port is closed");
        assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
    }
}
