//! A service on a thread and a runtime of its own, so that one that hangs takes nobody along.

use std::future::Future;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

/// Between two looks whether a thread has ended.
const POLL: Duration = Duration::from_millis(5);

/// A running thread. Dropping it asks it to stop and does not wait.
#[derive(Debug)]
pub struct OwnThread {
    name: &'static str,
    stop: CancellationToken,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl OwnThread {
    /// Runs `main` on a runtime of its own until it ends or is asked to stop.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn<F, R>(name: &'static str, main: F) -> anyhow::Result<Self>
    where
        F: FnOnce(CancellationToken) -> R + Send + 'static,
        R: Future<Output = anyhow::Result<()>>,
    {
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let ended = runtime.block_on(main(asked));
            // Blocking calls into a stuck client must not keep the thread.
            runtime.shutdown_timeout(Duration::from_millis(100));
            ended
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body)?;
        Ok(Self { name, stop, thread: Some(thread) })
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it has ended by itself; then [`OwnThread::join`] says why.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Asks it to stop, without waiting.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It ended with an error, panicked, or has not ended after `patience`.
    pub async fn join(mut self, patience: Duration) -> anyhow::Result<()> {
        let since = Instant::now();
        while !self.has_ended() {
            if since.elapsed() > patience {
                bail!("{} has not ended after {patience:?}", self.name);
            }
            tokio::time::sleep(POLL).await;
        }
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended.with_context(|| self.name),
            Some(Err(_)) => bail!("{} panicked", self.name),
        }
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
