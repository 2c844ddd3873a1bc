//! A game day: `result.json`, `timeline.jsonl` and an interval log per arm.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use recorder::{Conservation, Percentiles, Phase, Phases};
use serde::Deserialize;

use super::modes::{Mode, lanes, modes};
use super::{log, log_file};
use crate::Error;
use crate::run::{Arm, Gate, Mark, Mood, Run, Status};
use crate::words::{grouped, seconds, time};

/// What is read of `result.json`, versions 1 and 2.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    scenario: String,
    title: String,
    seed: u64,
    schedule_hash: String,
    load: Option<Load>,
    cluster: Cluster,
    machine: Machine,
    arms: IndexMap<String, ArmRead>,
    verdict: Verdict,
}

#[derive(Debug, Deserialize)]
struct Load {
    arrivals: String,
    rate_per_s: f64,
    warmup_ms: f64,
    before_ms: f64,
    outage_ms: f64,
    recovery_ms: f64,
    deadline_ms: f64,
    in_flight_max: u64,
}

#[derive(Debug, Deserialize)]
struct Cluster {
    backend: String,
    brokers: u64,
    zones: u64,
    replication_factor: u64,
    min_isr: u64,
    partitions: u64,
    placement: String,
    clock: Clock,
}

#[derive(Debug, Deserialize)]
struct Clock {
    preset: String,
    values_ms: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Machine {
    cores: u64,
    os: String,
    versions: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    status: String,
    sentence: String,
}

#[derive(Debug, Deserialize)]
struct ArmRead {
    phases: Phases,
    conservation: Conservation,
    times: Times,
    schedule_lag_ms: Option<Percentiles>,
    faults: Vec<Fault>,
    #[serde(default)]
    detectors: Vec<Detector>,
    fallback: Option<Fallback>,
    ledger: Ledger,
    verdict: ArmVerdict,
}

#[derive(Debug, Deserialize)]
struct Times {
    detect_ms: Option<f64>,
    degrade_ms: Option<f64>,
    recover_ms: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    at_ms: f64,
    kind: String,
    effect: String,
    /// Version 1 does not say.
    #[serde(default)]
    heals: bool,
}

#[derive(Debug, Deserialize)]
struct Detector {
    name: String,
    first_sign_ms: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Fallback {
    served: u64,
    refused: u64,
    #[serde(default)]
    at_once_max: u64,
    /// Not in files of before 2026-11-21.
    at_once_limit: Option<u64>,
    beyond_limit: u64,
}

#[derive(Debug, Deserialize)]
struct Ledger {
    posted: u64,
    balanced: bool,
    executions: u64,
    duplicates: u64,
    in_doubt: u64,
    unresolved: u64,
    violations_total: u64,
    violations: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ArmVerdict {
    invalid: Option<String>,
    gates: Vec<GateRead>,
}

#[derive(Debug, Deserialize)]
struct GateRead {
    gate: String,
    passed: bool,
    measured: String,
}

pub(super) fn run(dir: &Path, document: Document) -> Result<Run, Error> {
    let modes = modes(&dir.join("timeline.jsonl"))?;
    let settings = settings(&document);
    let repeat = vec![repeat(&document)];
    let arms: Result<Vec<Arm>, Error> =
        document.arms.into_iter().map(|(name, read)| arm(dir, name, read, &modes)).collect();
    let mood = match document.verdict.status.as_str() {
        "passed" => Mood::Good,
        "partial" => Mood::Neutral,
        _ => Mood::Bad,
    };
    Ok(Run {
        name: format!("{}, seed {}", document.scenario, document.seed),
        title: document.title,
        status: Status { word: document.verdict.status, mood },
        sentence: without_status(&document.verdict.sentence).to_owned(),
        schedule_hash: document.schedule_hash,
        settings,
        repeat,
        arms: arms?,
    })
}

/// The status stands beside the sentence.
fn without_status(sentence: &str) -> &str {
    let statuses = ["Passed: ", "Failed: ", "Invalid: ", "Partial: "];
    statuses.iter().find_map(|status| sentence.strip_prefix(status)).unwrap_or(sentence)
}

fn arm(dir: &Path, name: String, read: ArmRead, modes: &[Mode]) -> Result<Arm, Error> {
    let log = log(&dir.join(log_file(&name)))?;
    let end = log.end();
    let lanes = lanes(modes.iter().filter(|mode| mode.is_of(&name)), end);
    let at = |fault: &Fault| fault.at_ms / 1e3;
    let outage = read.faults.iter().find(|fault| !fault.heals).map(at);
    let recovery = read.faults.iter().find(|fault| fault.heals).map(at);
    let began = [(Phase::Outage, outage), (Phase::Recovery, recovery)];
    let gates = read.verdict.gates.into_iter().map(|gate| {
        let (word, mood) = if gate.passed { ("met", Mood::Good) } else { ("NOT met", Mood::Bad) };
        Gate { gate: gate.gate, word: word.to_owned(), mood, measured: gate.measured }
    });
    let marks = read.faults.iter().map(|fault| Mark {
        at: at(fault),
        heals: fault.heals,
        words: format!("{}: {}", fault.kind, fault.effect),
    });
    Ok(Arm {
        phases: read.phases,
        conservation: read.conservation,
        invalid: read.verdict.invalid,
        times: vec![
            ("detected after", read.times.detect_ms),
            ("degraded after", read.times.degrade_ms),
            ("recovered after", read.times.recover_ms),
        ],
        lag_ms: read.schedule_lag_ms,
        marks: marks.collect(),
        began: began.into_iter().filter_map(|(phase, at)| Some((phase, at?))).collect(),
        lanes,
        detectors: read.detectors.into_iter().map(|it| (it.name, it.first_sign_ms)).collect(),
        ledger: ledger(&read.ledger, read.fallback.as_ref()),
        violations: read.ledger.violations,
        gates: gates.collect(),
        name,
        log,
    })
}

fn ledger(ledger: &Ledger, fallback: Option<&Fallback>) -> Vec<(&'static str, String)> {
    let broken =
        if ledger.violations_total == 0 { "none".to_owned() } else { grouped(ledger.violations_total) };
    let mut rows = vec![
        ("postings", grouped(ledger.posted)),
        ("sum per asset", if ledger.balanced { "zero" } else { "NOT ZERO" }.to_owned()),
        ("executions", grouped(ledger.executions)),
        ("duplicates", grouped(ledger.duplicates)),
        ("in doubt", grouped(ledger.in_doubt)),
        ("unresolved", grouped(ledger.unresolved)),
        ("broken rules", broken),
    ];
    rows.extend(fallback.into_iter().flat_map(|fallback| {
        let Fallback { served, refused, at_once_max, at_once_limit, beyond_limit } = *fallback;
        let at_once = match at_once_limit {
            None => "not told".to_owned(),
            Some(0) => "none".to_owned(),
            Some(limit) => format!("{} of {}", grouped(at_once_max), grouped(limit)),
        };
        [
            ("fallbacks served", grouped(served)),
            ("fallbacks refused", grouped(refused)),
            ("fallbacks at once", at_once),
            ("served beyond a limit", grouped(beyond_limit)),
        ]
    }));
    rows
}

fn settings(document: &Document) -> Vec<(String, String)> {
    let Document { cluster, machine, load, .. } = document;
    let clock: Vec<String> =
        cluster.clock.values_ms.iter().map(|(name, ms)| format!("{name} {}", time(*ms as f64))).collect();
    let versions: Vec<String> =
        machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let mut settings = vec![
        (
            "cluster",
            format!(
                "{}: {} brokers in {} zones, {} partitions a topic, replication factor {}, min ISR {}, placed {}",
                cluster.backend,
                cluster.brokers,
                cluster.zones,
                cluster.partitions,
                cluster.replication_factor,
                cluster.min_isr,
                cluster.placement
            ),
        ),
        ("clock of the cluster", format!("{}: {}", cluster.clock.preset, clock.join(", "))),
        ("machine", format!("{} cores, {}", machine.cores, machine.os)),
        ("versions", versions.join(", ")),
        ("schedule", document.schedule_hash.clone()),
    ];
    if let Some(load) = load {
        let s = |ms: f64| seconds(ms / 1e3);
        let words = format!(
            "{} requests/s, {}; {} of warm-up, then {} before, {} of outage, {} of recovery; deadline {}, at most {} in flight",
            load.rate_per_s,
            load.arrivals,
            s(load.warmup_ms),
            s(load.before_ms),
            s(load.outage_ms),
            s(load.recovery_ms),
            s(load.deadline_ms),
            grouped(load.in_flight_max),
        );
        settings.insert(0, ("load", words));
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn repeat(document: &Document) -> String {
    let arms: Vec<&str> = document.arms.keys().map(String::as_str).collect();
    let mut command = format!("leaderless run {} --seed {}", document.scenario, document.seed);
    if document.cluster.backend != "embedded" {
        command += &format!(" --cluster {}", document.cluster.backend);
    }
    if let Some(load) = &document.load {
        command += &format!(" --rate {}", load.rate_per_s);
    }
    format!("{command} --arms {}", arms.join(","))
}
