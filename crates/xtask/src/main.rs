//! `cargo run -p xtask -- COMMAND`: the tasks that hold the project against the real thing.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use xtask::conformance::command::Conformance;
use xtask::differential;
use xtask::protocol::command::Protocol;

/// A disagreement between the embedded cluster and the real thing.
const EXIT_DISAGREE: u8 = 3;

#[derive(Debug, Parser)]
#[command(about = "Holds the embedded cluster against Apache Kafka.")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Play the stuck states on both clusters and compare them cell by cell.
    Conformance(Conformance),
    /// Ask both clusters the same random questions; shrink where they disagree.
    Differential(differential::Args),
    /// Ask a healthy cluster what no fault touches, and print its answers.
    Protocol(Protocol),
}

fn main() -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let task = Cli::parse().task;
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(async {
        match task {
            Task::Conformance(conformance) => conformance.run().await,
            Task::Differential(args) => differential::run(args).await.map(|outcome| match outcome {
                differential::Outcome::Agree => ExitCode::SUCCESS,
                differential::Outcome::Disagree => EXIT_DISAGREE.into(),
            }),
            Task::Protocol(protocol) => protocol.run().await,
        }
    });
    // Clients of clusters that were broken may still be letting go.
    runtime.shutdown_background();
    ended
}
