//! One run from several machines: the worker's side, and joining workers to a run.

use std::path::Path;
use std::time::Duration;

use gates::units::{self, grouped, plural};
use loadgen::{ClockOffset, Fleet, JoinError, ListenError, Machine, Token, Worker};

use crate::Usage;
use crate::args::{Machines, WorkerArgs};
use crate::job::Job;
use crate::live::Live;
use crate::output::say;

/// Serves one run after the other until the program is ended.
///
/// # Errors
/// The port cannot be had, or may not.
pub(crate) fn work(args: &WorkerArgs) -> anyhow::Result<()> {
    let token = args.token_file.as_deref().map(token).transpose()?;
    let worker = Worker::listen(args.listen, token).map_err(|error| match error {
        ListenError::NeedsToken(error) => Usage(format!("--listen: {error} (--token-file)")).into(),
        ListenError::Bind(..) => anyhow::Error::new(error),
    })?;
    say(&format!("listening on {}", worker.address()?));
    loop {
        say(&worker.serve_one()?);
    }
}

/// The workers of a run, if others send it; their clocks are told.
///
/// # Errors
/// One of them cannot be had.
pub(crate) fn join(job: &Job, machines: &Machines, live: &mut Live) -> anyhow::Result<Option<Fleet>> {
    if machines.workers_at.is_empty() {
        return Ok(None);
    }
    let token = machines.token_file.as_deref().map(token).transpose()?;
    let joined = Fleet::join(job.plan.clone(), &machines.workers_at, token.as_ref());
    let fleet = joined.map_err(|error| match error {
        JoinError::NeedsToken(_) => Usage(format!("--workers-at: {error} (--token-file)")).into(),
        JoinError::Uneven { .. } => Usage(format!("--workers: {error}")).into(),
        JoinError::Unreachable { .. } | JoinError::Refused { .. } => anyhow::Error::new(error),
    })?;
    for (name, clock) in fleet.clocks() {
        live.line(&format!("worker {name}: {}", clock_in_words(clock)));
    }
    Ok(Some(fleet))
}

fn token(file: &Path) -> Result<Token, Usage> {
    let refused = |why: String| Usage(format!("--token-file {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    Token::new(&text).map_err(|error| refused(error.to_string()))
}

fn clock_in_words(clock: ClockOffset) -> String {
    let side = if clock.ahead_ns < 0 { "behind" } else { "ahead" };
    let by = units::duration(Duration::from_nanos(clock.ahead_ns.unsigned_abs()));
    format!("its clock is {by} {side} of ours, give or take {}", units::duration(clock.error))
}

/// What a worker did, in a line.
pub(crate) fn in_words(machine: &Machine) -> String {
    let Machine { name, clock, moved_ns, intended, accounted, lost } = machine;
    let told = format!("{name}: {} of {}", grouped(*accounted), plural(*intended, "request"));
    let clock = clock_in_words(*clock);
    match (lost, moved_ns) {
        (Some(why), _) => format!("{told}, then LOST: {why}; {clock}"),
        (None, Some(ns)) => {
            let moved = units::duration(Duration::from_nanos(ns.unsigned_abs()));
            format!("{told}; {clock}, and moved by {moved} during the run")
        }
        (None, None) => format!("{told}; {clock}"),
    }
}
