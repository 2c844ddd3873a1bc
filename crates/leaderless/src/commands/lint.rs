//! `leaderless lint`: how long a client with given settings can block, and what in them contradicts what.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use bus::lint::{self, Properties};

use super::{EXIT_FAILED, Usage};
use crate::cli::LintArgs;
use crate::output;

/// One byte more than the linter takes: enough for it to refuse.
const READ_MAX: u64 = 1024 * 1024 + 1;

/// Prints the report; fails when it has an error.
pub(super) fn run(args: &LintArgs) -> anyhow::Result<ExitCode> {
    let properties = match &args.client {
        Some(file) => read(file, args)?,
        None => Properties::of_preset(args.preset),
    };
    let report = lint::lint(&properties);
    if args.json {
        let json = serde_json::to_string_pretty(&report).context("the report as JSON")?;
        output::answer(&format!("{json}\n"))?;
    } else {
        output::answer(&report.to_string())?;
    }
    Ok(if report.has_errors() { EXIT_FAILED.into() } else { ExitCode::SUCCESS })
}

/// # Errors
/// [`Usage`], with the file's name.
fn read(file: &Path, args: &LintArgs) -> anyhow::Result<Properties> {
    let bad = |reason: String| Usage(format!("{}: {reason}", file.display()));
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| bad(error.to_string()))?;
    opened.take(READ_MAX).read_to_string(&mut text).map_err(|error| bad(error.to_string()))?;
    Ok(Properties::parse(&text, args.dialect).map_err(|error| bad(error.to_string()))?)
}
