//! Second by second: HdrHistogram logs for other tools, and a line of JSON each for everybody; written while the run
//! goes on, as its seconds close.
//!
//! A request belongs to the second of its *intended* start. What the warm-up sent is left out. Tags are
//! `OUTCOME.PHASE`; percentiles are of one interval's histogram each, and merging is by histogram.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use gates::Measurements;
use recorder::{IntervalLog, Latencies, Outcome, Phase, Phases, Recorder};
use serde::Serialize;

use super::Beside;
use crate::Usage;
use crate::intervals::INTERVAL;
use crate::job::Job;
use crate::measure::{Course, Interval};
use crate::table::load_in_words;

/// Which times a log has.
#[derive(Debug, Clone, Copy)]
enum Times {
    /// From the intended start, of all requests.
    Response,
    /// From the actual send, of those that were sent.
    Service,
}

impl Times {
    const ALL: [Self; 2] = [Self::Response, Self::Service];

    const fn file(self) -> &'static str {
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

/// The files, while they are written.
#[derive(Debug)]
pub(crate) struct IntervalFiles {
    state: State,
}

#[derive(Debug)]
enum State {
    /// The schedule has not begun.
    Waiting {
        logs: [Beside; 2],
        lines: Beside,
    },
    Writing {
        logs: Box<[IntervalLog<Beside>; 2]>,
        lines: Beside,
    },
    /// One of them could not be written. The run goes on, and this is told at its end.
    Broken(io::Error),
}

impl IntervalFiles {
    /// Makes the files beside their places in `folder`.
    ///
    /// # Errors
    /// With the file that cannot be made.
    pub(super) fn open(folder: &Path) -> Result<Self, Usage> {
        let beside = |file: &str| {
            let path = folder.join(file);
            Beside::open(&path).map_err(|error| Usage(format!("{} cannot be made: {error}", path.display())))
        };
        let [response, service] = Times::ALL.map(|times| beside(times.file()));
        let state = State::Waiting { logs: [response?, service?], lines: beside("intervals.ndjson")? };
        Ok(Self { state })
    }

    /// The schedule began.
    pub(crate) fn begin(&mut self, job: &Job, started_at: SystemTime) {
        self.go_on(|state| match state {
            State::Waiting { logs: [response, service], lines } => {
                let log = |out, times| head(out, times, job, started_at);
                Ok(State::Writing {
                    logs: Box::new([log(response, Times::Response)?, log(service, Times::Service)?]),
                    lines,
                })
            }
            other => Ok(other),
        });
    }

    /// An interval closed; in the order of time.
    pub(crate) fn add(&mut self, interval: &Interval) {
        self.go_on(|mut state| {
            if let State::Writing { logs, lines } = &mut state {
                for (log, times) in logs.iter_mut().zip(Times::ALL) {
                    add(log, times, interval)?;
                }
                line(lines, interval)?;
            }
            Ok(state)
        });
    }

    /// Moves the files into their places.
    ///
    /// # Errors
    /// What could not be written, of whichever time.
    pub(crate) fn keep(self) -> anyhow::Result<()> {
        match self.state {
            State::Waiting { .. } => Ok(()),
            State::Writing { logs, lines } => {
                (*logs).into_iter().map(IntervalLog::into_inner).chain([lines]).try_for_each(Beside::keep)
            }
            State::Broken(error) => Err(error).context("cannot write the intervals"),
        }
    }

    fn go_on(&mut self, step: impl FnOnce(State) -> io::Result<State>) {
        let taken = std::mem::replace(&mut self.state, State::Broken(io::ErrorKind::Other.into()));
        self.state = step(taken).unwrap_or_else(State::Broken);
    }
}

fn head(out: Beside, times: Times, job: &Job, started_at: SystemTime) -> io::Result<IntervalLog<Beside>> {
    let warm_up = Course::of(job).warm_up;
    let comments = [
        format!("[loadgen: {}]", load_in_words(job)),
        format!("[{}; values are microseconds; tags are OUTCOME.PHASE]", times.words()),
        format!("[a request is in the second of its intended start; a warm-up of {warm_up:?} is left out]"),
    ];
    IntervalLog::begin(out, started_at + warm_up, &comments)
}

fn add(log: &mut IntervalLog<Beside>, times: Times, interval: &Interval) -> io::Result<()> {
    for (phase, outcome) in cells() {
        if let Some(latencies) = times.of(&interval.all, phase, outcome) {
            log.add(&format!("{outcome}.{phase}"), start(interval), INTERVAL, latencies)?;
        }
    }
    Ok(())
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

fn line(out: &mut impl Write, interval: &Interval) -> io::Result<()> {
    let line = Line {
        at_ms: ms(start(interval)),
        length_ms: ms(INTERVAL),
        intended: interval.all.total(),
        phases: interval.all.phases(),
        labels: labels(&interval.by_label),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
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

fn start(interval: &Interval) -> Duration {
    INTERVAL * u32::try_from(interval.index).unwrap_or(u32::MAX)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
