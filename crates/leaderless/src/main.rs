//! The `leaderless` program.

use std::process::ExitCode;

use leaderless::cli::Cli;
use leaderless::commands::{self, Usage};
use leaderless::output;
use service_kit::process;

fn main() -> ExitCode {
    let cli: Cli = process::parse_or_exit();
    // A run prints what changes by itself; what the services log beside it is for `RUST_LOG=warn`.
    process::init_logging_at("error");
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    runtime.block_on(commands::dispatch(cli.command)).unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    output::say(&format!("error: {error:#}"));
    if error.is::<Usage>() { process::EXIT_USAGE.into() } else { ExitCode::FAILURE }
}
