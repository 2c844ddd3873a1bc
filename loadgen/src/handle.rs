//! A run on threads of its own.
//!
//! Its own threads and runtimes, so that a busy service in the same process delays neither the schedule nor the clock.
//! Workers share nothing while they send but the start and, five times a second, the channel to the books.

use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Barrier, watch};
use tokio_util::sync::CancellationToken;

use crate::books::{Books, Joined, Started};
use crate::engine::Worker;
use crate::outlet::{self, Outlet};
use crate::slice::Slice;
use crate::{Ended, Keep, Plan, Progress, RunResult, Sink};

/// The generator's thread panicked; it has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the load generator crashed, so there is no result")]
pub struct Crashed;

/// A run in progress. Dropping it stops the run and waits for its threads, at most a second.
#[derive(Debug)]
pub struct Handle<S: Sink = Keep> {
    progress: watch::Receiver<Progress>,
    team: Team,
    books: Option<JoinHandle<Option<(Ended, S)>>>,
}

/// Starts the plan on a thread per worker, and keeps everything that is seen. First connections are opened, at most 2 s;
/// then the schedule begins.
///
/// # Errors
/// When the system refuses a thread or an event queue; what was started is stopped.
pub fn spawn(plan: Arc<Plan>) -> io::Result<Handle> {
    spawn_into(plan, Keep::default())
}

/// The same, with everything that is seen going into `sink`.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_into<S: Sink>(plan: Arc<Plan>, sink: S) -> io::Result<Handle<S>> {
    let started: Started = Arc::new(OnceLock::new());
    let (mut handle, outlets) = open(&plan, sink, started.clone(), Vec::new())?;
    handle.team.start(&plan, 0, outlets, &started)?;
    Ok(handle)
}

/// Opens the books of a run that nobody works at yet: an outlet for each of its slices. Where there are machines, they
/// have as many of them each, in this order.
pub(crate) fn open<S: Sink>(
    plan: &Arc<Plan>,
    sink: S,
    started: Started,
    machines: Vec<Joined>,
) -> io::Result<(Handle<S>, Vec<Outlet>)> {
    let (outlets, spares, inbox) = outlet::outlets(plan.spec().workers);
    let planned = plan.schedule().len() as u64;
    let (progress, seen) = watch::channel(Progress { planned, ..Progress::default() });
    let books = Books::new(plan.clone(), sink, started, (machines, spares), progress);
    let books = thread::Builder::new().name("loadgen-books".to_owned()).spawn(move || books.write(&inbox))?;
    Ok((Handle { progress: seen, team: Team::default(), books: Some(books) }, outlets))
}

/// The threads that work at a run. Dropping it stops and joins them.
#[derive(Debug, Default)]
pub(crate) struct Team {
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

impl Team {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { stop, threads: Vec::new() }
    }

    /// A thread for each slice from the first on.
    pub(crate) fn start(
        &mut self,
        plan: &Arc<Plan>,
        first: usize,
        outlets: Vec<Outlet>,
        started: &Started,
    ) -> io::Result<()> {
        let (failed, failures) = sync_channel(outlets.len());
        let ready = Arc::new(Barrier::new(outlets.len()));
        for (index, outlet) in (first..).zip(outlets) {
            let worker = Worker {
                plan: plan.clone(),
                slice: Slice { index, of: plan.spec().workers },
                stop: self.stop.clone(),
                started: started.clone(),
                ready: ready.clone(),
                outlet,
            };
            let failed = failed.clone();
            let work = move || {
                // Its tasks stay on this thread, and so does it.
                match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                    Ok(runtime) => {
                        drop(failed);
                        worker.run(runtime);
                    }
                    // Whoever does not hear it gave up on the run already.
                    Err(error) => drop(failed.send(error)),
                }
            };
            self.threads.push(thread::Builder::new().name(format!("loadgen-{index}")).spawn(work)?);
        }
        drop(failed);
        match failures.recv() {
            Ok(error) => Err(error),
            // All have one.
            Err(_) => Ok(()),
        }
    }

    /// Waits for all of them; whether none crashed.
    fn join(&mut self) -> bool {
        let ended: Vec<_> = self.threads.drain(..).map(JoinHandle::join).collect();
        ended.into_iter().all(|it| it.is_ok())
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop.cancel();
            // Who crashed never says that it is done, which its reader sees.
            self.join();
        }
    }
}

impl<S: Sink> Handle<S> {
    /// Ends the run early: nothing more is sent, and within a second there is a complete result of what was.
    pub fn stop(&self) {
        self.team.stop.cancel();
    }

    pub(crate) fn stop_token(&self) -> CancellationToken {
        self.team.stop.clone()
    }

    /// A thread that works at it.
    pub(crate) fn add(&mut self, thread: JoinHandle<()>) {
        self.team.threads.push(thread);
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

    /// Waits for the end without blocking the caller's thread, and gives the sink back.
    ///
    /// # Errors
    /// When one of the generator's threads panicked.
    pub async fn ended(mut self) -> Result<(Ended, S), Crashed> {
        while self.progress.changed().await.is_ok() {}
        self.close()
    }

    fn close(&mut self) -> Result<(Ended, S), Crashed> {
        let is_well = self.team.join();
        let books = self.books.take().and_then(|books| books.join().ok()).flatten();
        books.filter(|_| is_well).ok_or(Crashed)
    }
}

impl Handle {
    /// Waits for the end without blocking the caller's thread.
    ///
    /// # Errors
    /// When one of the generator's threads panicked.
    pub async fn finished(self) -> Result<RunResult, Crashed> {
        let (ended, kept) = self.ended().await?;
        Ok(RunResult::new(ended, kept))
    }

    /// Waits for the end, blocking.
    ///
    /// # Errors
    /// When one of the generator's threads panicked.
    pub fn join(mut self) -> Result<RunResult, Crashed> {
        let (ended, kept) = self.close()?;
        Ok(RunResult::new(ended, kept))
    }
}

impl<S: Sink> Drop for Handle<S> {
    fn drop(&mut self) {
        if self.books.is_some() {
            self.stop();
            // A crash is reported by `join` and `ended`; here nobody asks.
            drop(self.close());
        }
    }
}
