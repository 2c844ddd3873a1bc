//! From what was seen to what is reported: everything that was intended after the warm-up, by phase and outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use gates::{AuditFacts, Decided, Measurements, Share, Times};
use loadgen::{Boundaries, Observation, RunResult};
use recorder::{Outcome, Recorder};

use crate::job::Job;

/// The length of an interval.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// What a run comes to.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) run: Measurements,
    /// All labels together.
    pub(crate) all: Recorder,
    /// How many answers had which status, by outcome; `None` is no answer.
    pub(crate) statuses: BTreeMap<(Outcome, Option<u16>), u64>,
    /// Requests of the warm-up, which nothing here counts.
    pub(crate) warm_up: u64,
    /// Requests that were measured, by outcome.
    pub(crate) counts: [u64; Outcome::COUNT],
    pub(crate) gates: Vec<(String, Decided)>,
}

/// One second of intended starts.
#[derive(Debug)]
pub(crate) struct Interval<'a> {
    /// Its number, from the start of measuring.
    pub(crate) index: u64,
    pub(crate) by_label: &'a Measurements,
    pub(crate) all: &'a Recorder,
}

/// What observations are held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) warm_up: Duration,
    pub(crate) boundaries: Boundaries,
    pub(crate) promised: Duration,
}

impl Course {
    pub(crate) fn of(job: &Job) -> Self {
        let warm_up = job.plan.spec().warm_up;
        Self { warm_up, boundaries: job.boundaries(), promised: job.promised }
    }

    pub(crate) fn counts(&self, seen: &Observation<'_>) -> bool {
        seen.intended >= self.warm_up
    }

    /// Calls `each` for every second in which something was intended, in the order of time.
    pub(crate) fn intervals<E>(
        &self,
        result: &RunResult,
        mut each: impl FnMut(Interval<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut by_label, mut all) = (Measurements::default(), Recorder::new());
        let mut current = 0;
        for seen in result.observations().filter(|seen| self.counts(seen)) {
            let index = (seen.intended - self.warm_up).as_secs() / INTERVAL.as_secs();
            if index != current {
                if all.total() > 0 {
                    each(Interval { index: current, by_label: &by_label, all: &all })?;
                }
                by_label.by_label.values_mut().for_each(Recorder::clear);
                all.clear();
                current = index;
            }
            self.record(&seen, &mut by_label, &mut all);
        }
        match all.total() {
            0 => Ok(()),
            _ => each(Interval { index: current, by_label: &by_label, all: &all }),
        }
    }

    fn record(&self, seen: &Observation<'_>, by_label: &mut Measurements, all: &mut Recorder) {
        let phase = self.boundaries.phase(seen.intended);
        all.record(phase, seen.outcome, seen.response, seen.service);
        if !by_label.by_label.contains_key(seen.label) {
            by_label.by_label.insert(seen.label.to_owned(), Recorder::new());
        }
        if let Some(labelled) = by_label.by_label.get_mut(seen.label) {
            labelled.record(phase, seen.outcome, seen.response, seen.service);
        }
    }

    fn times(&self, result: &RunResult) -> Times {
        let Boundaries { outage, recovery } = self.boundaries;
        let degraded =
            |seen: &Observation<'_>| matches!(seen.outcome, Outcome::OkDegraded | Outcome::RejectedFast);
        let degrade = outage.and_then(|at| Some(result.first_after(at, degraded)?.seen() - at));
        Times { detect: None, degrade, recover: recovery.and_then(|heal| self.recovered(result, heal)) }
    }

    /// From the heal to the beginning of the final stretch in which everything is answered well and in the promised
    /// time. `None` if that stretch is empty. What was never sent says nothing about the target.
    fn recovered(&self, result: &RunResult, heal: Duration) -> Option<Duration> {
        let counted = |seen: &Observation<'_>| self.counts(seen) && seen.outcome != Outcome::UnsentCap;
        let good = |seen: &Observation<'_>| {
            matches!(seen.outcome, Outcome::Ok | Outcome::OkKafka) && seen.response <= self.promised
        };
        Some(result.final_stretch(counted, good)?.from.saturating_sub(heal))
    }
}

impl Measured {
    pub(crate) fn of(job: &Job, result: &RunResult) -> Self {
        let course = Course::of(job);
        let (mut run, mut all) = (Measurements::default(), Recorder::new());
        let (mut statuses, mut counts, mut warm_up) = (BTreeMap::new(), [0; Outcome::COUNT], 0);
        for seen in result.observations() {
            if !course.counts(&seen) {
                warm_up += 1;
                continue;
            }
            course.record(&seen, &mut run, &mut all);
            counts[seen.outcome.index()] += 1;
            *statuses.entry((seen.outcome, seen.status.map(|status| status.as_u16()))).or_insert(0) += 1;
        }
        run.times = course.times(result);
        run.audit = AuditFacts::default();
        let gates = decided(job, &course, result, &run);
        Self { run, all, statuses, warm_up, counts, gates }
    }
}

/// Each gate held against the run, with the uncertainty that its intervals show.
fn decided(job: &Job, course: &Course, result: &RunResult, run: &Measurements) -> Vec<(String, Decided)> {
    let mut shares: Vec<Vec<Share>> = vec![Vec::new(); job.gates.len()];
    if !job.gates.is_empty() {
        let note = |interval: Interval<'_>| {
            for (gate, shares) in job.gates.iter().zip(&mut shares) {
                shares.extend(gate.share(interval.by_label));
            }
            Ok::<(), std::convert::Infallible>(())
        };
        match course.intervals(result, note) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
    let gates = job.gates.iter().zip(&shares);
    gates.map(|(gate, shares)| (gate.to_string(), gate.decide(run, shares))).collect()
}
