//! `leaderless run`: a game day and its report.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use lab::Backend;
use lab::faults::{self, BeyondIt, Needs};
use report::{RunResult, Status, Style, Written};
use scenario::{ClusterPlan, Placement, Scenario};
use tokio_util::sync::CancellationToken;

use super::scenarios::load;
use super::{EXIT_FAILED, EXIT_INTERRUPTED, EXIT_INVALID, Usage, kafka};
use crate::cli::RunArgs;
use crate::game_day::{GameDay, Watch};
use crate::output;
use crate::system::{ClusterKind, Design, order_paths_touched};

/// Runs the game day and says what came of it.
pub(super) async fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let mut scenario = load(&args.scenario)?;
    let written_rate = scenario.load.rate_per_s;
    scenario.load.rate_per_s = args.rate.unwrap_or(written_rate);
    let arms = chosen(&scenario, &args.arms)?;
    check_designs(&scenario, &arms)?;
    let cluster = cluster(&args, &scenario).await?;
    let folder = folder(&args, &scenario)?;
    raise_descriptor_limit();
    let interrupted = interrupted_by_signal();
    let mut watch = Watch::new();
    watch.line(&format!("{}: {} (seed {})", scenario.name, scenario.incident.title, args.seed));
    if scenario.load.rate_per_s != written_rate {
        watch.line(&format!("{} requests/s instead of {written_rate}", scenario.load.rate_per_s));
    }
    watch.line(&format!("cluster: {cluster}"));
    watch.line(&exposure(&scenario));
    let day = GameDay { scenario, cluster, seed: args.seed, arms };
    let ended = day.run(&mut watch, &interrupted).await?;
    watch.clear();
    let written = report::write(&folder, &ended.result, &ended.timeline, &ended.logs);
    // What was measured is told, also where it could not be kept.
    show(&ended.result, written.as_ref().ok(), args.json)?;
    written?;
    Ok(exit_code(ended.result.verdict.status))
}

/// The settings of the arms, as far as they can be held against each other before anything starts.
fn check_designs(scenario: &Scenario, arms: &[String]) -> Result<(), Usage> {
    let named = arms.iter().filter_map(|name| scenario.arm(name));
    for arm in named {
        let checked = Design::from(arm).check();
        checked.map_err(|error| Usage(format!("{}: arms.{}: {error}", scenario.name, arm.name)))?;
    }
    Ok(())
}

/// The arms to run: those that were named, in that order; else all of the scenario's that are not optional.
fn chosen(scenario: &Scenario, named: &[String]) -> Result<Vec<String>, Usage> {
    let all: Vec<String> = scenario.arms.iter().map(|arm| arm.name.clone()).collect();
    if let Some(unknown) = named.iter().find(|name| scenario.arm(name).is_none()) {
        let allowed = all.join(", ");
        return Err(Usage(format!("--arms: {} has no arm `{unknown}` (allowed: {allowed})", scenario.name)));
    }
    if let Some(twice) = named.iter().enumerate().find(|(at, name)| named[..*at].contains(name)) {
        return Err(Usage(format!("--arms: `{}` is named twice", twice.1)));
    }
    if named.is_empty() {
        let played = scenario.arms.iter().filter(|arm| !arm.optional);
        return Ok(played.map(|arm| arm.name.clone()).collect());
    }
    Ok(named.to_vec())
}

/// The cluster that was asked for, if the timeline fits it and it can be had on this machine.
async fn cluster(args: &RunArgs, scenario: &Scenario) -> anyhow::Result<ClusterKind> {
    let misfit = |beyond: BeyondIt| Usage(format!("{}: {beyond}", args.scenario));
    faults::check(&scenario.timeline, args.cluster).map_err(misfit)?;
    Ok(match args.cluster {
        Backend::Embedded => ClusterKind::Embedded,
        Backend::Apache => {
            let needs = Needs::of(scenario.timeline.iter().map(|step| &step.call));
            ClusterKind::Apache { kafka: kafka::found().await?, needs }
        }
    })
}

/// How much of the order path one broker carries, by both placements.
fn exposure(scenario: &Scenario) -> String {
    let ClusterPlan { brokers, partitions, placement, .. } = scenario.cluster;
    let touched =
        |placement| order_paths_touched(&scenario.cluster, placement, 1.max(i32::from(brokers) / 2));
    format!(
        "{brokers} brokers, {partitions} partitions a topic, placed {}: one broker is on {} of {partitions} order paths \
         (aligned {}, spread {})",
        placement.name(),
        touched(placement),
        touched(Placement::Aligned),
        touched(Placement::Spread),
    )
}

/// The run's own folder, which is made before anything is measured: a mistake here must not cost a run. Runs on
/// different kinds of clusters lie side by side.
fn folder(args: &RunArgs, scenario: &Scenario) -> Result<PathBuf, Usage> {
    let name = match args.cluster {
        Backend::Embedded => format!("{}-{}", scenario.name, args.seed),
        other => format!("{}-{}-{other}", scenario.name, args.seed),
    };
    let folder = args.out.join(name);
    std::fs::create_dir_all(&folder).map_err(|error| {
        Usage(format!("--out {}: {} cannot be made: {error}", args.out.display(), folder.display()))
    })?;
    Ok(folder)
}

fn show(result: &RunResult, written: Option<&Written>, json: bool) -> anyhow::Result<()> {
    if json {
        let text = serde_json::to_string_pretty(result).context("the result as JSON")?;
        return output::answer(&format!("{text}\n"));
    }
    let style = if std::io::stdout().is_terminal() { Style::Colour } else { Style::Plain };
    output::answer(&report::table(result, written, style))
}

fn exit_code(status: Status) -> ExitCode {
    match status {
        Status::Passed => ExitCode::SUCCESS,
        Status::Failed => EXIT_FAILED.into(),
        Status::Invalid => EXIT_INVALID.into(),
        Status::Partial => EXIT_INTERRUPTED.into(),
    }
}

/// The first Ctrl-C or SIGTERM ends the run with what was measured so far; the second ends the program.
fn interrupted_by_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        service_kit::process::wait_for_signal().await;
        output::say("\ninterrupted: stopping with what was measured so far");
        cancelled.cancel();
        service_kit::process::wait_for_signal().await;
        std::process::exit(i32::from(EXIT_INTERRUPTED));
    });
    token
}

/// A stuck service holds every connection of its customers open, and both ends of each are in this process.
fn raise_descriptor_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_arm_is_refused_with_those_that_there_are() {
        let scenario = load("frozen-controller").unwrap();
        let error = chosen(&scenario, &["hung".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--arms: frozen-controller has no arm `hung` (allowed: hang, timeout, breaker, degrade)"
        );
        assert_eq!(chosen(&scenario, &["degrade".to_owned()]).unwrap(), ["degrade"]);
        assert_eq!(chosen(&scenario, &[]).unwrap(), ["hang", "degrade"]);
        assert!(chosen(&scenario, &["hang".to_owned(), "hang".to_owned()]).is_err());
    }

    #[test]
    fn numbers_that_do_not_go_together_are_told_before_anything_starts() {
        let mut scenario = load("frozen-controller").unwrap();
        let circuit = [("age_floor_ms", 900)].into_iter().collect();
        let plan = scenario::DegradePlan { circuit, ..Default::default() };
        scenario.arms[3].strategy = scenario::Strategy::Degrade(plan);
        assert!(check_designs(&scenario, &["hang".to_owned()]).is_ok());
        let error = check_designs(&scenario, &["degrade".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("frozen-controller: arms.degrade: setting age_floor is 900ms"), "{error}");
    }

    #[test]
    fn an_unknown_scenario_is_refused_with_a_hint() {
        let error = load("frozen-controler").unwrap_err().to_string();
        assert!(error.contains("frozen-controller") && error.contains("no such file"), "{error}");
    }

    #[test]
    fn every_shipped_scenario_fits_the_faults_that_there_are() {
        for name in scenario::Catalogue::names() {
            load(name).unwrap();
        }
    }
}
