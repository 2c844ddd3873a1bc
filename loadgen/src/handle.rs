//! A run on a thread of its own.
//!
//! Its own thread and runtime, so that a busy service in the same process delays neither the schedule nor the clock.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Plan, Progress, RunResult, engine};

/// The generator's thread panicked; it has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the load generator crashed, so there is no result")]
pub struct Crashed;

/// A run in progress. Dropping it stops the run and waits for its thread, at most a second.
#[derive(Debug)]
pub struct Handle {
    stop: CancellationToken,
    progress: watch::Receiver<Progress>,
    thread: Option<JoinHandle<RunResult>>,
}

/// Starts the plan on a thread of its own. First connections are opened, at most 2 s; then the schedule begins.
///
/// # Errors
/// When the system refuses a thread or an event queue.
pub fn spawn(plan: Arc<Plan>) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let stop = CancellationToken::new();
    let planned = plan.schedule().len() as u64;
    let (sender, progress) = watch::channel(Progress { planned, ..Progress::default() });
    let stopped = stop.clone();
    let work = move || runtime.block_on(engine::run(plan, stopped, sender));
    let thread = thread::Builder::new().name("loadgen".to_owned()).spawn(work)?;
    Ok(Handle { stop, progress, thread: Some(thread) })
}

impl Handle {
    /// Ends the run early: nothing more is sent, and within a second there is a complete result of what was.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// The live view, renewed five times a second; closed when the run has ended.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits for the beginning of the schedule, from which offsets count; `None` if the run crashed before it.
    pub async fn started(&self) -> Option<Instant> {
        let mut progress = self.progress();
        let begun = progress.wait_for(|it| it.started.is_some()).await.ok()?;
        begun.started
    }

    /// Waits for the end without blocking the caller's thread.
    ///
    /// # Errors
    /// When the generator's thread panicked.
    pub async fn finished(mut self) -> Result<RunResult, Crashed> {
        while self.progress.changed().await.is_ok() {}
        self.take_result()
    }

    /// Waits for the end, blocking.
    ///
    /// # Errors
    /// When the generator's thread panicked.
    pub fn join(mut self) -> Result<RunResult, Crashed> {
        self.take_result()
    }

    fn take_result(&mut self) -> Result<RunResult, Crashed> {
        self.thread.take().and_then(|thread| thread.join().ok()).ok_or(Crashed)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop.cancel();
            // A crash is reported by `join` and `finished`; here nobody asks.
            drop(thread.join());
        }
    }
}
