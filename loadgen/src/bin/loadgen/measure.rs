//! From what is seen to what is reported, while it is seen: everything that was intended after the warm-up, by phase and
//! outcome.
//!
//! Phases begin when the command line says, so they are known beforehand, and what was seen need not be kept: it goes
//! into the histograms of its second when that is closed, and these into those of the run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gates::{AuditFacts, Decided, Measurements, Share, Times};
use loadgen::{Boundaries, Observation, Sink};
use recorder::{Outcome, Phase, Recorder};

use crate::files::IntervalFiles;
use crate::intervals::{Brief, INTERVAL, OpenIntervals};
use crate::job::Job;

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
    /// When each outcome was first seen, the warm-up included, as an offset of the schedule.
    pub(crate) firsts: [Option<Duration>; Outcome::COUNT],
    pub(crate) gates: Vec<(String, Decided)>,
}

/// One second of intended starts.
#[derive(Debug)]
pub(crate) struct Interval {
    /// Its number, from the start of measuring.
    pub(crate) index: u64,
    pub(crate) by_label: Measurements,
    pub(crate) all: Recorder,
}

/// What observations are held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) warm_up: Duration,
    pub(crate) boundaries: Boundaries,
    promised: Duration,
}

impl Course {
    pub(crate) fn of(job: &Job) -> Self {
        let warm_up = job.plan.spec().warm_up;
        Self { warm_up, boundaries: job.boundaries(), promised: job.promised }
    }

    /// The number of the interval of an offset; `None` in the warm-up.
    fn interval(&self, intended: Duration) -> Option<u64> {
        Some(intended.checked_sub(self.warm_up)?.as_secs() / INTERVAL.as_secs())
    }
}

/// The final stretch in which everything is answered well and in the promised time, as far as it is seen. What was
/// never sent says nothing about the target.
#[derive(Debug, Default)]
struct Recovery {
    bad_until: Option<Duration>,
    good_from: Option<Duration>,
}

impl Recovery {
    fn see(&mut self, seen: &Observation<'_>, promised: Duration) {
        if !seen.outcome.was_sent() {
            return;
        }
        let good = matches!(seen.outcome, Outcome::Ok | Outcome::OkKafka) && seen.response <= promised;
        let at = seen.seen();
        if !good {
            self.bad_until = self.bad_until.max(Some(at));
            self.good_from = self.good_from.filter(|from| *from > at);
        } else if self.good_from.is_none() && self.bad_until.is_none_or(|until| at > until) {
            self.good_from = Some(at);
        }
    }
}

/// A run that is being measured.
#[derive(Debug)]
pub(crate) struct Measuring {
    job: Arc<Job>,
    course: Course,
    run: Measurements,
    statuses: BTreeMap<(Outcome, Option<u16>), u64>,
    warm_up: u64,
    counts: [u64; Outcome::COUNT],
    firsts: [Option<Duration>; Outcome::COUNT],
    degraded: Option<Duration>,
    recovery: Recovery,
    open: OpenIntervals,
    /// Of each gate, by interval.
    shares: Vec<Vec<Share>>,
    files: Option<IntervalFiles>,
}

impl Measuring {
    /// Intervals go to `files` as they close.
    pub(crate) fn new(job: Arc<Job>, files: Option<IntervalFiles>) -> Self {
        Self {
            course: Course::of(&job),
            run: Measurements::default(),
            statuses: BTreeMap::new(),
            warm_up: 0,
            counts: [0; Outcome::COUNT],
            firsts: [None; Outcome::COUNT],
            degraded: None,
            recovery: Recovery::default(),
            open: OpenIntervals::default(),
            shares: vec![Vec::new(); job.gates.len()],
            files,
            job,
        }
    }

    /// What it comes to, and the files, which are whole.
    pub(crate) fn close(mut self) -> (Measured, Option<IntervalFiles>) {
        let all = merged(&self.run);
        self.run.times = self.times(&all);
        self.run.audit = AuditFacts::default();
        // Each gate held against the run, with the uncertainty that its intervals show.
        let gates = self.job.gates.iter().zip(&self.shares);
        let gates = gates.map(|(gate, shares)| (gate.to_string(), gate.decide(&self.run, shares))).collect();
        let Self { run, statuses, warm_up, counts, firsts, files, .. } = self;
        (Measured { run, all, statuses, warm_up, counts, firsts, gates }, files)
    }

    fn times(&self, all: &Recorder) -> Times {
        let Boundaries { outage, recovery } = self.course.boundaries;
        let degrade = outage.and_then(|at| Some(self.degraded? - at));
        // From the heal to the beginning of the stretch; none if a bad one was seen last, or nobody came after the heal.
        let recovery = recovery.filter(|_| all.in_phase(Phase::Recovery) > 0);
        let recover = recovery.and_then(|heal| Some(self.recovery.good_from?.saturating_sub(heal)));
        Times { detect: None, degrade, recover }
    }

    fn count(&mut self, seen: &Observation<'_>) {
        self.counts[seen.outcome.index()] += 1;
        *self.statuses.entry((seen.outcome, seen.status.map(|status| status.as_u16()))).or_insert(0) += 1;
        self.recovery.see(seen, self.course.promised);
    }

    fn interval(&self, index: u64, briefs: &[Brief]) -> Interval {
        let kinds = &self.job.plan.spec().requests;
        let mut by_kind = vec![Recorder::new(); kinds.len()];
        for brief in briefs {
            by_kind[brief.kind()].record(brief.phase, brief.outcome, brief.response(), brief.service());
        }
        let mut by_label = Measurements::default();
        for (kind, recorder) in kinds.iter().zip(by_kind) {
            add(&mut by_label, &kind.label, recorder);
        }
        Interval { index, all: merged(&by_label), by_label }
    }
}

fn add(to: &mut Measurements, label: &str, recorder: Recorder) {
    match to.by_label.get_mut(label) {
        Some(labelled) => labelled.merge(&recorder),
        None if recorder.total() > 0 => drop(to.by_label.insert(label.to_owned(), recorder)),
        None => {}
    }
}

/// All labels together.
fn merged(run: &Measurements) -> Recorder {
    let mut all = Recorder::new();
    run.by_label.values().for_each(|labelled| all.merge(labelled));
    all
}

impl Sink for Measuring {
    fn started(&mut self, at: SystemTime) {
        if let Some(files) = &mut self.files {
            files.begin(&self.job, at);
        }
    }

    fn seen(&mut self, seen: &Observation<'_>) {
        self.firsts[seen.outcome.index()].get_or_insert(seen.seen());
        let outage = self.course.boundaries.outage;
        if matches!(seen.outcome, Outcome::OkDegraded | Outcome::RejectedFast)
            && outage.is_some_and(|at| seen.seen() >= at)
        {
            self.degraded.get_or_insert(seen.seen());
        }
        let Some(index) = self.course.interval(seen.intended) else {
            self.warm_up += 1;
            return;
        };
        let phase = self.course.boundaries.phase(seen.intended);
        self.count(seen);
        self.open.note(index, Brief::of(seen, phase));
    }

    fn closed_before(&mut self, at: Duration) {
        let Some(index) = self.course.interval(at) else { return };
        while let Some((index, briefs)) = self.open.close_before(index) {
            if briefs.is_empty() {
                continue;
            }
            let interval = self.interval(index, &briefs);
            for (gate, shares) in self.job.gates.iter().zip(&mut self.shares) {
                shares.extend(gate.share(&interval.by_label));
            }
            if let Some(files) = &mut self.files {
                files.add(&interval);
            }
            for (label, recorder) in interval.by_label.by_label {
                add(&mut self.run, &label, recorder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use loadgen::Executed;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::args::Args;
    use crate::files;

    const WARM_UP: Duration = Duration::from_millis(500);
    const OUTCOMES: [Outcome; 4] = [Outcome::Ok, Outcome::OkDegraded, Outcome::Timeout, Outcome::UnsentCap];

    /// Intended at, response, outcome; in nanoseconds and microseconds.
    type Raw = (u64, u32, usize);

    fn observation((intended_ns, response_us, outcome): Raw) -> Observation<'static> {
        let response = Duration::from_micros(u64::from(response_us));
        Observation {
            k: 0,
            label: "request",
            kind: 0,
            intended: Duration::from_nanos(intended_ns),
            response,
            service: (OUTCOMES[outcome] != Outcome::UnsentCap).then_some(response / 2),
            lag: Duration::ZERO,
            outcome: OUTCOMES[outcome],
            executed: Executed::NotSaid,
            status: None,
        }
    }

    /// The raw log goes through the sink as the books would hand it over: in the order of its end, closing as it goes.
    fn measured(
        job: &Arc<Job>,
        raw: &[Raw],
        files: Option<IntervalFiles>,
    ) -> (Measured, Option<IntervalFiles>) {
        let mut log: Vec<Observation<'_>> = raw.iter().copied().map(observation).collect();
        log.sort_by_key(Observation::seen);
        let mut measuring = Measuring::new(job.clone(), files);
        measuring.started(SystemTime::UNIX_EPOCH);
        for (index, seen) in log.iter().enumerate() {
            measuring.seen(seen);
            let open = log[index + 1..].iter().map(|it| it.intended).min();
            measuring.closed_before(open.unwrap_or(Duration::MAX));
        }
        measuring.close()
    }

    /// The value that a share of the sorted ones stays within.
    fn ranked(sorted: &[u64], share: f64) -> f64 {
        sorted[((share * sorted.len() as f64).ceil() as usize).max(1) - 1] as f64
    }

    fn is_about(told_ms: &Value, truth_us: f64) -> bool {
        let told = told_ms.as_f64().expect("a number") * 1e3;
        (truth_us.max(1.0) - 0.5..=truth_us * 1.001 + 1.5).contains(&told)
    }

    /// The raw log by an independent calculation: the sorted response times of what `wanted` says.
    fn sorted(raw: &[Raw], wanted: impl Fn(&Observation<'_>) -> bool) -> Vec<u64> {
        let log = raw.iter().copied().map(observation).filter(|it| it.intended >= WARM_UP && wanted(it));
        let mut times: Vec<u64> = log.map(|it| it.response.as_micros() as u64).collect();
        times.sort_unstable();
        times
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn histograms_say_what_an_independent_calculation_from_the_raw_log_says(
            raw in vec((0_u64..4_500_000_000, 0_u32..3_000_000, 0..OUTCOMES.len()), 1..200),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().to_str().unwrap();
            let url = "http://127.0.0.1:1/";
            let args = ["loadgen", url, "--warm-up", "500ms", "--outage", "1200ms..2700ms", "--out", out];
            let args = Args::try_parse_from(args).unwrap();
            let outputs = args.outputs.clone();
            let job = Arc::new(Job::new(args).unwrap());
            let (told, intervals) = measured(&job, &raw, files::prepare(&outputs).unwrap());
            intervals.unwrap().keep().unwrap();

            let boundaries = job.boundaries();
            prop_assert_eq!(told.warm_up + told.counts.iter().sum::<u64>(), raw.len() as u64);
            for phase in Phase::ALL {
                for outcome in OUTCOMES {
                    let truth = sorted(&raw, |it| it.outcome == outcome && boundaries.phase(it.intended) == phase);
                    prop_assert_eq!(told.all.count(phase, outcome), truth.len() as u64);
                    let Some(response) = told.all.response(phase, outcome) else { continue };
                    for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
                        let ms = response.quantile(quantile).as_micros() as f64 / 1e3;
                        prop_assert!(is_about(&ms.into(), ranked(&truth, quantile)));
                    }
                }
            }

            let lines = std::fs::read_to_string(folder.path().join("intervals.ndjson")).unwrap();
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let mut left = raw.len() as u64 - told.warm_up;
            for line in lines {
                let from = WARM_UP + Duration::from_millis(line["at_ms"].as_u64().unwrap());
                let within = |it: &Observation<'_>| it.intended >= from && it.intended < from + INTERVAL;
                left -= line["intended"].as_u64().unwrap();
                for (phase, outcomes) in line["phases"].as_object().unwrap() {
                    for (outcome, summary) in outcomes.as_object().unwrap() {
                        let truth = sorted(&raw, |it| within(it)
                            && it.outcome.name() == outcome
                            && boundaries.phase(it.intended).name() == phase);
                        prop_assert_eq!(summary["count"].as_u64(), Some(truth.len() as u64));
                        let p90 = &summary["response_ms"]["p90"];
                        let sent = outcome != Outcome::UnsentCap.name();
                        prop_assert_eq!(p90.is_null(), !sent);
                        prop_assert!(!sent || is_about(p90, ranked(&truth, 0.9)));
                    }
                }
            }
            prop_assert_eq!(left, 0, "every interval was written once");
        }

        #[test]
        fn the_times_of_an_outage_are_those_of_an_independent_calculation(
            raw in vec((500_000_000_u64..4_500_000_000, 0_u32..1_500_000, 0..OUTCOMES.len()), 1..60),
            bad_from in 0_usize..60,
        ) {
            // A tail of good ones, or nothing would ever recover.
            let raw: Vec<Raw> = raw.into_iter().enumerate().map(|(index, (intended, response, outcome))| {
                if index < bad_from { (intended, response, outcome) } else { (intended, response / 2, 0) }
            }).collect();
            let args = ["loadgen", "http://127.0.0.1:1/", "--warm-up", "500ms", "--outage", "1200ms..2700ms"];
            let job = Arc::new(Job::new(Args::try_parse_from(args).unwrap()).unwrap());
            let (told, _) = measured(&job, &raw, None);
            let log: Vec<Observation<'_>> = raw.iter().copied().map(observation).collect();
            let outage = WARM_UP + Duration::from_millis(1_200);
            let degraded = log.iter().filter(|it| it.outcome == Outcome::OkDegraded && it.seen() >= outage);
            prop_assert_eq!(told.run.times.degrade, degraded.map(|it| it.seen() - outage).min());
            let counted = || log.iter().filter(|it| it.outcome.was_sent());
            let good = |it: &Observation<'_>| it.outcome == Outcome::Ok && it.response <= Duration::from_secs(1);
            let bad_until = counted().filter(|it| !good(it)).map(|it| it.seen()).max();
            let stretch = counted().map(|it| it.seen()).filter(|at| bad_until.is_none_or(|until| *at > until)).min();
            let heal = WARM_UP + Duration::from_millis(2_700);
            // Of nobody who came after the heal nothing is known.
            let stretch = stretch.filter(|_| log.iter().any(|it| it.intended >= heal));
            prop_assert_eq!(told.run.times.recover, stretch.map(|from| from.saturating_sub(heal)));
        }
    }
}
