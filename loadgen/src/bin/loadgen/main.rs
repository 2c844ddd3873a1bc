//! The `loadgen` program: the library on a command line, for any HTTP service.
//!
//! # Layout
//! - `args`, `values`, `file`, `place`: what may be asked for; `job`: what was, checked.
//! - `measure`, `intervals`, `verdict`: what a run comes to; `table`, `files`, `live`, `metrics`: where that is told.
//! - `machines`: one run from several of them; `repeat`: the command that makes a run again.
//!
//! # Invariants
//! Nothing is sent before all that was asked for is known to be sound. An interrupted run is told of like a whole one.

mod args;
mod file;
mod files;
mod intervals;
mod job;
mod live;
mod machines;
mod measure;
mod metrics;
mod output;
mod place;
mod repeat;
mod table;
mod values;
mod verdict;

use std::fmt;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{CommandFactory as _, Parser as _};
use loadgen::{Ended, Handle, Mode};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Args, Command, Machines, Outputs};
use crate::files::IntervalFiles;
use crate::job::Job;
use crate::live::Live;
use crate::measure::Measuring;
use crate::table::Style;
use crate::verdict::{EXIT_INTERRUPTED, EXIT_USAGE, Status};

/// What was asked for cannot be: bad usage, or a bad file. Exits 64.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Nothing can be done about a closed standard output on the way out.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    runtime.block_on(dispatch(args)).unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    output::say(&format!("error: {error:#}"));
    if error.is::<Usage>() { EXIT_USAGE.into() } else { ExitCode::FAILURE }
}

async fn dispatch(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(Command::Worker(worker)) = &args.command {
        raise_descriptor_limit();
        return machines::work(worker).map(|()| ExitCode::SUCCESS);
    }
    if let Some(shell) = args.completions {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "loadgen", &mut script);
        return output::answer(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS);
    }
    let (outputs, machines) = (args.outputs.clone(), args.machines.clone());
    let job = Arc::new(Job::new(args)?);
    let intervals = files::prepare(&outputs)?;
    raise_descriptor_limit();
    let (ran, measuring) = run(&job, &machines, &outputs, intervals).await?;
    let (measured, intervals) = measuring.close();
    let status = Status::of(&ran.result, &measured);
    let written = files::write(&outputs, &job, &ran, &measured, intervals);
    // What was measured is told, also where it could not be kept.
    if outputs.json {
        output::answer(&files::result_text(&job, &ran.result, &measured)?)?;
    } else {
        let stdout = std::io::stdout();
        let style = if stdout.is_terminal() { Style::Colour } else { Style::Plain };
        let columns = terminal_size::terminal_size_of(stdout).map(|(width, _)| usize::from(width.0));
        output::answer(&table::table(&job, &ran.result, &measured, style, columns))?;
    }
    written?;
    Ok(status.exit_code())
}

/// A run that was made.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) result: Ended,
    /// When it was interrupted, if it was.
    pub(crate) interrupted: Option<Instant>,
    /// When the last answer was in or given up on.
    pub(crate) ended: Instant,
}

async fn run(
    job: &Arc<Job>,
    machines: &Machines,
    outputs: &Outputs,
    intervals: Option<IntervalFiles>,
) -> anyhow::Result<(Ran, Measuring)> {
    let metrics = match outputs.metrics {
        Some(address) => Some(metrics::listen(address).await?),
        None => None,
    };
    let spec = job.plan.spec();
    let mut live = Live::new(outputs.quiet, spec.warm_up + spec.duration);
    live.line(&table::load_in_words(job));
    if let Mode::Closed { .. } = spec.mode {
        live.line(table::COORDINATED_OMISSION.trim_end());
    }
    if job.is_insecure() {
        live.line(table::INSECURE.trim_end());
    }
    let fleet = machines::join(job, machines, &mut live)?;
    let measuring = Measuring::new(job.clone(), intervals);
    let handle = match fleet {
        Some(fleet) => fleet.spawn_into(measuring)?,
        None => loadgen::spawn_into(job.plan.clone(), measuring)?,
    };
    let progress = handle.progress();
    let scraped = async {
        match metrics {
            Some(listener) => metrics::serve(listener, progress).await,
            None => std::future::pending().await,
        }
    };
    let interrupted = tokio::select! {
        interrupted = watch(&handle, &mut live) => interrupted?,
        () = scraped => None,
    };
    live.clear();
    let (result, measuring) = handle.ended().await?;
    Ok((Ran { result, interrupted, ended: Instant::now() }, measuring))
}

/// Shows the run until its end. The first Ctrl-C or SIGTERM stops it with what was measured so far; the second ends
/// the program.
async fn watch(handle: &Handle<Measuring>, live: &mut Live) -> anyhow::Result<Option<Instant>> {
    let mut signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut progress = handle.progress();
    let mut interrupted = None;
    loop {
        tokio::select! {
            changed = progress.changed() => match changed {
                Ok(()) => live.show(&progress.borrow_and_update(), Instant::now()),
                Err(_) => return Ok(interrupted),
            },
            () = either(&mut signals) => {
                if interrupted.replace(Instant::now()).is_some() {
                    live.clear();
                    std::process::exit(i32::from(EXIT_INTERRUPTED));
                }
                live.line("interrupted: stopping with what was measured so far");
                handle.stop();
            }
        }
    }
}

async fn either((interrupt, terminate): &mut (Signal, Signal)) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// A target that hangs holds every connection open.
fn raise_descriptor_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        output::say(&format!("the limit of open files stays as it is: {error}"));
    }
}
