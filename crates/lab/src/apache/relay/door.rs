//! The port of a link: it does to callers what the target's own port would do if the link's mode were in the way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::{Mode, flow};
use crate::port::Port;

/// The most connections of a link. A client has two or three to a broker, a broker some tens to another.
pub(super) const CONNECTIONS_MAX: usize = 256;

/// After a failed accept (out of file descriptors, as a rule) the next one waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a target that refuses is tried.
const TARGET_RETRY: Duration = Duration::from_millis(50);

/// A target that has not answered for so long is there, and frozen: its kernel would have refused at once.
const TARGET_PATIENCE: Duration = Duration::from_secs(1);

/// A link's port and what is behind it.
pub(super) struct Door {
    name: String,
    port: Port,
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
    room: Arc<Semaphore>,
    /// The target has refused a connection.
    refused: Arc<Notify>,
}

impl Door {
    pub(super) fn new(name: String, port: Port, target: SocketAddr, mode: watch::Receiver<Mode>) -> Self {
        let (room, refused) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), Arc::default());
        Self { name, port, target, mode, room, refused }
    }

    #[cfg(test)]
    pub(super) fn with_room(self, connections_max: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(connections_max)), ..self }
    }

    /// Keeps the port until the relay ends.
    pub(super) async fn keep(mut self) {
        let mut mode = self.mode.clone();
        loop {
            let black = *mode.borrow_and_update() == Mode::BlackHole;
            tokio::select! {
                changed = mode.changed() => if changed.is_err() { return },
                () = self.stand(black) => {}
            }
        }
    }

    /// Without end.
    async fn stand(&mut self, black: bool) {
        if black { self.swallow().await } else { self.follow_the_target().await }
    }

    /// Lets callers run into nothing.
    async fn swallow(&mut self) {
        match self.port.black_hole() {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(
                    link = self.name,
                    "no black hole on this system: connections are accepted and nothing flows"
                );
            }
            Err(error) => tracing::error!(link = self.name, %error, "a link's port cannot be a black hole"),
        }
        std::future::pending().await
    }

    /// Closed while the target refuses, open otherwise.
    async fn follow_the_target(&mut self) {
        loop {
            while self.target_refuses().await {
                if let Err(error) = self.port.close() {
                    tracing::error!(link = self.name, %error, "a link's port cannot be closed");
                }
                sleep(TARGET_RETRY).await;
            }
            match self.port.open().and_then(|()| self.port.listener()) {
                Ok(listener) => self.welcome(listener).await,
                Err(error) => {
                    tracing::error!(link = self.name, %error, "a link's port cannot be opened");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn target_refuses(&self) -> bool {
        matches!(timeout(TARGET_PATIENCE, TcpStream::connect(self.target)).await, Ok(Err(_)))
    }

    /// Accepts connections until the target refuses one.
    async fn welcome(&self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.refused.notified() => return,
            };
            match accepted {
                Ok((stream, _)) => self.admit(stream),
                Err(error) => {
                    tracing::warn!(link = self.name, %error, "a connection cannot be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, caller: TcpStream) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!(link = self.name, "a connection too many is closed");
            return;
        };
        let (target, mode, refused) = (self.target, self.mode.clone(), Arc::clone(&self.refused));
        tokio::spawn(async move {
            match TcpStream::connect(target).await {
                Ok(target) => flow::connect(caller, target, mode).await,
                Err(_) => {
                    flow::reset(&caller);
                    refused.notify_one();
                }
            }
            drop(place);
        });
    }
}
