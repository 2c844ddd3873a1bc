//! From what was seen to what is reported: phases, times, measurements.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use loadgen::{Boundaries, Observation, RunResult};
use recorder::{IntervalLog, Outcome, Phase, Recorder};
use report::FaultRecord;
use scenario::{AuditFacts, LABELS, Load, Measurements, Times};

/// A fault or heal that was carried out.
#[derive(Debug, Clone)]
pub(super) struct Injection {
    /// When.
    pub at: Instant,
    /// Whether it takes a fault back.
    pub heals: bool,
    /// For the report; its time counts from the start of measuring.
    pub record: FaultRecord,
}

/// When the phases of an arm really began, and what its times count from; all as offsets of the schedule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// The end of the warm-up.
    pub measuring: Duration,
    /// The first fault.
    pub outage: Option<Duration>,
    /// The last fault: the damage is complete.
    pub strike: Option<Duration>,
    /// The first heal.
    pub heal: Option<Duration>,
}

impl Course {
    /// As it went, by the injections that were really made.
    #[must_use]
    pub(super) fn of(load: &Load, result: &RunResult, injections: &[Injection]) -> Self {
        let at = |injection: &Injection| result.offset_of(injection.at);
        Self {
            measuring: load.warmup,
            outage: injections.iter().find(|i| !i.heals).map(at),
            strike: injections.iter().rfind(|i| !i.heals).map(at),
            heal: injections.iter().find(|i| i.heals).map(at),
        }
    }

    fn boundaries(&self) -> Boundaries {
        Boundaries { outage: self.outage, recovery: self.heal }
    }

    fn counts(&self, seen: &Observation<'_>) -> bool {
        seen.intended >= self.measuring
    }
}

/// Everything that gates can ask for. `detected` is when the first circuit opened.
#[must_use]
pub(super) fn measurements(
    result: &RunResult,
    course: &Course,
    detected: Option<Instant>,
    audit: AuditFacts,
) -> Measurements {
    let by_label = |label: &str| {
        let wanted = |seen: &Observation<'_>| course.counts(seen) && seen.label == label;
        (label.to_owned(), result.recorder(&course.boundaries(), wanted))
    };
    let by_label: BTreeMap<_, _> = LABELS.into_iter().map(by_label).collect();
    Measurements { by_label, times: times(result, course, detected), audit }
}

/// The width of an interval of the log.
const INTERVAL: Duration = Duration::from_secs(1);

/// The response times second by second, for reports and for other tools: an HdrHistogram interval log whose tags are
/// `OUTCOME.PHASE`. A request is in the second of its intended start, counted from the start of measuring.
///
/// # Errors
/// None is known: it is written into memory.
pub(super) fn interval_log(arm: &str, result: &RunResult, course: &Course) -> io::Result<Vec<u8>> {
    let comments = [
        format!("[arm {arm}; response times, from the intended start; values are microseconds]"),
        "[tags are OUTCOME.PHASE; a request is in the second of its intended start]".to_owned(),
    ];
    let mut log = IntervalLog::begin(Vec::new(), result.started_at() + course.measuring, &comments)?;
    let (mut second, mut all) = (0, Recorder::new());
    for seen in result.observations().filter(|seen| course.counts(seen)) {
        let now = u32::try_from((seen.intended - course.measuring).as_secs()).unwrap_or(u32::MAX);
        if now != second {
            add(&mut log, second, &mut all)?;
            second = now;
        }
        all.record(course.boundaries().phase(seen.intended), seen.outcome, seen.response, seen.service);
    }
    add(&mut log, second, &mut all)?;
    Ok(log.into_inner())
}

/// Adds what was recorded in a second, and forgets it.
fn add(log: &mut IntervalLog<Vec<u8>>, second: u32, all: &mut Recorder) -> io::Result<()> {
    for (phase, outcome) in cells() {
        if let Some(latencies) = all.response(phase, outcome) {
            log.add(&format!("{outcome}.{phase}"), INTERVAL * second, INTERVAL, latencies)?;
        }
    }
    all.clear();
    Ok(())
}

fn cells() -> impl Iterator<Item = (Phase, Outcome)> {
    Phase::ALL.into_iter().flat_map(|phase| Outcome::ALL.into_iter().map(move |outcome| (phase, outcome)))
}

fn times(result: &RunResult, course: &Course, detected: Option<Instant>) -> Times {
    let detect = detected.zip(course.strike).map(|(at, strike)| result.offset_of(at).saturating_sub(strike));
    let degraded =
        |seen: &Observation<'_>| matches!(seen.outcome, Outcome::OkDegraded | Outcome::RejectedFast);
    let degrade =
        course.strike.and_then(|strike| Some(result.first_after(strike, degraded)?.seen() - strike));
    Times { detect, degrade, recover: course.heal.and_then(|heal| recovered(result, course, heal)) }
}

/// The answer time that customers of the reference services are promised; a later answer is not yet a recovery. It is
/// the default `slo` of the circuits.
const PROMISED: Duration = Duration::from_secs(1);

/// From the heal to the beginning of the final stretch in which everything comes back over Kafka and in the promised
/// time. `None` if that stretch is empty.
fn recovered(result: &RunResult, course: &Course, heal: Duration) -> Option<Duration> {
    let counted = |seen: &Observation<'_>| course.counts(seen) && seen.outcome != Outcome::UnsentCap;
    let good = |seen: &Observation<'_>| seen.outcome == Outcome::OkKafka && seen.response <= PROMISED;
    let stretch = result.final_stretch(counted, good)?;
    Some(stretch.from.saturating_sub(heal))
}

/// The phase at `at`, for progress lines.
#[must_use]
pub(super) fn phase_at(load: &Load, at: Duration) -> Phase {
    if at < load.before {
        Phase::Before
    } else if at < load.before + load.outage {
        Phase::Outage
    } else {
        Phase::Recovery
    }
}
