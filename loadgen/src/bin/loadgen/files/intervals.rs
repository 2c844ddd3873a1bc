//! Second by second: HdrHistogram logs for other tools, and a line of JSON each for everybody.
//!
//! A request belongs to the second of its *intended* start. What the warm-up sent is left out. Tags are
//! `OUTCOME.PHASE`; percentiles are of one interval's histogram each, and merging is by histogram.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use gates::Measurements;
use loadgen::RunResult;
use recorder::{Latencies, Outcome, Phase, Phases, Recorder, write_interval_log};
use serde::Serialize;

use crate::job::Job;
use crate::measure::{Course, INTERVAL, Interval};
use crate::table::load_in_words;

/// Which times a log has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Times {
    /// From the intended start, of all requests.
    Response,
    /// From the actual send, of those that were sent.
    Service,
}

impl Times {
    pub(super) const ALL: [Self; 2] = [Self::Response, Self::Service];

    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::Response => "latency.hlog",
            Self::Service => "service.hlog",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Response => "response times, from the intended start",
            Self::Service => "service times, from the actual send; of requests that were sent",
        }
    }

    fn of(self, recorder: &Recorder, phase: Phase, outcome: Outcome) -> Option<&Latencies> {
        let found = match self {
            Self::Response => recorder.response(phase, outcome),
            Self::Service => recorder.service(phase, outcome),
        };
        found.filter(|it| it.count() > 0)
    }
}

/// The log of one kind of times.
pub(super) fn log(out: &mut impl Write, times: Times, job: &Job, result: &RunResult) -> io::Result<()> {
    let course = Course::of(job);
    let comments = [
        format!("[loadgen: {}]", load_in_words(job)),
        format!("[{}; values are microseconds; tags are OUTCOME.PHASE]", times.words()),
        format!(
            "[a request is in the second of its intended start; a warm-up of {:?} is left out]",
            course.warm_up
        ),
    ];
    let base_time = result.started_at() + course.warm_up;
    write_interval_log(out, base_time, &comments, |log| {
        course.intervals(result, |interval| {
            for (phase, outcome) in cells() {
                if let Some(latencies) = times.of(interval.all, phase, outcome) {
                    log.add(&format!("{outcome}.{phase}"), start(&interval), INTERVAL, latencies)?;
                }
            }
            Ok(())
        })
    })
}

/// One interval as a line of JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// From the start of measuring.
    at_ms: u64,
    length_ms: u64,
    intended: u64,
    phases: Phases,
    labels: BTreeMap<&'a str, BTreeMap<Outcome, u64>>,
}

pub(super) fn ndjson(out: &mut impl Write, job: &Job, result: &RunResult) -> io::Result<()> {
    Course::of(job).intervals(result, |interval| {
        let line = Line {
            at_ms: ms(start(&interval)),
            length_ms: ms(INTERVAL),
            intended: interval.all.total(),
            phases: interval.all.phases(),
            labels: labels(interval.by_label),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    })
}

/// How many of each label ended how.
fn labels(by_label: &Measurements) -> BTreeMap<&str, BTreeMap<Outcome, u64>> {
    let ended = |recorder: &Recorder| {
        let count = |outcome| Phase::ALL.into_iter().map(|phase| recorder.count(phase, outcome)).sum::<u64>();
        Outcome::ALL.into_iter().map(|it| (it, count(it))).filter(|(_, count)| *count > 0).collect()
    };
    let labels = by_label.by_label.iter().filter(|(_, recorder)| recorder.total() > 0);
    labels.map(|(label, recorder)| (label.as_str(), ended(recorder))).collect()
}

fn cells() -> impl Iterator<Item = (Phase, Outcome)> {
    Phase::ALL.into_iter().flat_map(|phase| Outcome::ALL.into_iter().map(move |outcome| (phase, outcome)))
}

fn start(interval: &Interval<'_>) -> Duration {
    INTERVAL * u32::try_from(interval.index).unwrap_or(u32::MAX)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
