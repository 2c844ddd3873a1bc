//! The report on a terminal: who waited how long, what was noticed when, what the ledger says, and the verdict.
//!
//! Readable at 100 columns. Latencies are response times, from the intended start, so that a request that could not
//! be sent in time counts as slow; service times are in `result.json`.

use indexmap::IndexSet;
use recorder::{Outcome, Phase, Summary};

use crate::files::Written;
use crate::numbers::{grouped, plural, time, time_or_never, wrapped};
use crate::paint::{Tone, paint};
use crate::result::{
    ArmResult, BREAKER_VERSION, FallbackResult, JAVA_VERSION, KAFKA_VERSION, LedgerResult, RunResult,
};
use crate::verdict::{ArmVerdict, GateResult, Status};

/// The width that the report keeps to.
const COLUMNS: usize = 100;

/// The most broken invariants that are told here; the others are in `result.json`.
const VIOLATIONS_SHOWN: usize = 5;

/// How a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without colours, for files and pipes.
    Plain,
    /// With colours, for a terminal.
    Colour,
}

/// The report of `run`; `files` says where it was written, if it was.
pub fn table(run: &RunResult, files: Option<&Written>, style: Style) -> String {
    let mut lines =
        vec![format!("{}, seed {}", paint(style, Tone::Heading, &run.scenario), run.seed), run.title.clone()];
    lines.extend(cluster(run).iter().map(|line| paint(style, Tone::Quiet, line)));
    if !run.arms.is_empty() {
        lines.extend(measured(run, style));
    }
    for (name, arm) in &run.arms {
        lines.push(String::new());
        lines.extend(expectations(name, &arm.verdict, style));
    }
    lines.push(String::new());
    lines.extend(verdict(run, style));
    if let Some(files) = files {
        lines.extend([String::new(), format!("Files: {}", files.page.display())]);
        lines.extend([&files.result, &files.timeline].map(|file| format!("       {}", file.display())));
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn measured(run: &RunResult, style: Style) -> Vec<String> {
    let mut lines =
        ["", "Response time from the intended start, by how requests ended:", ""].map(str::to_owned).to_vec();
    lines.extend(latencies(run, style));
    lines.push(String::new());
    lines.extend(times(run, style));
    lines.push(String::new());
    lines.extend(detectors(run, style));
    lines.extend(ledgers(run, style));
    lines.extend(fallbacks(run, style));
    lines
}

/// What each fallback did that was needed, and whether it kept to its limits.
fn fallbacks(run: &RunResult, style: Style) -> Vec<String> {
    let needed = run.arms.iter().filter(|(_, arm)| arm.fallback.served + arm.fallback.refused > 0);
    let line = |(name, arm): (&String, &ArmResult)| {
        let FallbackResult { served, refused, at_once_max, at_once_limit, beyond_limit } = arm.fallback;
        let (beyond, tone) = match beyond_limit {
            0 => ("none".to_owned(), None),
            count => (grouped(count), Some(Tone::Bad)),
        };
        let [served, refused, most, limit] = [served, refused, at_once_max, at_once_limit].map(grouped);
        let line = format!(
            "  fallback of {name}: {served} served, {refused} refused, {most} at once of {limit}, beyond a limit {beyond}"
        );
        tone.map_or(line.clone(), |tone| paint(style, tone, &line))
    };
    let lines: Vec<String> = needed.map(line).collect();
    if lines.is_empty() { lines } else { std::iter::once(String::new()).chain(lines).collect() }
}

fn cluster(run: &RunResult) -> Vec<String> {
    let cluster = &run.cluster;
    let shape = format!(
        "cluster: {}, {} in {}, {} per topic, RF {}, min ISR {}, {}",
        made_of(run),
        plural(cluster.brokers.into(), "broker"),
        plural(cluster.zones.into(), "zone"),
        plural(cluster.partitions.into(), "partition"),
        cluster.replication_factor,
        cluster.min_isr,
        cluster.placement,
    );
    let values = cluster.clock.values_ms.iter();
    let clock: Vec<String> = values.map(|(name, ms)| format!("{name} {}", time(*ms as f64))).collect();
    let clock = format!("{} clock: {}", cluster.clock.preset, clock.join(", "));
    let breaker = run.machine.versions.get(BREAKER_VERSION);
    let breaker = breaker.map(|version| {
        format!("breaker: {BREAKER_VERSION} {version}, its preset standard() around its time limiter")
    });
    [Some(shape), Some(clock), breaker].iter().flatten().flat_map(|line| wrapped(line, COLUMNS)).collect()
}

/// The kind of cluster, with the versions that it ran in.
fn made_of(run: &RunResult) -> String {
    let version = |name: &str| run.machine.versions.get(name);
    match (version(KAFKA_VERSION), version(JAVA_VERSION)) {
        (Some(kafka), Some(java)) => format!("{} {kafka} on Java {java}", run.cluster.backend),
        _ => run.cluster.backend.clone(),
    }
}

fn latencies(run: &RunResult, style: Style) -> Vec<String> {
    let header = ["arm", "phase", "outcome", "count", "p50", "p90", "p99", "p99.9", "max"];
    let mut rows: Vec<Vec<String>> = vec![header.map(str::to_owned).to_vec()];
    for (name, arm) in &run.arms {
        let mut first_of_arm = true;
        for phase in Phase::ALL {
            let mut first_of_phase = true;
            for (outcome, summary) in arm.phases.get(&phase).into_iter().flatten() {
                let arm_cell = if first_of_arm { name.as_str() } else { "" };
                let phase_cell = if first_of_phase { phase.name() } else { "" };
                rows.push(latency_row(arm_cell, phase_cell, *outcome, summary));
                (first_of_arm, first_of_phase) = (false, false);
            }
        }
    }
    aligned(&rows, 3, style)
}

fn latency_row(arm: &str, phase: &str, outcome: Outcome, summary: &Summary) -> Vec<String> {
    let points = summary.response_ms.map(|it| [it.p50, it.p90, it.p99, it.p999, it.max].map(time));
    let mut row = vec![arm.to_owned(), phase.to_owned(), outcome.name().to_owned(), grouped(summary.count)];
    row.extend(points.unwrap_or([const { String::new() }; 5]));
    row
}

fn times(run: &RunResult, style: Style) -> Vec<String> {
    let header =
        ["arm", "detected after", "degraded after", "recovered after", "accounted", "sent late (p99)"];
    let mut rows: Vec<Vec<String>> = vec![header.map(str::to_owned).to_vec()];
    rows.extend(run.arms.iter().map(|(name, arm)| times_row(name, arm)));
    aligned(&rows, 1, style)
}

fn times_row(name: &str, arm: &ArmResult) -> Vec<String> {
    let lag = arm.schedule_lag_ms.map_or_else(|| "nothing sent".to_owned(), |lag| time(lag.p99));
    let accounts = &arm.conservation;
    vec![
        name.to_owned(),
        time_or_never(arm.times.detect_ms),
        time_or_never(arm.times.degrade_ms),
        time_or_never(arm.times.recover_ms),
        format!("{} of {}", grouped(accounts.accounted), grouped(accounts.intended)),
        lag,
    ]
}

/// The detectors of all arms side by side.
fn detectors(run: &RunResult, style: Style) -> Vec<String> {
    let of_all = || run.arms.values().flat_map(|arm| &arm.detectors);
    let names: IndexSet<&str> = of_all().map(|detector| detector.name.as_str()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let head = std::iter::once("first sign of").chain(run.arms.keys().map(String::as_str));
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
    rows.extend(names.iter().map(|name| {
        let cells = run.arms.values().map(|arm| first_sign(arm, name));
        std::iter::once((*name).to_owned()).chain(cells).collect()
    }));
    let mut lines = aligned(&rows, 1, style);
    lines.push(String::new());
    lines
}

/// Blank where nobody could ask.
fn first_sign(arm: &ArmResult, name: &str) -> String {
    let detector = arm.detectors.iter().find(|detector| detector.name == name);
    detector.map_or_else(String::new, |detector| time_or_never(detector.first_sign_ms))
}

fn ledgers(run: &RunResult, style: Style) -> Vec<String> {
    let header =
        ["arm", "postings", "sum", "executions", "duplicates", "in doubt", "unresolved", "broken rules"];
    let mut rows: Vec<Vec<String>> = vec![header.map(str::to_owned).to_vec()];
    rows.extend(run.arms.iter().map(|(name, arm)| ledger_row(name, &arm.ledger)));
    let mut lines = aligned(&rows, 1, style);
    for (name, arm) in &run.arms {
        lines.extend(violations(name, &arm.ledger).map(|line| paint(style, Tone::Bad, &line)));
    }
    lines
}

fn ledger_row(name: &str, ledger: &LedgerResult) -> Vec<String> {
    let sum = if ledger.balanced { "zero" } else { "NOT ZERO" };
    let broken = match ledger.violations_total {
        0 => "none".to_owned(),
        count => grouped(count),
    };
    vec![
        name.to_owned(),
        grouped(ledger.posted),
        sum.to_owned(),
        grouped(ledger.executions),
        grouped(ledger.duplicates),
        grouped(ledger.in_doubt),
        grouped(ledger.unresolved),
        broken,
    ]
}

fn violations(name: &str, ledger: &LedgerResult) -> impl Iterator<Item = String> {
    let shown = ledger.violations.iter().take(VIOLATIONS_SHOWN).map(move |it| format!("  {name}: {it}"));
    let total = usize::try_from(ledger.violations_total).unwrap_or(usize::MAX);
    let more = total.saturating_sub(ledger.violations.len().min(VIOLATIONS_SHOWN));
    shown.chain((more > 0).then(|| format!("  {name}: and {more} more")))
}

fn expectations(name: &str, verdict: &ArmVerdict, style: Style) -> Vec<String> {
    let mut lines = vec![format!("Expected of {name}: {}", headline(verdict))];
    let width = verdict.gates.iter().map(|gate| gate.gate.chars().count()).max().unwrap_or_default();
    lines.extend(verdict.gates.iter().map(|gate| gate_line(gate, width, style)));
    lines
}

/// The gates that were not met are on their own lines below.
fn headline(verdict: &ArmVerdict) -> String {
    let missed = verdict.gates.iter().filter(|gate| !gate.passed).count();
    match (&verdict.invalid, missed) {
        (None, 1..) => format!("{missed} of {} not met", verdict.gates.len()),
        _ => verdict.sentence.clone(),
    }
}

fn gate_line(gate: &GateResult, width: usize, style: Style) -> String {
    let (word, tone) = if gate.passed { ("met    ", Tone::Good) } else { ("NOT met", Tone::Bad) };
    format!("  {}  {:width$}  {}", paint(style, tone, word), gate.gate, gate.measured)
}

fn verdict(run: &RunResult, style: Style) -> Vec<String> {
    let tone = match run.verdict.status {
        Status::Passed => Tone::Good,
        Status::Failed | Status::Invalid => Tone::Bad,
        Status::Partial => Tone::Heading,
    };
    wrapped(&run.verdict.sentence, COLUMNS).iter().map(|line| paint(style, tone, line)).collect()
}

/// Columns with two blanks between them; those from `first_number` on are set to the right. The first row is the head.
fn aligned(rows: &[Vec<String>], first_number: usize, style: Style) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        row.iter().zip(&widths).enumerate().fold(String::new(), |line, (column, (cell, &width))| {
            if column < first_number {
                format!("{line}  {cell:<width$}")
            } else {
                format!("{line}  {cell:>width$}")
            }
        })
    };
    let painted = |(index, row)| {
        if index == 0 { paint(style, Tone::Heading, &line(row)) } else { line(row) }
    };
    rows.iter().enumerate().map(painted).collect()
}
