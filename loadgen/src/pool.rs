//! Connections to one target.
//!
//! HTTP/1.1, one exchange at a time each. Bounded three ways: how many exist, how fast they are opened, and the line
//! that waits for one (which holds requests in flight only, and those are capped). An exchange that does not end well
//! takes its connection with it: a late answer must not be read as the answer to the next request.
//!
//! Opening is a task of its own: a request that gives up waiting leaves the opening connection to the next in line.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use recorder::Latencies;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle, spawn_local};
use tokio::time::{sleep_until, timeout};

use crate::Limits;

/// What happened to connections, over all targets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Connections {
    /// Opened.
    pub opened: u64,
    /// Refused, timed out or otherwise never opened.
    pub failed: u64,
    /// Closed in the middle of an exchange or found closed after one, while the run went on.
    pub burned: u64,
    /// How long opening took.
    pub connect_time: Latencies,
}

impl Connections {
    /// Adds what happened to the connections of another worker.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.opened += other.opened;
        self.failed += other.failed;
        self.burned += other.burned;
        self.connect_time.merge(&other.connect_time);
    }
}

/// No connection could be opened.
#[derive(Debug)]
pub(crate) struct NotConnected;

type Waiting = oneshot::Sender<Result<Connection, NotConnected>>;

/// The connections to one target.
#[derive(Debug)]
pub(crate) struct Pool {
    address: SocketAddr,
    connections_max: usize,
    opening_gap: Duration,
    connect_max: Duration,
    idle: RefCell<Vec<Connection>>,
    line: RefCell<VecDeque<Waiting>>,
    open: Cell<usize>,
    opening: Cell<usize>,
    /// The earliest turn of the next opening.
    next_turn: Cell<Instant>,
    is_closed: Cell<bool>,
    seen: Rc<RefCell<Connections>>,
}

impl Pool {
    pub(crate) fn new(address: SocketAddr, limits: &Limits, seen: Rc<RefCell<Connections>>) -> Rc<Self> {
        Rc::new(Self {
            address,
            connections_max: limits.connections_max,
            opening_gap: Duration::from_secs(1) / limits.connections_per_s_max,
            connect_max: limits.deadline,
            idle: RefCell::default(),
            line: RefCell::default(),
            open: Cell::new(0),
            opening: Cell::new(0),
            next_turn: Cell::new(Instant::now()),
            is_closed: Cell::new(false),
            seen,
        })
    }

    /// Starts to open `count` connections; each task ends when its connection is open or has failed.
    pub(crate) fn preopen(self: &Rc<Self>, count: usize) -> Vec<JoinHandle<()>> {
        (0..count).map(|_| self.open_one()).collect()
    }

    /// Closes what is idle and opens nothing more.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        // Taken out before they are dropped: a connection that is dropped looks at the pool.
        drop(self.idle.take());
    }

    /// A connection that is ready for an exchange: an idle one, or the next in line.
    pub(crate) async fn acquire(self: &Rc<Self>) -> Result<Connection, NotConnected> {
        loop {
            let idle = self.idle.borrow_mut().pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.wait_in_line().await?,
            };
            if connection.requests.ready().await.is_ok() {
                return Ok(connection);
            }
        }
    }

    async fn wait_in_line(self: &Rc<Self>) -> Result<Connection, NotConnected> {
        let (waiting, turn) = oneshot::channel();
        self.line.borrow_mut().push_back(waiting);
        self.open_as_needed();
        turn.await.unwrap_or(Err(NotConnected))
    }

    /// One opening for each in line, within the bound.
    fn open_as_needed(self: &Rc<Self>) {
        if self.is_closed.get() {
            return;
        }
        let waiting = {
            let mut line = self.line.borrow_mut();
            line.retain(|it| !it.is_closed());
            line.len()
        };
        let room = self.connections_max.saturating_sub(self.open.get() + self.opening.get());
        let wanted = waiting.saturating_sub(self.opening.get());
        for _ in 0..wanted.min(room) {
            drop(self.open_one());
        }
    }

    fn open_one(self: &Rc<Self>) -> JoinHandle<()> {
        self.opening.set(self.opening.get() + 1);
        let turn = self.next_turn.get().max(Instant::now());
        self.next_turn.set(turn + self.opening_gap);
        let pool = self.clone();
        spawn_local(async move {
            sleep_until(turn.into()).await;
            let begun = Instant::now();
            let connected = timeout(pool.connect_max, connect(pool.address)).await;
            pool.opening.set(pool.opening.get() - 1);
            match connected.map_err(io::Error::from).flatten() {
                Ok((requests, driver)) => pool.opened(requests, driver, begun.elapsed()),
                Err(_) => pool.failed(),
            }
        })
    }

    fn opened(self: &Rc<Self>, requests: Requests, driver: AbortHandle, took: Duration) {
        self.open.set(self.open.get() + 1);
        let mut seen = self.seen.borrow_mut();
        seen.opened += 1;
        seen.connect_time.record(took);
        drop(seen);
        self.hand_over(Connection { requests, driver, pool: Rc::downgrade(self) });
    }

    /// One failure for one in line; the others have openings of their own.
    fn failed(self: &Rc<Self>) {
        self.seen.borrow_mut().failed += 1;
        let mut line = self.line.borrow_mut();
        while let Some(waiting) = line.pop_front() {
            if waiting.send(Err(NotConnected)).is_ok() {
                break;
            }
        }
        drop(line);
        self.open_as_needed();
    }

    /// To the first in line that still waits, else to the idle ones.
    fn hand_over(&self, mut connection: Connection) {
        loop {
            let next = self.line.borrow_mut().pop_front();
            let Some(waiting) = next else { break };
            match waiting.send(Ok(connection)) {
                Ok(()) => return,
                Err(Ok(refused)) => connection = refused,
                Err(Err(NotConnected)) => return,
            }
        }
        self.idle.borrow_mut().push(connection);
    }

    fn closed(self: &Rc<Self>) {
        self.open.set(self.open.get() - 1);
        if !self.is_closed.get() {
            self.seen.borrow_mut().burned += 1;
            self.open_as_needed();
        }
    }
}

type Requests = SendRequest<Full<Bytes>>;

async fn connect(address: SocketAddr) -> io::Result<(Requests, AbortHandle)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (requests, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // How a connection ends is told to the exchange on it; between exchanges it is found out by `ready`.
    let driver = spawn_local(async move { drop(driver.await) });
    Ok((requests, driver.abort_handle()))
}

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) requests: Requests,
    driver: AbortHandle,
    pool: Weak<Pool>,
}

impl Connection {
    /// Back to the pool after a complete exchange.
    pub(crate) fn release(self) {
        if let Some(pool) = self.pool.upgrade()
            && !self.requests.is_closed()
        {
            pool.hand_over(self);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
        if let Some(pool) = self.pool.upgrade() {
            pool.closed();
        }
    }
}
