//! A run on threads of its own.
//!
//! Its own threads and runtimes, so that a busy service in the same process delays neither the schedule nor the clock.
//! Workers share nothing while they send but the start and, five times a second, the board.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::runtime::Builder;
use tokio::sync::{Barrier, watch};
use tokio_util::sync::CancellationToken;

use crate::engine::Worker;
use crate::progress::Board;
use crate::slice::Slice;
use crate::tally::Books;
use crate::{Plan, Progress, RunResult};

/// The generator's thread panicked; it has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the load generator crashed, so there is no result")]
pub struct Crashed;

/// A run in progress. Dropping it stops the run and waits for its threads, at most a second.
#[derive(Debug)]
pub struct Handle {
    plan: Arc<Plan>,
    stop: CancellationToken,
    progress: watch::Receiver<Progress>,
    threads: Vec<JoinHandle<Books>>,
}

/// Starts the plan on a thread per worker. First connections are opened, at most 2 s; then the schedule begins.
///
/// # Errors
/// When the system refuses a thread or an event queue; what was started is stopped.
pub fn spawn(plan: Arc<Plan>) -> io::Result<Handle> {
    let workers = plan.spec().workers;
    let (board, progress) = Board::new(plan.schedule().len() as u64, workers);
    let (board, ready) = (Arc::new(board), Arc::new(Barrier::new(workers)));
    let mut handle = Handle { plan, stop: CancellationToken::new(), progress, threads: Vec::new() };
    for index in 0..workers {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let worker = Worker {
            plan: handle.plan.clone(),
            slice: Slice { index, of: workers },
            stop: handle.stop.clone(),
            board: board.clone(),
            ready: ready.clone(),
        };
        let work = move || runtime.block_on(worker.run());
        handle.threads.push(thread::Builder::new().name(format!("loadgen-{index}")).spawn(work)?);
    }
    Ok(handle)
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
    /// When one of the generator's threads panicked.
    pub async fn finished(mut self) -> Result<RunResult, Crashed> {
        while self.progress.changed().await.is_ok() {}
        self.result()
    }

    /// Waits for the end, blocking.
    ///
    /// # Errors
    /// When one of the generator's threads panicked.
    pub fn join(mut self) -> Result<RunResult, Crashed> {
        self.result()
    }

    fn result(&mut self) -> Result<RunResult, Crashed> {
        let ended: Vec<_> = self.threads.drain(..).map(JoinHandle::join).collect();
        let books = ended.into_iter().collect::<Result<Vec<Books>, _>>().map_err(|_| Crashed)?;
        RunResult::new(self.plan.clone(), books).ok_or(Crashed)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop.cancel();
            // A crash is reported by `join` and `finished`; here nobody asks.
            self.threads.drain(..).for_each(|thread| drop(thread.join()));
        }
    }
}
