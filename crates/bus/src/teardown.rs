//! Taking a native client down apart from its owner.
//!
//! Destroying a client joins its broker threads, and closing a group's consumer waits for its coordinator, which
//! may be frozen. So the destruction runs on a thread of its own: whoever waits for it waits with a bound, and
//! who does not wait is never blocked. The thread ends when librdkafka lets go.

use std::time::Duration;

use tokio::sync::oneshot;

/// The bound of a wait has passed; what was waited for goes on and ends on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not finished after {0:?}; it goes on in the background")]
pub struct TimedOut(pub Duration);

/// The end of a destruction, as seen by whoever cares to wait.
#[derive(Debug)]
pub(crate) struct Ended(oneshot::Receiver<()>);

impl Ended {
    /// An end, and what announces it when dropped.
    pub(crate) fn announced() -> (oneshot::Sender<()>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// Waits for the end, at most `timeout`.
    pub(crate) async fn within(self, timeout: Duration) -> Result<(), TimedOut> {
        // A dropped sender is an end too: nothing is left to wait for.
        tokio::time::timeout(timeout, self.0).await.map(drop).map_err(|_| TimedOut(timeout))
    }
}

/// Drops `client` on a thread called `name`.
pub(crate) fn drop_apart<T: Send + 'static>(name: &str, client: T) -> Ended {
    let (announce, ended) = Ended::announced();
    let body = move || {
        drop(client);
        drop(announce);
    };
    // Without a thread to spare the closure is dropped here, and the client with it: slow, but no leak.
    if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(body) {
        tracing::warn!(%error, name, "no thread to take a client down on; it was done in place");
    }
    ended
}
