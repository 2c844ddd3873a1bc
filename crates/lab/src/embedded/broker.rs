//! One broker's front door: opens, closes and black-holes its port as its link says, and accepts connections.
//!
//! A dead broker's port is closed before its connections are reset: whoever connects anew at once is refused. So it is
//! with Apache Kafka, which ends its acceptors before its processors (`SocketServer.stopProcessingRequests`).
//!
//! Bound: [`CONNECTIONS_MAX`] connections per broker; one more is closed at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cluster::Process;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::connection::{self, Home};
use super::engine::Line;
use crate::port::Port;

/// The most connections to one broker. A client has two or three; a game day some hundreds in all.
pub(super) const CONNECTIONS_MAX: usize = 1_024;

/// After a failed accept (out of file descriptors, as a rule) the next one waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Keeps a broker's door until the runtime ends.
pub(super) async fn keep(mut port: Port, home: Home, connections_max: usize) {
    let room = Arc::new(Semaphore::new(connections_max));
    let mut line = home.line.clone();
    let closed = watch::Sender::new(line.borrow().deaths);
    loop {
        let Line { link, deaths } = *line.borrow_and_update();
        let process = link.process;
        let open = match process {
            Process::Running => port.open().and_then(|()| port.listener()).map(Some),
            // The kernel goes on accepting for a stopped process, while there is room.
            Process::Frozen => port.unattended().map(|()| None),
            Process::Dead => port.close().map(|()| None),
            Process::BlackHoled => swallow(&mut port, &home).map(|()| None),
        };
        let listener = open.unwrap_or_else(|error| {
            let (broker, port) = (home.broker.0, port.address().port());
            tracing::error!(broker, port, %error, ?process, "a broker's port cannot follow its broker");
            None
        });
        closed.send_replace(deaths);
        tokio::select! {
            changed = line.changed() => if changed.is_err() { return },
            () = welcome(listener, &home, &closed, &room) => {}
        }
    }
}

fn swallow(port: &mut Port, home: &Home) -> io::Result<()> {
    if !port.black_hole()? {
        let broker = home.broker.0;
        tracing::warn!(broker, "no black hole on this system: connections are accepted and never served");
    }
    Ok(())
}

async fn welcome(
    listener: Option<TcpListener>,
    home: &Home,
    closed: &watch::Sender<u64>,
    room: &Arc<Semaphore>,
) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(stream, home, closed.subscribe(), room),
            Err(error) => {
                tracing::warn!(broker = home.broker.0, %error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn admit(stream: TcpStream, home: &Home, closed: watch::Receiver<u64>, room: &Arc<Semaphore>) {
    let Ok(place) = Arc::clone(room).try_acquire_owned() else {
        tracing::warn!(broker = home.broker.0, "a connection too many is closed");
        return;
    };
    let (home, deaths) = (home.clone(), *closed.borrow());
    tokio::spawn(async move {
        connection::serve(stream, home, deaths, closed).await;
        drop(place);
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use cluster::{BrokerId, Cluster, Spec};
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::embedded::api::Directory;
    use crate::embedded::engine::Engine;
    use crate::timeline::Timeline;

    #[tokio::test]
    async fn a_connection_too_many_is_closed_and_one_that_left_makes_room() {
        let cluster = Cluster::new(Spec::new()).expect("a cluster");
        let broker = BrokerId(1);
        let engine = Engine::new(cluster, std::iter::once(broker), Timeline::new(Instant::now()));
        let line = engine.line(broker).expect("a line");
        let home = Home { broker, engine, directory: Arc::new(Directory(BTreeMap::new())), line };
        let mut port = Port::bind(None).expect("bound");
        port.open().expect("open");
        let address = port.address();
        tokio::spawn(keep(port, home, 1));

        let mut first = TcpStream::connect(address).await.expect("connected");
        let mut second = TcpStream::connect(address).await.expect("connected");
        assert_eq!(second.read(&mut [0]).await.ok().unwrap_or(0), 0, "it is closed");
        let stays = tokio::time::timeout(Duration::from_millis(100), first.read(&mut [0])).await;
        assert!(stays.is_err(), "it stays");

        drop(first);
        let patience = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                let mut third = TcpStream::connect(address).await.expect("connected");
                if tokio::time::timeout(Duration::from_millis(100), third.read(&mut [0])).await.is_err() {
                    return;
                }
            }
        });
        patience.await.expect("there is room again");
    }
}
