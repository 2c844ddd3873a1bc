//! `leaderless scenarios`: what is built in, and one of them in full.

use std::path::Path;

use lab::{Backend, faults};
use scenario::{Catalogue, Scenario};

use super::Usage;
use crate::cli::ScenariosCommand;
use crate::output;

/// Lists or shows.
pub(super) fn run(command: Option<ScenariosCommand>) -> anyhow::Result<()> {
    match command.unwrap_or(ScenariosCommand::List) {
        ScenariosCommand::List => list(),
        ScenariosCommand::Show { scenario } => show(&load(&scenario)?),
    }
}

fn list() -> anyhow::Result<()> {
    let mut list = String::new();
    for name in Catalogue::names() {
        let default = if name == Catalogue::DEFAULT { " (the default)" } else { "" };
        list += &format!("{name:<22} {}{default}\n", load(name)?.incident.title);
    }
    output::answer(&list)
}

/// In full, and as a comment the clusters that it can be run on.
fn show(scenario: &Scenario) -> anyhow::Result<()> {
    let clusters: Vec<&str> = Backend::ALL
        .into_iter()
        .filter(|backend| faults::check(&scenario.timeline, *backend).is_ok())
        .map(Backend::name)
        .collect();
    output::answer(&format!("# Clusters that it can be run on: {}\n\n{scenario}", clusters.join(", ")))
}

/// The scenario of this name, or in this file. A name wins over a file that is called the same.
///
/// # Errors
/// [`Usage`], with every mistake of the file.
pub(crate) fn load(name_or_file: &str) -> anyhow::Result<Scenario> {
    if Catalogue::text(name_or_file).is_some() {
        return Catalogue::get(name_or_file, faults::kinds())
            .map_err(|error| Usage(error.to_string()).into());
    }
    let path = Path::new(name_or_file);
    if !path.exists() {
        // The catalogue's own error suggests the nearest name.
        let error = Catalogue::get(name_or_file, faults::kinds()).err().map(|error| error.to_string());
        let hint = "and there is no such file";
        return Err(Usage(format!("{}, {hint}", error.unwrap_or_default())).into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| Usage(format!("{name_or_file}: {error}")))?;
    Scenario::parse(name_or_file, &text, faults::kinds()).map_err(|error| Usage(error.to_string()).into())
}
