//! A relay on loopback, to cut and slow down the links between processes without privilege over the network.
//!
//! One port per directed link, so that the port alone says who calls whom; a broker is cut off by cutting every link
//! to it and from it. A link from a broker to itself is never touched, as no packet of it would leave the broker.
//!
//! | mode | open connections | new connections |
//! |---|---|---|
//! | [`Mode::Pass`] | bytes flow | as the target takes them: refused while it refuses |
//! | [`Mode::BlackHole`] | nothing flows, ends included; nothing is lost and nothing reset | hang without an answer, where the system allows (see [`port`](crate::port)) |
//! | [`Mode::Delay`] | what the target answers arrives later by so much, in order; questions flow at once | as in `Pass` |
//!
//! A black hole that ends lets everything flow that was held, as TCP's own repetition would. What it cannot do: a
//! kernel behind real packet loss would give up a connection after minutes, and repeat later and later.
//!
//! Invariants: everything runs on one thread of its own, which is gone when the relay is dropped; only loopback is
//! bound. Bounds: `LINKS_MAX` links, of each `door::CONNECTIONS_MAX` connections (one more is closed at once), of
//! each and in each direction `flow::HELD_BYTES_MAX` bytes on the way (then the sender is not read from, and TCP holds
//! it back: a delayed link carries at most so much per delay).

mod door;
mod flow;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::port::Port;
use door::Door;

/// 30 brokers, each of them called by all brokers and the clients, are 930 links.
const LINKS_MAX: usize = 1_024;

/// What a link does with bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    /// Lets them flow.
    #[default]
    Pass,
    /// Holds them back in both directions.
    BlackHole,
    /// Lets answers arrive later by so much.
    Delay(Duration),
}

impl Mode {
    /// Two ends of a link with a mode each: no way through a black hole, and delays add up.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::BlackHole, _) | (_, Self::BlackHole) => Self::BlackHole,
            (Self::Pass, mode) | (mode, Self::Pass) => mode,
            (Self::Delay(one), Self::Delay(another)) => Self::Delay(one.saturating_add(another)),
        }
    }
}

/// A relay. Dropping it closes its ports and connections and waits for its thread.
#[derive(Debug)]
pub(super) struct Relay {
    table: Mutex<Table>,
    runtime: Handle,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What was done to each broker, and what follows for each link.
#[derive(Debug, Default)]
struct Table {
    brokers: BTreeMap<i32, Broken>,
    links: Vec<Link>,
}

/// A broker may be slow and cut off at once; healing the one leaves the other.
#[derive(Debug, Clone, Copy, Default)]
struct Broken {
    cut_off: bool,
    delay: Duration,
}

impl Broken {
    fn mode(self) -> Mode {
        match self {
            Self { cut_off: true, .. } => Mode::BlackHole,
            Self { delay: Duration::ZERO, .. } => Mode::Pass,
            Self { delay, .. } => Mode::Delay(delay),
        }
    }
}

#[derive(Debug)]
struct Link {
    /// `None` for the clients.
    from: Option<i32>,
    to: i32,
    mode: watch::Sender<Mode>,
}

impl Table {
    fn mode(&self, from: Option<i32>, to: i32) -> Mode {
        if from == Some(to) {
            return Mode::Pass;
        }
        let of = |node: i32| self.brokers.get(&node).copied().unwrap_or_default().mode();
        from.map(of).unwrap_or_default().and(of(to))
    }
}

impl Relay {
    /// A relay without links.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("relay".to_owned()).spawn(move || {
            // Either way the owner wants an end.
            drop(runtime.block_on(stopped));
        })?;
        Ok(Self { table: Mutex::default(), runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Opens a link from a broker (or from the clients) to a node that listens at `target`, now or later; the answer
    /// is where to connect instead: at the `wanted` port, or at one that is free.
    ///
    /// # Errors
    /// When there is no port for it, or there are `LINKS_MAX` links already.
    pub(super) fn link(
        &self,
        from: Option<i32>,
        to: i32,
        target: SocketAddr,
        wanted: Option<u16>,
    ) -> io::Result<SocketAddr> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.links.len() >= LINKS_MAX {
            return Err(io::Error::other(format!("a relay has at most {LINKS_MAX} links")));
        }
        let port = Port::bind(wanted)?;
        let address = port.address();
        let (mode, follow) = watch::channel(table.mode(from, to));
        let name = format!("{} -> {to}", from.map_or_else(|| "clients".to_owned(), |id| id.to_string()));
        self.runtime.spawn(Door::new(name, port, target, follow).keep());
        table.links.push(Link { from, to, mode });
        Ok(address)
    }

    /// Cuts every link to and from a broker, or lets them flow again, a moment later.
    pub(super) fn cut_off(&self, broker: i32, cut_off: bool) {
        self.set(broker, |broken| broken.cut_off = cut_off);
    }

    /// What a broker answers arrives later by so much, from a moment later on. A link between two brokers obeys both.
    pub(super) fn slow(&self, broker: i32, delay: Duration) {
        self.set(broker, |broken| broken.delay = delay);
    }

    fn set(&self, broker: i32, change: impl FnOnce(&mut Broken)) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        change(table.brokers.entry(broker).or_default());
        for link in &table.links {
            let mode = table.mode(link.from, link.to);
            link.mode.send_if_modified(|old| std::mem::replace(old, mode) != mode);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            drop(thread.join());
        }
    }
}
