//! `leaderless report` and `leaderless compare`: pages from the files of runs that have ended.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use page::Run;
use page::compare::Entrant;

use super::{EXIT_FAILED, Usage};
use crate::cli::{CompareArgs, ReportArgs};
use crate::output;

/// Draws the page of a run and says where it is.
pub(super) fn report(args: &ReportArgs) -> anyhow::Result<()> {
    let run = read(&args.folder)?;
    let path = args.folder.join(page::PAGE_FILE);
    page::write(&path, &run.page())?;
    output::answer(&format!("{}\n", path.display()))
}

/// Compares, prints, and draws the page.
pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let entrants = args.runs.iter().map(|run| entrant(run)).collect::<Result<Vec<_>, Usage>>()?;
    let comparison = page::compare::compare(entrants, args.different_schedules).map_err(|refused| {
        let hint = match refused {
            page::compare::Refused::Schedules { .. } => "; --different-schedules compares them all the same",
            _ => "",
        };
        Usage(format!("{refused}{hint}"))
    })?;
    page::write(&args.html, &comparison.page())?;
    if args.json {
        let json = serde_json::to_string_pretty(&comparison).context("the comparison as JSON")?;
        output::answer(&format!("{json}\n"))?;
    } else {
        output::answer(&format!("{}\nPage: {}\n", comparison.text(), args.html.display()))?;
    }
    let is_failed = args.no_worse && comparison.is_worse();
    Ok(if is_failed { EXIT_FAILED.into() } else { ExitCode::SUCCESS })
}

/// `DIR`, or `DIR:ARM` for one of its arms. A folder that is called so wins.
fn entrant(named: &str) -> Result<Entrant, Usage> {
    let from = named.to_owned();
    match named.rsplit_once(':') {
        Some((folder, arm)) if !Path::new(named).exists() => {
            let mut run = read(Path::new(folder))?;
            let arms: Vec<String> = run.arms.iter().map(|it| it.name.clone()).collect();
            run.arms.retain(|it| it.name == arm);
            match run.arms.is_empty() {
                true => Err(Usage(format!("{folder} has no arm `{arm}` (it has: {})", arms.join(", ")))),
                false => Ok(Entrant { from, run }),
            }
        }
        _ => Ok(Entrant { from, run: read(Path::new(named))? }),
    }
}

/// # Errors
/// [`Usage`], with the file that is missing or bad.
fn read(folder: &Path) -> Result<Run, Usage> {
    Run::read(folder).map_err(|error| Usage(error.to_string()))
}
