//! What a run leaves: one observation per intended request, and what can be asked of them.
//!
//! Times are offsets from the start of the schedule. A request belongs to the phase of its *intended* start, with
//! boundaries that may be known only afterwards; it is *seen* when it ended.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use recorder::{Conservation, Latencies, Outcome, Phase, Recorder};

use crate::classify::Executed;
use crate::slice::Slice;
use crate::tally::{Books, Record};
use crate::{Connections, Mode, Plan};

/// One intended request and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation<'a> {
    /// Its number in the schedule.
    pub k: u64,
    /// What the plan calls it.
    pub label: &'a str,
    /// Its intended start.
    pub intended: Duration,
    /// From its intended start to its end; for `unfinished` at least that.
    pub response: Duration,
    /// From the actual send to its end; `None` if it was never sent.
    pub service: Option<Duration>,
    /// How it ended.
    pub outcome: Outcome,
    /// What the answer said about execution.
    pub executed: Executed,
    /// The HTTP status, if there was an answer.
    pub status: Option<StatusCode>,
}

impl Observation<'_> {
    /// When it ended.
    pub fn seen(&self) -> Duration {
        self.intended + self.response
    }
}

/// Where phases begin. One that never began leaves everything to the phase before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Boundaries {
    /// The first fault.
    pub outage: Option<Duration>,
    /// The heal.
    pub recovery: Option<Duration>,
}

impl Boundaries {
    /// The phase of a request intended at `at`.
    pub fn phase(&self, at: Duration) -> Phase {
        let since = |begin: Option<Duration>| begin.is_some_and(|begin| at >= begin);
        match (since(self.outage), since(self.recovery)) {
            (_, true) => Phase::Recovery,
            (true, false) => Phase::Outage,
            (false, false) => Phase::Before,
        }
    }
}

/// The end of a run in which only good outcomes were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When the first of them was seen.
    pub from: Duration,
    /// How many there are; a stretch of a few proves little.
    pub count: u64,
}

/// Why a run must not be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The generator was too late itself, so its latencies are partly its own.
    #[error("the generator could not keep its schedule: p99 of its lag is {p99:?}, the limit {limit:?}")]
    ScheduleLag {
        /// Measured.
        p99: Duration,
        /// Allowed.
        limit: Duration,
    },
    /// Requests were lost or counted twice.
    #[error("the accounts do not add up: {} intended, {} accounted", .0.intended, .0.accounted)]
    Conservation(Conservation),
}

/// A run, complete or stopped early.
#[derive(Debug)]
pub struct RunResult {
    plan: Arc<Plan>,
    /// One for each worker, in the order of their slices.
    workers: Vec<Worked>,
    lag: Latencies,
    connections: Connections,
    started: Instant,
    started_at: SystemTime,
    is_partial: bool,
}

/// What one worker did.
#[derive(Debug)]
struct Worked {
    slice: Slice,
    records: Vec<Record>,
    /// Empty where the schedule says when requests were intended.
    intended_ns: Vec<u64>,
}

impl Worked {
    /// When its request `i` was intended, in nanoseconds after the start; `None` if there is none.
    fn intended_ns(&self, i: usize, plan: &Plan) -> Option<u64> {
        self.records.get(i)?;
        match self.intended_ns.get(i) {
            Some(at) => Some(*at),
            None => plan.schedule().offsets_ns().get(self.slice.k(i)).copied(),
        }
    }
}

impl RunResult {
    /// `None` when there was no worker.
    pub(crate) fn new(plan: Arc<Plan>, books: Vec<Books>) -> Option<Self> {
        let (started, started_at) = books.first()?.started;
        let is_partial = books.iter().any(|it| it.is_cut_off);
        let (mut lag, mut connections) = (Latencies::new(), Connections::default());
        let of = books.len();
        let mut worked = |(index, books): (usize, Books)| {
            lag.merge(&books.lag);
            connections.merge(&books.connections);
            let slice = Slice { index, of };
            Worked { slice, records: books.records, intended_ns: books.intended_ns }
        };
        let workers = books.into_iter().enumerate().map(&mut worked).collect();
        Some(Self { plan, workers, lag, connections, started, started_at, is_partial })
    }

    /// The plan that was run.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// When the schedule began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// When the schedule began, by the wall clock.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// An instant as an offset; zero if it was before the start.
    pub fn offset_of(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.started)
    }

    /// How late the generator itself was, over every intended request.
    pub fn lag(&self) -> &Latencies {
        &self.lag
    }

    /// What happened to connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Whether the run was stopped before its schedule, or the duration of a closed loop, ended.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Everything intended up to the end of the run, in the order of their intended starts.
    pub fn observations(&self) -> impl Iterator<Item = Observation<'_>> {
        let mut at = vec![0; self.workers.len()];
        let in_order = std::iter::from_fn(move || {
            let next = |(worker, i): (&Worked, &usize)| worker.intended_ns(*i, &self.plan);
            let heads = self.workers.iter().zip(&at).map(next).enumerate();
            let (worker, _) = heads.filter_map(|(worker, at)| Some((worker, at?))).min_by_key(|it| it.1)?;
            at[worker] += 1;
            Some((&self.workers[worker], at[worker] - 1))
        });
        in_order.filter_map(|(worker, i)| self.observation(worker, i))
    }

    fn observation<'a>(&'a self, worker: &'a Worked, i: usize) -> Option<Observation<'a>> {
        let record = worker.records.get(i)?;
        Some(Observation {
            k: worker.slice.k(i) as u64,
            label: self.plan.label_of(record.kind),
            intended: Duration::from_nanos(worker.intended_ns(i, &self.plan)?),
            response: record.response(),
            service: record.service(),
            outcome: record.outcome?,
            executed: record.executed,
            status: record.status(),
        })
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.workers.iter().flat_map(|worker| &worker.records)
    }

    /// How many requests ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.records().filter(|record| record.outcome == Some(outcome)).count() as u64
    }

    /// Intended against accounted: every request that a worker entered, and unless the run was stopped every request
    /// of the schedule.
    pub fn conservation(&self) -> Conservation {
        let entered = self.records().count();
        let is_whole = self.plan.spec().mode == Mode::Open && !self.is_partial;
        let intended = if is_whole { self.plan.schedule().len() } else { entered };
        let accounted = self.records().filter(|record| record.outcome.is_some()).count();
        Conservation::of(intended as u64, accounted as u64)
    }

    /// Every reason not to believe the run; empty for a valid one.
    pub fn invalid(&self) -> Vec<Invalid> {
        let conservation = self.conservation();
        let lost = (!conservation.holds).then_some(Invalid::Conservation(conservation));
        let (p99, limit) = (self.lag.quantile(0.99), self.plan.spec().limits.lag_p99_max);
        let late = (p99 > limit).then_some(Invalid::ScheduleLag { p99, limit });
        lost.into_iter().chain(late).collect()
    }

    /// Histograms by phase and outcome of those observations that are `wanted`.
    pub fn recorder(&self, boundaries: &Boundaries, wanted: impl Fn(&Observation<'_>) -> bool) -> Recorder {
        let mut recorder = Recorder::new();
        for it in self.observations().filter(wanted) {
            recorder.record(boundaries.phase(it.intended), it.outcome, it.response, it.service);
        }
        recorder
    }

    /// Of those that are `wanted`, the first that was seen at `at` or later.
    pub fn first_after(
        &self,
        at: Duration,
        wanted: impl Fn(&Observation<'_>) -> bool,
    ) -> Option<Observation<'_>> {
        self.observations().filter(|it| it.seen() >= at && wanted(it)).min_by_key(Observation::seen)
    }

    /// The final stretch, among those that are `counted`, in which only `good` ones were seen: it begins after the last
    /// one that was not. `None` if a bad one was seen last.
    pub fn final_stretch(
        &self,
        counted: impl Fn(&Observation<'_>) -> bool,
        good: impl Fn(&Observation<'_>) -> bool,
    ) -> Option<Stretch> {
        let among = || self.observations().filter(&counted);
        let bad_until = among().filter(|it| !good(it)).map(|it| it.seen()).max();
        let seen = || among().map(|it| it.seen()).filter(|seen| bad_until.is_none_or(|until| *seen > until));
        Some(Stretch { from: seen().min()?, count: seen().count() as u64 })
    }
}
