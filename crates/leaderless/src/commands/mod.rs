//! What the commands do; the game day itself lives next door.

mod cluster;
mod compare;
mod fault;
mod feed;
mod kafka;
mod lint;
mod run;
mod scenarios;

use std::fmt;
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command, RunArgs};
use crate::output;

/// Exit code: an expectation failed.
pub const EXIT_FAILED: u8 = 3;
/// Exit code: the run is invalid.
pub const EXIT_INVALID: u8 = 4;
/// Exit code: interrupted, as a shell reports a program that Ctrl-C ended.
pub const EXIT_INTERRUPTED: u8 = 130;

/// What was asked for cannot be: bad usage, or a bad file. Exits 64.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Does what was asked for.
///
/// # Errors
/// [`Usage`] for bad arguments and files; anything else is a failure of the program or of its surroundings.
pub async fn dispatch(command: Option<Command>) -> anyhow::Result<ExitCode> {
    match command.unwrap_or_else(|| Command::Run(RunArgs::default())) {
        Command::Run(args) => run::run(args).await,
        Command::Report(args) => compare::report(&args).map(|()| ExitCode::SUCCESS),
        Command::Compare(args) => compare::compare(&args),
        Command::Scenarios { command } => scenarios::run(command).map(|()| ExitCode::SUCCESS),
        Command::Cluster(args) => cluster::run(args).await,
        Command::Kafka { command } => kafka::run(command).await.map(|()| ExitCode::SUCCESS),
        Command::Feed(args) => feed::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Fault(args) => fault::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Lint(args) => lint::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "leaderless", &mut script);
            output::answer(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS)
        }
    }
}
