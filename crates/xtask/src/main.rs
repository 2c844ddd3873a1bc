//! `cargo run -p xtask -- COMMAND`: the tasks that hold the project against the real thing.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::differential;

/// A disagreement between the embedded cluster and the real thing.
const EXIT_DISAGREE: u8 = 3;

#[derive(Debug, Parser)]
#[command(name = "xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask the embedded cluster and Apache Kafka the same random questions; shrink where they disagree.
    Differential(differential::Args),
}

fn main() -> anyhow::Result<ExitCode> {
    let Command::Differential(args) = Cli::parse().command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(match runtime.block_on(differential::run(args))? {
        differential::Outcome::Agree => ExitCode::SUCCESS,
        differential::Outcome::Disagree => EXIT_DISAGREE.into(),
    })
}
