//! Connections to one target.
//!
//! Each has lanes, on which there is one exchange at a time: one lane in HTTP/1.1, a bounded number of them in HTTP/2.
//! Bounded three ways: how many connections exist, how fast they are opened, and the line that waits for a lane (which
//! holds requests in flight only, and those are capped). An exchange that does not end well takes its HTTP/1.1
//! connection with it: a late answer must not be read as the answer to the next request. In HTTP/2 it resets its stream,
//! and the lane is free again. A connection is closed when the last of its lanes is given up.
//!
//! Opening is a task of its own: a request that gives up waiting leaves the opening connection to the next in line. An
//! opening that is refused is the failure of the first in line; one that takes longer than the deadline is nobody's, for a
//! full listen queue answers no SYN and says nothing about the next.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use recorder::Latencies;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle, spawn_local};
use tokio::time::{sleep_until, timeout};

use crate::Limits;
use crate::connect::{Dialer, Requests};

/// What happened to connections, over all targets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Connections {
    /// Opened.
    pub opened: u64,
    /// Refused, timed out or otherwise never opened.
    pub failed: u64,
    /// Closed in the middle of an exchange or found closed after one, while the run went on.
    pub burned: u64,
    /// How long opening took, the TLS handshake included.
    pub connect_time: Latencies,
    /// Why the first was not opened.
    pub failure: Option<String>,
    /// Why the first exchange broke.
    pub breach: Option<String>,
}

impl Connections {
    /// Adds what happened to the connections of another worker.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.opened += other.opened;
        self.failed += other.failed;
        self.burned += other.burned;
        self.connect_time.merge(&other.connect_time);
        self.failure = self.failure.take().or_else(|| other.failure.clone());
        self.breach = self.breach.take().or_else(|| other.breach.clone());
    }
}

/// No connection could be opened.
#[derive(Debug)]
pub(crate) struct NotConnected;

type Waiting = oneshot::Sender<Result<Lease, NotConnected>>;

/// The connections to one target.
#[derive(Debug)]
pub(crate) struct Pool {
    dialer: Dialer,
    connections_max: usize,
    lanes_max: usize,
    opening_gap: Duration,
    connect_max: Duration,
    /// The one used last is used next.
    idle: RefCell<Vec<Lane>>,
    line: RefCell<VecDeque<Waiting>>,
    open: Cell<usize>,
    opening: Cell<usize>,
    /// The earliest turn of the next opening.
    next_turn: Cell<Instant>,
    is_closed: Cell<bool>,
    seen: Rc<RefCell<Connections>>,
}

impl Pool {
    pub(crate) fn new(dialer: Dialer, limits: &Limits, seen: Rc<RefCell<Connections>>) -> Rc<Self> {
        Rc::new(Self {
            connections_max: limits.connections_max,
            lanes_max: if dialer.has_lanes() { limits.streams_max } else { 1 },
            dialer,
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

    /// A lane that is ready for an exchange: an idle one, or the next in line.
    pub(crate) async fn acquire(self: &Rc<Self>) -> Result<Lease, NotConnected> {
        loop {
            let idle = self.idle.borrow_mut().pop();
            let mut lease = match idle {
                Some(lane) => self.lease(lane),
                None => self.wait_in_line().await?,
            };
            if lease.ready().await.is_ok() {
                return Ok(lease);
            }
        }
    }

    async fn wait_in_line(self: &Rc<Self>) -> Result<Lease, NotConnected> {
        let (waiting, turn) = oneshot::channel();
        self.line.borrow_mut().push_back(waiting);
        self.open_as_needed();
        turn.await.unwrap_or(Err(NotConnected))
    }

    /// An opening for as many in line as a connection has lanes, within the bound.
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
        let wanted = waiting.div_ceil(self.lanes_max).saturating_sub(self.opening.get());
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
            let connected = timeout(pool.connect_max, pool.dialer.connect()).await;
            pool.opening.set(pool.opening.get() - 1);
            match connected {
                Ok(Ok((requests, driver))) => pool.opened(requests, driver, begun.elapsed()),
                Ok(Err(error)) => pool.failed(error.to_string(), pool.lanes_max),
                // Whoever waited for it has timed out before; those in line now have their own deadlines.
                Err(_) => pool.failed(format!("no connection within {:?}", pool.connect_max), 0),
            }
        })
    }

    fn opened(self: &Rc<Self>, requests: Requests, driver: AbortHandle, took: Duration) {
        self.open.set(self.open.get() + 1);
        let mut seen = self.seen.borrow_mut();
        seen.opened += 1;
        seen.connect_time.record(took);
        drop(seen);
        let connection = Rc::new(Connection { driver, pool: Rc::downgrade(self) });
        let others = (1..self.lanes_max).map_while(|number| Some((number, requests.another()?)));
        let lane = |(number, requests)| Lane { requests, _connection: connection.clone(), number };
        let lanes: Vec<Lane> = others.map(lane).collect();
        self.hand_over(lane((0, requests)));
        lanes.into_iter().for_each(|lane| self.hand_over(lane));
        // The first lanes of all connections before the second ones: what is used least is spread most.
        self.idle.borrow_mut().sort_by_key(|lane| Reverse(lane.number));
    }

    /// Tells as many in line that there is no connection as it was opened for; the others have openings of their own.
    fn failed(self: &Rc<Self>, why: String, concerned_max: usize) {
        let mut seen = self.seen.borrow_mut();
        seen.failed += 1;
        seen.failure.get_or_insert(why);
        drop(seen);
        let mut line = self.line.borrow_mut();
        line.retain(|it| !it.is_closed());
        let concerned = concerned_max.min(line.len());
        for waiting in line.drain(..concerned) {
            // They wait, as was just seen.
            let _ = waiting.send(Err(NotConnected));
        }
        drop(line);
        self.open_as_needed();
    }

    /// To the first in line that still waits, else to the idle ones.
    fn hand_over(self: &Rc<Self>, mut lane: Lane) {
        if self.is_closed.get() || lane.requests.is_closed() {
            return;
        }
        loop {
            let next = self.line.borrow_mut().pop_front();
            let Some(waiting) = next else { break };
            match waiting.send(Ok(self.lease(lane))) {
                Ok(()) | Err(Err(NotConnected)) => return,
                Err(Ok(mut refused)) => match refused.lane.take() {
                    Some(back) => lane = back,
                    None => return,
                },
            }
        }
        self.idle.borrow_mut().push(lane);
    }

    fn lease(self: &Rc<Self>, lane: Lane) -> Lease {
        Lease { lane: Some(lane), is_whole: true, pool: self.clone() }
    }

    /// An exchange broke.
    pub(crate) fn broke(&self, why: String) {
        self.seen.borrow_mut().breach.get_or_insert(why);
    }

    fn closed(self: &Rc<Self>) {
        self.open.set(self.open.get() - 1);
        if !self.is_closed.get() {
            self.seen.borrow_mut().burned += 1;
            self.open_as_needed();
        }
    }
}

/// An open connection, shared by its lanes. Dropping it closes it.
#[derive(Debug)]
struct Connection {
    driver: AbortHandle,
    pool: Weak<Pool>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
        if let Some(pool) = self.pool.upgrade() {
            pool.closed();
        }
    }
}

/// A place on a connection for one exchange at a time.
#[derive(Debug)]
struct Lane {
    requests: Requests,
    /// Held: the last lane closes it.
    _connection: Rc<Connection>,
    number: usize,
}

/// A lane in use. Dropping it gives the lane back, if it is fit for another exchange.
#[derive(Debug)]
pub(crate) struct Lease {
    /// There until it is dropped.
    lane: Option<Lane>,
    /// Whether no exchange is in the middle.
    is_whole: bool,
    pool: Rc<Pool>,
}

impl Lease {
    fn requests(&mut self) -> &mut Requests {
        &mut self.lane.as_mut().expect("a lease in use has its lane").requests
    }

    async fn ready(&mut self) -> hyper::Result<()> {
        self.is_whole = false;
        self.requests().ready().await
    }

    /// Begins the exchange: the answer's head.
    pub(crate) fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> {
        self.requests().send(request)
    }

    /// The exchange is complete.
    pub(crate) fn release(mut self) {
        self.is_whole = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(lane) = self.lane.take() else { return };
        let is_fit = self.is_whole || lane.requests.outlives_a_broken_exchange();
        if is_fit {
            self.pool.hand_over(lane);
        }
    }
}
