//! `result.json`: everything that a run found out, in a versioned form; `schema/result.schema.json` says which.
//!
//! Times are milliseconds; `null` is never. A change that could break a reader raises [`SCHEMA_VERSION`].

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use gates::Decided;
use loadgen::{Arrivals, Ended, Limits, Machine, Mode};
use recorder::{Conservation, Outcome, Percentiles, Phases};
use serde::Serialize;
use serde_json::{Value, json};

use crate::job::Job;
use crate::measure::Measured;
use crate::repeat;
use crate::verdict::{Status, invalid};

/// The version of the form.
const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    tool: Value,
    target: &'a str,
    command: String,
    run: &'a str,
    status: Status,
    invalid: Vec<String>,
    partial: bool,
    started_at_unix_ms: u64,
    seed: u64,
    schedule_hash: String,
    load: Value,
    limits: Value,
    outage_ms: Option<Value>,
    conservation: Conservation,
    warm_up_requests: u64,
    counts: BTreeMap<Outcome, u64>,
    phases: Phases,
    labels: BTreeMap<&'a str, Phases>,
    answers: Vec<Answer>,
    times: Value,
    schedule_lag_ms: Option<Percentiles>,
    connections: Value,
    gates: Vec<GateResult<'a>>,
    machine: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    machines: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Answer {
    outcome: Outcome,
    /// `null` is no answer.
    status: Option<u16>,
    count: u64,
}

#[derive(Debug, Serialize)]
struct GateResult<'a> {
    gate: &'a str,
    decision: &'static str,
    measured: &'a str,
    sentence: &'a str,
}

/// The document as text.
///
/// # Errors
/// It cannot be told as JSON, which would be a bug.
pub(crate) fn result_text(job: &Job, result: &Ended, measured: &Measured) -> anyhow::Result<String> {
    let spec = job.plan.spec();
    let started = result.started_at().duration_since(UNIX_EPOCH).unwrap_or_default();
    let counts = Outcome::ALL.map(|outcome| (outcome, measured.counts[outcome.index()]));
    let labels = measured.run.by_label.iter();
    let document = Document {
        schema_version: SCHEMA_VERSION,
        tool: json!({ "name": "loadgen", "version": env!("CARGO_PKG_VERSION") }),
        target: &job.target,
        command: repeat::command(std::env::args()),
        run: &spec.run,
        status: Status::of(result, measured),
        invalid: invalid(result, measured),
        partial: result.is_partial(),
        started_at_unix_ms: u64::try_from(started.as_millis()).unwrap_or(u64::MAX),
        seed: spec.seed,
        schedule_hash: job.plan.schedule_hash(),
        load: load(job),
        limits: limits(&spec.limits),
        outage_ms: job.outage.map(|it| json!({ "from": ms(it.from), "until": it.until.map(ms) })),
        conservation: result.conservation(),
        warm_up_requests: measured.warm_up,
        counts: counts.into_iter().filter(|(_, count)| *count > 0).collect(),
        phases: measured.all.phases(),
        labels: labels.map(|(label, recorder)| (label.as_str(), recorder.phases())).collect(),
        answers: answers(measured),
        times: json!({
            "degrade_ms": measured.run.times.degrade.map(ms),
            "recover_ms": measured.run.times.recover.map(ms),
        }),
        schedule_lag_ms: result.lag().percentiles(),
        connections: json!({
            "opened": result.connections().opened,
            "failed": result.connections().failed,
            "closed_early": result.connections().burned,
            "failure": result.connections().failure,
            "breach": result.connections().breach,
            "opening_ms": result.connections().connect_time.percentiles(),
        }),
        gates: measured.gates.iter().map(|(gate, decided)| gate_result(gate, decided)).collect(),
        machine: json!({
            "cores": std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            "os": std::env::consts::OS,
            "arch": std::env::consts::ARCH,
        }),
        machines: result.machines().iter().map(machine).collect(),
    };
    let text = serde_json::to_string_pretty(&document).context("the result as JSON")?;
    Ok(text + "\n")
}

/// A worker elsewhere, and its part.
fn machine(machine: &Machine) -> Value {
    let Machine { name, clock, moved_ns, intended, accounted, lost } = machine;
    let mut value = json!({
        "worker": name,
        "clock_ahead_ms": ns_as_ms(clock.ahead_ns),
        "clock_error_ms": ms(clock.error),
        "intended": intended,
        "accounted": accounted,
    });
    if let Some(moved_ns) = moved_ns {
        value["clock_moved_ms"] = ns_as_ms(*moved_ns).into();
    }
    if let Some(why) = lost {
        value["lost"] = why.as_str().into();
    }
    value
}

fn answers(measured: &Measured) -> Vec<Answer> {
    let answer = |((outcome, status), count): (&(Outcome, Option<u16>), &u64)| Answer {
        outcome: *outcome,
        status: *status,
        count: *count,
    };
    measured.statuses.iter().map(answer).collect()
}

fn gate_result<'a>(gate: &'a str, decided: &'a Decided) -> GateResult<'a> {
    let Decided { decision, measured, sentence } = decided;
    GateResult { gate, decision: decision.name(), measured, sentence }
}

fn load(job: &Job) -> Value {
    let spec = job.plan.spec();
    let arrivals = match spec.arrivals {
        Arrivals::Poisson => json!({ "kind": "poisson" }),
        Arrivals::Constant => json!({ "kind": "constant" }),
        Arrivals::Ramp { to_per_s } => json!({ "kind": "ramp", "rate_to_per_s": to_per_s }),
        Arrivals::Step { to_per_s, steps } => {
            json!({ "kind": "step", "rate_to_per_s": to_per_s, "steps": steps })
        }
        Arrivals::Spike { to_per_s, from, until } => {
            json!({ "kind": "spike", "rate_to_per_s": to_per_s, "from_ms": ms(from), "until_ms": ms(until) })
        }
    };
    let mode = match spec.mode {
        Mode::Open => json!({ "kind": "open", "rate_per_s": spec.rate_per_s, "arrivals": arrivals }),
        Mode::Closed { users } => json!({ "kind": "closed", "users": users }),
    };
    json!({
        "mode": mode,
        "duration_ms": ms(spec.duration),
        "warm_up_ms": ms(spec.warm_up),
        "workers": spec.workers,
        "http2": job.is_http2(),
        "insecure": job.is_insecure(),
    })
}

fn limits(limits: &Limits) -> Value {
    json!({
        "in_flight_max": limits.in_flight_max,
        "deadline_ms": ms(limits.deadline),
        "drain_ms_max": ms(limits.drain_max),
        "connections_max": limits.connections_max,
        "connections_per_s_max": limits.connections_per_s_max,
        "schedule_lag_p99_ms_max": ms(limits.lag_p99_max),
    })
}

fn ns_as_ms(ns: i64) -> f64 {
    (ns / 1_000) as f64 / 1e3
}

/// Milliseconds with three decimals.
fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}
