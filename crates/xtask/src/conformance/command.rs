//! `xtask conformance`: what is asked for, and how it ends.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use lab::Backend;
use lab::apache::Kafka;

use super::agree::{Summary, Verdict};
use super::calibrate::BrokerStart;
use super::expected::{self, Expected};
use super::run::{self, Plan, Play};
use super::{head, stories, table};
use crate::protocol;

/// The clusters disagree, and not all of it is explained.
const DISAGREE: u8 = 3;
/// What was asked for cannot be done.
const USAGE: u8 = 64;

/// The stories of the short version: one of each kind, harmless, stuck, leaderless.
const SHORT: [&str; 3] = ["E0", "E1", "E5"];

/// Stands for all subjects in `--only`.
const SUBJECTS: &str = "subjects";

/// What is asked for.
#[derive(Debug, Clone, Args)]
pub struct Conformance {
    /// On which clusters; without Java, Apache's half is what was committed.
    #[arg(long, value_enum, default_value_t = Cluster::Both)]
    cluster: Cluster,
    /// How often each story is played on each.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    runs: u8,
    /// These stories and subjects only, e.g. `E1,E5,polling`; `subjects` is all that no fault touches.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// One run of the subjects and three stories, and the classes alone: under ten minutes.
    #[arg(long)]
    short: bool,
    /// How many clusters of Apache Kafka at once; a start waits while another one heals.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    lanes: u8,
    /// Write the table here, and what Apache Kafka showed to the committed expectations; with `--cluster embedded` the
    /// table alone, against what was committed.
    #[arg(long)]
    write: Option<PathBuf>,
    /// With `--cluster apache`: add what Apache Kafka showed to the committed expectations. A race needs more runs
    /// than a table: the classes are counted together, the amounts stay those of the usual class as it was.
    #[arg(long)]
    add: bool,
    /// Write what both showed here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Without Java or Kafka, fail instead of holding the embedded cluster against what was committed.
    #[arg(long)]
    require_apache: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cluster {
    Embedded,
    Apache,
    Both,
}

/// What Apache Kafka showed, and where that is from.
struct Real {
    from: String,
    command: String,
    cells: Vec<Summary>,
    played: bool,
}

impl Conformance {
    /// Plays, compares, prints and writes.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub async fn run(&self) -> anyhow::Result<ExitCode> {
        let mut plan = match self.plan() {
            Ok(plan) => plan,
            Err(problem) => return Ok(usage(&problem)),
        };
        let kafka = match self.kafka() {
            Ok(kafka) => kafka,
            Err(problem) => return Ok(usage(&problem)),
        };
        let mut failed = Vec::new();
        let real = match &kafka {
            Some(kafka) => {
                let played = run::play(&plan, Backend::Apache, Some(kafka)).await;
                failed.extend(played.failed);
                let cells = self.with_committed(Summary::of_all(&played.seen))?;
                Real { from: head::from(kafka), command: self.typed(), cells, played: true }
            }
            None => self.committed(&plan)?,
        };
        let embedded = if self.cluster == Cluster::Apache {
            Vec::new()
        } else {
            plan.broker_start = broker_start(&real)?;
            let played = run::play(&plan, Backend::Embedded, None).await;
            failed.extend(played.failed);
            Summary::of_all(&played.seen)
        };
        self.save(&real, &embedded, &plan.broker_start)?;
        Ok(self.judge(&real, &embedded, &failed))
    }

    fn plan(&self) -> Result<Plan, String> {
        let names =
            || stories::ALL.map(|story| story.name).into_iter().chain(protocol::ALL.map(|one| one.name));
        let known = |wanted: &String| *wanted == SUBJECTS || names().any(|name| name == *wanted);
        if let Some(unknown) = self.only.iter().find(|wanted| !known(wanted)) {
            let names = names().collect::<Vec<_>>().join(", ");
            return Err(format!("--only {unknown} is no story and no subject (allowed: {names})"));
        }
        if self.write.is_some() && (self.cluster == Cluster::Apache || self.short || !self.only.is_empty()) {
            return Err("--write needs a full run of the embedded cluster at least".to_owned());
        }
        if self.add && (self.cluster != Cluster::Apache || self.short) {
            return Err("--add needs --cluster apache, and not --short".to_owned());
        }
        let short = |name| !self.short || SHORT.contains(&name);
        let only = |name| self.only.iter().any(|wanted| wanted == name);
        let stories = stories::ALL.into_iter();
        let stories =
            stories.filter(|story| if self.only.is_empty() { short(story.name) } else { only(story.name) });
        let subjects =
            protocol::ALL.into_iter().filter(|one| self.only.is_empty() || only(SUBJECTS) || only(one.name));
        let subjects: Vec<_> = subjects.collect();
        let subjects = (!subjects.is_empty()).then_some(Play::Protocol(subjects));
        Ok(Plan {
            plays: stories.map(Play::Story).chain(subjects).collect(),
            runs: if self.short { 1 } else { usize::from(self.runs) },
            lanes: usize::from(self.lanes),
            broker_start: BrokerStart::default(),
        })
    }

    /// The Kafka to play on, if Apache's half is asked for and can be had.
    fn kafka(&self) -> Result<Option<Kafka>, String> {
        if self.cluster == Cluster::Embedded {
            return Ok(None);
        }
        match Kafka::find() {
            Ok(kafka) => Ok(Some(kafka)),
            Err(missing)
                if self.require_apache || self.cluster == Cluster::Apache || self.write.is_some() =>
            {
                Err(missing.to_string())
            }
            Err(missing) => {
                eprintln!("\n*** APACHE'S HALF IS NOT RUN: {missing}\n");
                Ok(None)
            }
        }
    }

    /// In one run Apache Kafka shows one side of each race: what it showed in the committed runs counts too.
    fn with_committed(&self, cells: Vec<Summary>) -> anyhow::Result<Vec<Summary>> {
        if !self.short {
            return Ok(cells);
        }
        Ok(each_or(cells, &Expected::read()?.cells))
    }

    /// What was committed, as far as it was asked for.
    fn committed(&self, plan: &Plan) -> anyhow::Result<Real> {
        let expected = Expected::read().context("the embedded cluster is held against what was committed")?;
        let headings: Vec<_> = plan.plays.iter().flat_map(Play::headings).collect();
        let asked = |cell: &Summary| headings.contains(&cell.story.as_str());
        let cells = expected.cells.into_iter().filter(asked).collect();
        Ok(Real { from: expected.from, command: expected.command, cells, played: false })
    }

    fn save(&self, real: &Real, embedded: &[Summary], broker_start: &BrokerStart) -> anyhow::Result<()> {
        if let Some(file) = &self.json {
            let both = serde_json::json!({ "from": real.from, "apache": real.cells, "embedded": embedded });
            std::fs::write(file, serde_json::to_string_pretty(&both)?)?;
        }
        if self.add {
            let committed = Expected::read()?;
            let command = format!("{}` and `{}", committed.command, self.typed());
            let cells = each_or(committed.cells, &real.cells);
            return Expected { from: committed.from, command, cells }.write(&expected::path());
        }
        let Some(file) = &self.write else { return Ok(()) };
        let head = head::markdown(&real.from, &real.command, broker_start);
        let rows = table::rows(&real.cells, embedded);
        std::fs::write(file, table::markdown(&head, &rows, title))?;
        if !real.played {
            return Ok(());
        }
        let Real { from, command, cells, .. } = real;
        Expected { from: from.clone(), command: command.clone(), cells: cells.clone() }
            .write(&expected::path())
    }

    /// What repeats Apache Kafka's half of this run.
    fn typed(&self) -> String {
        let Self { runs, lanes, .. } = self;
        let only =
            if self.only.is_empty() { String::new() } else { format!(" --only {}", self.only.join(",")) };
        format!("cargo run -p xtask -- conformance --cluster apache --runs {runs} --lanes {lanes}{only}")
    }

    fn judge(&self, real: &Real, embedded: &[Summary], failed: &[String]) -> ExitCode {
        let mut rows = table::rows(&real.cells, embedded);
        if self.short {
            // One run has no spread to be inside of.
            rows.iter_mut()
                .filter(|row| row.verdict == Verdict::Amount)
                .for_each(|row| row.verdict = Verdict::Agree);
        }
        for play in failed {
            println!("not played: {play}");
        }
        if self.cluster == Cluster::Apache {
            println!("{}", table::markdown(&real.from, &rows, title));
            return if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        let mut text = String::new();
        table::disagreements(&mut text, &rows);
        println!("{text}");
        let against = if real.played { "played now" } else { "as committed, NOT played now" };
        println!("{} (Apache Kafka's half: {against}; {})", table::count(&rows), real.from);
        let unexplained = rows.iter().any(|row| row.verdict.differs() && row.reason().is_none());
        match (failed.is_empty(), unexplained) {
            (false, _) => ExitCode::FAILURE,
            (true, true) => ExitCode::from(DISAGREE),
            (true, false) => ExitCode::SUCCESS,
        }
    }
}

/// What was shown here or there, cell by cell.
fn each_or(cells: Vec<Summary>, other: &[Summary]) -> Vec<Summary> {
    let same = |cell: &Summary| other.iter().find(|one| (&one.story, &one.cell) == (&cell.story, &cell.cell));
    let both = |cell: Summary| match same(&cell) {
        Some(also) => cell.or(also),
        None => cell,
    };
    cells.into_iter().map(both).collect()
}

/// For stories that are not in this run, what was committed says how long a broker takes to start.
fn broker_start(real: &Real) -> anyhow::Result<BrokerStart> {
    Ok(BrokerStart::seen(&real.cells).or(BrokerStart::seen(&Expected::read()?.cells)))
}

fn title(heading: &str) -> String {
    let story = stories::ALL.iter().find(|known| known.name == heading).map(|known| known.title);
    let subject = || protocol::ALL.iter().find(|known| known.name == heading).map(|known| known.title);
    story.or_else(subject).map_or_else(|| heading.to_owned(), |title| format!("{heading}: {title}"))
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(USAGE)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        conformance: Conformance,
    }

    fn plan(typed: &str) -> Result<Plan, String> {
        let words = std::iter::once("conformance").chain(typed.split_whitespace());
        Typed::try_parse_from(words).map_err(|error| error.to_string())?.conformance.plan()
    }

    fn headings(typed: &str) -> Vec<&'static str> {
        plan(typed).unwrap().plays.iter().flat_map(Play::headings).collect()
    }

    #[test]
    fn everything_is_played_unless_something_is_asked_for() {
        assert_eq!(headings("").len(), stories::ALL.len() + protocol::ALL.len());
        assert_eq!(headings("--only E5,polling"), ["E5", "polling"]);
        assert_eq!(headings("--only subjects").len(), protocol::ALL.len());
        assert_eq!(headings("--short --only E8"), ["E8"]);
    }

    #[test]
    fn the_short_version_has_one_run_of_some_stories_and_all_subjects() {
        let short = plan("--short").unwrap();
        assert_eq!((short.runs, short.plays.len()), (1, SHORT.len() + 1));
    }

    #[test]
    fn a_story_that_is_not_there_is_named_with_those_that_are() {
        let problem = plan("--only E4").unwrap_err();
        assert!(problem.starts_with("--only E4 is no story and no subject (allowed: E0, E1, "), "{problem}");
    }

    #[test]
    fn a_table_of_half_a_run_is_never_written() {
        for half in ["--short", "--only E1", "--cluster apache"] {
            assert!(plan(&format!("--write table.md {half}")).is_err(), "{half}");
        }
    }
}
