//! One broker's front door: opens, closes and black-holes its port as its link says, and accepts connections.
//!
//! Bound: [`CONNECTIONS_MAX`] connections per broker; one more is closed at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cluster::Process;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::connection::{self, Home};
use super::port::Port;

/// The most connections to one broker. A client has two or three; a game day some hundreds in all.
const CONNECTIONS_MAX: usize = 1_024;

/// After a failed accept (out of file descriptors, as a rule) the next one waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Keeps a broker's door until the runtime ends.
pub(super) async fn keep(mut port: Port, home: Home) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut line = home.line.clone();
    loop {
        let process = line.borrow_and_update().link.process;
        let open = match process {
            Process::Running => port.open().and_then(|()| port.listener()).map(Some),
            // The kernel goes on accepting for a stopped process.
            Process::Frozen => Ok(None),
            Process::Dead => port.close().map(|()| None),
            Process::BlackHoled => swallow(&mut port, &home).map(|()| None),
        };
        let listener = open.unwrap_or_else(|error| {
            let (broker, port) = (home.broker.0, port.address().port());
            tracing::error!(broker, port, %error, ?process, "a broker's port cannot follow its broker");
            None
        });
        tokio::select! {
            changed = line.changed() => if changed.is_err() { return },
            () = welcome(listener, &home, &room) => {}
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

async fn welcome(listener: Option<TcpListener>, home: &Home, room: &Arc<Semaphore>) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(stream, home, room),
            Err(error) => {
                tracing::warn!(broker = home.broker.0, %error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn admit(stream: TcpStream, home: &Home, room: &Arc<Semaphore>) {
    let Ok(place) = Arc::clone(room).try_acquire_owned() else {
        tracing::warn!(broker = home.broker.0, CONNECTIONS_MAX, "a connection too many is closed");
        return;
    };
    let home = home.clone();
    tokio::spawn(async move {
        connection::serve(stream, home).await;
        drop(place);
    });
}
