//! A run of the load generator alone: `result.json` and `latency.hlog`.

use recorder::{Conservation, Outcome, Percentiles, Phase, Phases};
use serde::Deserialize;
use serde_json::Value;

use crate::log::Log;
use crate::run::{Arm, Gate, Mark, Mood, Run, Status};
use crate::words::{grouped, percent, time};

/// What is read of `result.json`, version 1.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    target: String,
    command: Option<String>,
    status: String,
    invalid: Vec<String>,
    seed: u64,
    schedule_hash: String,
    partial: bool,
    load: Load,
    limits: Limits,
    outage_ms: Option<Outage>,
    conservation: Conservation,
    warm_up_requests: u64,
    phases: Phases,
    times: Times,
    schedule_lag_ms: Option<Percentiles>,
    gates: Vec<GateRead>,
    machine: Machine,
}

#[derive(Debug, Deserialize)]
struct Load {
    mode: Value,
    duration_ms: f64,
    warm_up_ms: f64,
    workers: u64,
}

#[derive(Debug, Deserialize)]
struct Limits {
    in_flight_max: u64,
    deadline_ms: f64,
    connections_max: u64,
}

#[derive(Debug, Deserialize)]
struct Outage {
    from: f64,
    until: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Times {
    degrade_ms: Option<f64>,
    recover_ms: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct GateRead {
    gate: String,
    decision: String,
    measured: String,
}

#[derive(Debug, Deserialize)]
struct Machine {
    cores: u64,
    os: String,
    arch: String,
}

pub(super) fn run(document: Document, log: Log) -> Run {
    let mood = match document.status.as_str() {
        "passed" => Mood::Good,
        "failed" | "invalid" => Mood::Bad,
        _ => Mood::Neutral,
    };
    // Nothing was expected that could have been passed.
    let is_judged = document.status != "passed" || !document.gates.is_empty();
    let word = if is_judged { document.status.clone() } else { "valid".to_owned() };
    Run {
        name: format!("{}, seed {}", document.target, document.seed),
        title: mode(&document.load.mode),
        status: Status { word, mood },
        sentence: sentence(&document),
        schedule_hash: document.schedule_hash.clone(),
        settings: settings(&document),
        repeat: document.command.clone().into_iter().collect(),
        arms: vec![arm(document, log)],
    }
}

fn arm(document: Document, log: Log) -> Arm {
    let outage = document.outage_ms.as_ref();
    // A run that was stopped did not see what was to come.
    let end = if document.partial { log.end() } else { f64::INFINITY };
    let seen = |ms: f64| Some(ms / 1e3).filter(|at| *at < end);
    let from = outage.and_then(|it| seen(it.from));
    let until = outage.and_then(|it| seen(it.until?));
    let mark = |at: Option<f64>, heals, words: &str| at.map(|at| Mark { at, heals, words: words.to_owned() });
    let marks = [mark(from, false, "the outage begins, as it was told"), mark(until, true, "it ends")];
    let began = [(Phase::Outage, from), (Phase::Recovery, until)];
    Arm {
        name: "loadgen".to_owned(),
        phases: document.phases,
        conservation: document.conservation,
        invalid: (!document.invalid.is_empty()).then(|| document.invalid.join("; ")),
        times: match outage {
            None => Vec::new(),
            Some(_) => vec![
                ("degraded after", document.times.degrade_ms),
                ("recovered after", document.times.recover_ms),
            ],
        },
        lag_ms: document.schedule_lag_ms,
        marks: marks.into_iter().flatten().collect(),
        began: began.into_iter().filter_map(|(phase, at)| Some((phase, at?))).collect(),
        lanes: Vec::new(),
        detectors: Vec::new(),
        ledger: Vec::new(),
        violations: Vec::new(),
        gates: document.gates.into_iter().map(gate).collect(),
        log,
    }
}

fn gate(read: GateRead) -> Gate {
    let mood = match read.decision.as_str() {
        "met" => Mood::Good,
        "undecided" => Mood::Neutral,
        _ => Mood::Bad,
    };
    let word = if read.decision == "not_met" { "NOT met".to_owned() } else { read.decision };
    Gate { gate: read.gate, word, mood, measured: read.measured }
}

/// "12,106 requests: 4,005 answered well (33.1 %), 8,101 timed out (66.9 %); the slowest took 2.0 s."
fn sentence(document: &Document) -> String {
    let cells = || document.phases.values().flatten();
    let count =
        |outcome: Outcome| cells().filter(|(it, _)| **it == outcome).map(|(_, cell)| cell.count).sum();
    let counts: Vec<(Outcome, u64)> = Outcome::ALL.map(|outcome| (outcome, count(outcome))).to_vec();
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let ended = counts.iter().filter(|(_, count)| *count > 0).map(|(outcome, count)| {
        let share = percent(*count as f64 / all.max(1) as f64);
        format!("{} {} ({share})", grouped(*count), crate::words::outcome(*outcome))
    });
    let slowest = cells().filter_map(|(_, cell)| cell.response_ms).map(|it| it.max).fold(0.0, f64::max);
    let ended: Vec<String> = ended.collect();
    format!("{} requests: {}; the longest wait was {}.", grouped(all), ended.join(", "), time(slowest))
}

fn mode(mode: &Value) -> String {
    let text = |pointer: &str| mode.pointer(pointer).map(|it| it.to_string().trim_matches('"').to_owned());
    let rate = mode.get("rate_per_s").and_then(Value::as_f64);
    match (text("/users"), rate, text("/arrivals/kind")) {
        (Some(users), ..) => format!("Closed loop, {users} users"),
        (_, Some(rate), Some(arrivals)) => {
            let to = text("/arrivals/rate_to_per_s").map(|to| format!(" to {}", to.trim_end_matches(".0")));
            format!("Open loop, {rate}{} requests/s, {arrivals} arrivals", to.unwrap_or_default())
        }
        _ => "A load test".to_owned(),
    }
}

fn settings(document: &Document) -> Vec<(String, String)> {
    let Document { load, limits, machine, .. } = document;
    let s = |ms: f64| time(ms);
    let rows = [
        ("target", document.target.clone()),
        (
            "load",
            format!(
                "{}; {} measured after {} of warm-up ({} requests, left out); workers: {}",
                mode(&load.mode),
                s(load.duration_ms),
                s(load.warm_up_ms),
                grouped(document.warm_up_requests),
                load.workers
            ),
        ),
        (
            "limits",
            format!(
                "deadline {}, at most {} in flight over {} connections",
                s(limits.deadline_ms),
                grouped(limits.in_flight_max),
                grouped(limits.connections_max)
            ),
        ),
        ("machine", format!("{} cores, {}, {}", machine.cores, machine.os, machine.arch)),
        ("schedule", document.schedule_hash.clone()),
    ];
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
