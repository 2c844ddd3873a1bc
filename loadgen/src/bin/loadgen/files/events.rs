//! What happened when, a line of JSON each, in the order of time. Times count from the start of measuring, so what
//! happened in the warm-up is before 0.

use std::io::{self, Write};
use std::time::Duration;

use loadgen::Boundaries;
use recorder::Outcome;
use serde::Serialize;

use crate::Ran;
use crate::job::Job;
use crate::measure::{Course, Measured};
use crate::verdict::{Status, invalid};

/// One event.
#[derive(Debug, Serialize)]
struct Event {
    at_ms: f64,
    event: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

pub(super) fn ndjson(out: &mut impl Write, job: &Job, ran: &Ran, measured: &Measured) -> io::Result<()> {
    let mut events = of_the_run(job, ran, measured);
    events.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
    let last = events.last().map_or(0.0, |event| event.at_ms);
    events.extend(verdicts(ran, measured, last));
    for event in events {
        serde_json::to_writer(&mut *out, &event)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn of_the_run(job: &Job, ran: &Ran, measured: &Measured) -> Vec<Event> {
    let course = Course::of(job);
    let event = |at: Duration, event, detail: &str| {
        // Whole microseconds, so that it prints as three decimals.
        let at_ms = (at.as_micros() as f64 - course.warm_up.as_micros() as f64) / 1e3;
        Event { at_ms, event, detail: detail.to_owned() }
    };
    let result = &ran.result;
    let mut events = vec![event(Duration::ZERO, "started", &job.plan.schedule_hash())];
    if !course.warm_up.is_zero() {
        events.push(event(course.warm_up, "measuring", ""));
    }
    let Boundaries { outage, recovery } = course.boundaries;
    let planned = course.warm_up + job.plan.spec().duration;
    let sent_until = ran.interrupted.map_or(planned, |at| result.offset_of(at).min(planned));
    for (at, phase) in [(outage, "outage"), (recovery, "recovery")] {
        events.extend(at.filter(|at| *at < sent_until).map(|at| event(at, "phase", phase)));
    }
    for outcome in Outcome::ALL {
        events.extend(measured.firsts[outcome.index()].map(|at| event(at, "first", outcome.name())));
    }
    events.extend(ran.interrupted.map(|at| event(result.offset_of(at), "interrupted", "")));
    events.push(event(result.offset_of(ran.ended), "ended", ""));
    events
}

fn verdicts(ran: &Ran, measured: &Measured, at_ms: f64) -> Vec<Event> {
    let status = Status::of(&ran.result, measured).words().to_owned();
    let invalid =
        invalid(&ran.result, measured).into_iter().map(|detail| Event { at_ms, event: "invalid", detail });
    let gates = measured.gates.iter().map(|(_, gate)| gate.sentence.clone());
    let gates = gates.map(|detail| Event { at_ms, event: "gate", detail });
    invalid.chain(gates).chain([Event { at_ms, event: "verdict", detail: status }]).collect()
}
