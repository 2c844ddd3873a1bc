//! Who listens where under which name: the addresses of a cluster before any of it runs.
//!
//! Ports are chosen below the range that systems hand out to outgoing connections (32,768 and up on Linux), so that a
//! dead broker's port is not taken by chance before the broker comes back.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use rand::RngExt as _;

/// The first controller's id; the next ones follow. Brokers count from 1.
pub(super) const FIRST_CONTROLLER: i32 = 1_001;

const PORTS: std::ops::Range<u16> = 20_000..32_000;
const TRIES: usize = 200;

/// A listener of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listener {
    /// Kafka's name of it.
    pub(super) name: String,
    /// Where the node listens.
    pub(super) at: SocketAddr,
    /// Where others are told to connect: the same, or a relay.
    pub(super) advertised: SocketAddr,
}

impl Listener {
    pub(super) fn direct(name: impl Into<String>, at: SocketAddr) -> Self {
        Self { name: name.into(), at, advertised: at }
    }
}

/// A node and its listeners.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: i32,
    pub(super) listeners: Vec<Listener>,
    /// Where its metrics are served.
    pub(super) metrics: SocketAddr,
}

impl Member {
    /// The listener of this name.
    pub(super) fn listener(&self, name: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.name == name)
    }
}

/// The ports that nobody has, each of them given once.
#[derive(Debug, Default)]
pub(super) struct FreePorts(Vec<TcpListener>);

impl FreePorts {
    /// A port that is free now. It stays reserved until this is dropped.
    pub(super) fn next(&mut self) -> io::Result<SocketAddr> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, rand::rng().random_range(PORTS))) {
                Ok(listener) => {
                    let address = listener.local_addr()?;
                    self.0.push(listener);
                    return Ok(address);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// This port, if it is free.
    pub(super) fn number(&mut self, port: u16) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        self.0.push(listener);
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_given_once_and_outside_of_the_range_of_outgoing_connections() {
        let mut ports = FreePorts::default();
        let mut given: Vec<u16> = (0..50).map(|_| ports.next().expect("a port").port()).collect();
        assert!(given.iter().all(|port| PORTS.contains(port)));
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), 50);
    }

    #[test]
    fn a_port_that_is_taken_is_refused() {
        let mut ports = FreePorts::default();
        let taken = ports.next().expect("a port").port();
        assert_eq!(ports.number(taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
