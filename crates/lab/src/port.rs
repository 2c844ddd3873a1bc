//! A broker's port, whatever is behind it: open, unattended, closed but reserved, or a black hole.
//!
//! One socket is bound for the broker's whole life, so that nobody is given the port by chance while the broker is
//! dead (somebody who asks for just this port with `SO_REUSEADDR` could still have it).
//! `listen` on it opens the port, shutting its reading side down closes it (the kernel then refuses connections).
//! In a black hole the socket still listens, with a backlog of one that is filled by a connection of our own: the
//! kernel drops further connection attempts without an answer, as when the packets were lost on the way. Whoever
//! repeats its attempt after the heal gets through.
//!
//! Source: Linux `tcp_conn_request` drops a SYN when the accept queue is full (`man 2 listen`); a shut down listener
//! keeps its port if it was bound to it by number (`inet_csk_listen_stop`). On systems that do neither, a closed
//! port is bound anew, and a black hole accepts connections that nobody serves.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be accepted; Linux allows up to `net.core.somaxconn`, 4096.
const BACKLOG: i32 = 1_024;

/// The same while the broker is stopped and nobody accepts: `socket.listen.backlog.size` as Apache Kafka ships, with which
/// `SocketServer` opens its ports. Clients that give a connection up and open the next one fill it within seconds.
const UNATTENDED_BACKLOG: i32 = 50;

/// The most connections tried to fill a black hole: the backlog of 1, and some that came from others meanwhile.
const FILLERS_MAX: usize = 8;

/// How often another free port is looked for when somebody else took the last one in between.
const FREE_PORT_TRIES: usize = 16;

/// A bound port on loopback.
#[derive(Debug)]
pub(crate) struct Port {
    socket: Socket,
    address: SocketAddr,
    /// Half-open connections that keep a black hole full.
    fillers: Vec<Socket>,
}

impl Port {
    /// Binds this port, or a free one.
    pub(crate) fn bind(port: Option<u16>) -> io::Result<Self> {
        if let Some(port) = port {
            return Self::bind_number(port);
        }
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..FREE_PORT_TRIES {
            // A port that the kernel chose itself would be given back on a shutdown; hence once more by number.
            let number = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            match Self::bind_number(number) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                bound => return bound,
            }
        }
        Err(last)
    }

    fn bind_number(port: u16) -> io::Result<Self> {
        let address = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        Ok(Self { socket: bound(address)?, address, fillers: Vec::new() })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens the port, or heals a black hole; may be called again. The kernel accepts connections from here on.
    pub(crate) fn open(&mut self) -> io::Result<()> {
        self.fillers.clear();
        self.socket.listen(BACKLOG)
    }

    /// Leaves an open port to the kernel: it accepts as many connections as it does for a stopped broker of Apache Kafka,
    /// and drops further attempts without an answer. Whoever repeats its attempt after the thaw gets through.
    pub(crate) fn unattended(&mut self) -> io::Result<()> {
        self.fillers.clear();
        self.socket.listen(UNATTENDED_BACKLOG)
    }

    /// The open port, to accept from.
    pub(crate) fn listener(&self) -> io::Result<TcpListener> {
        TcpListener::from_std(self.socket.try_clone()?.into())
    }

    /// Refuses connections and resets those that nobody accepted yet; the port stays reserved.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        self.fillers.clear();
        match self.socket.shutdown(Shutdown::Read) {
            Ok(()) => Ok(()),
            Err(_) => {
                // Not listening, or a system that cannot do this: start over with a fresh socket.
                let placeholder = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
                drop(std::mem::replace(&mut self.socket, placeholder));
                self.socket = bound(self.address)?;
                Ok(())
            }
        }
    }

    /// Lets new connections run into nothing. Whether that worked is the answer; if not, they are accepted by the
    /// kernel and never served.
    pub(crate) fn black_hole(&mut self) -> io::Result<bool> {
        // Linux counts the queue as full at one more than the backlog.
        self.socket.listen(0)?;
        for _ in 0..FILLERS_MAX {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
            filler.set_nonblocking(true)?;
            // On loopback a connection that will succeed has succeeded when this returns.
            drop(filler.connect(&self.address.into()));
            let dropped = filler.peer_addr().is_err();
            self.fillers.push(filler);
            if dropped {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    fn knock(port: &Port) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&port.address(), Duration::from_millis(300))
    }

    #[tokio::test]
    async fn a_port_opens_closes_and_opens_again_under_the_same_number() {
        let mut port = Port::bind(None).expect("bound");
        assert_eq!(knock(&port).expect_err("not open yet").kind(), io::ErrorKind::ConnectionRefused);
        for _ in 0..3 {
            port.open().expect("open");
            let listener = port.listener().expect("a listener");
            knock(&port).expect("open");
            drop(listener);
            port.close().expect("closed");
            assert_eq!(knock(&port).expect_err("closed").kind(), io::ErrorKind::ConnectionRefused);
            port.close().expect("closed twice");
            let other = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            let refused = other.bind(&port.address().into()).expect_err("reserved");
            assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_unattended_port_keeps_some_connections_waiting_and_drops_the_next() {
        let mut port = Port::bind(None).expect("bound");
        port.open().expect("open");
        port.unattended().expect("unattended");
        // Linux counts the queue as full at one more than the backlog.
        let kept: Vec<_> = (0..=UNATTENDED_BACKLOG).map(|_| knock(&port).expect("kept")).collect();
        assert_eq!(knock(&port).expect_err("dropped").kind(), io::ErrorKind::TimedOut);
        port.open().expect("open again");
        knock(&port).expect("there is room");
        drop(kept);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_black_hole_swallows_connections_until_it_is_healed() {
        let mut port = Port::bind(None).expect("bound");
        port.open().expect("open");
        assert!(port.black_hole().expect("a black hole"));
        for _ in 0..3 {
            assert_eq!(knock(&port).expect_err("swallowed").kind(), io::ErrorKind::TimedOut);
        }
        port.open().expect("healed");
        knock(&port).expect("open again");
    }
}
