//! A run with everything that it saw: one observation per intended request, and what can be asked of them.
//!
//! Times are offsets from the start of the schedule. A request belongs to the phase of its *intended* start, with
//! boundaries that may be known only afterwards; it is *seen* when it ended. It costs 32 bytes a request: a long run
//! whose boundaries are known beforehand goes into a [`Sink`] of its own.

use std::ops::Deref;
use std::time::Duration;

use http::StatusCode;
use recorder::{Outcome, Phase, Recorder};

use crate::classify::Executed;
use crate::landed::Landed;
use crate::{Ended, Sink};

/// One intended request and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation<'a> {
    /// Its number in the schedule.
    pub k: u64,
    /// What the plan calls it.
    pub label: &'a str,
    /// The place of its kind in the plan's list of requests.
    pub kind: usize,
    /// Its intended start.
    pub intended: Duration,
    /// From its intended start to its end; for `unfinished` at least that.
    pub response: Duration,
    /// From the actual send to its end; `None` if it was never sent.
    pub service: Option<Duration>,
    /// How late the generator was to begin with it.
    pub lag: Duration,
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

/// The sink that keeps everything.
#[derive(Debug, Default)]
pub struct Keep {
    landed: Vec<Landed>,
}

impl Sink for Keep {
    fn seen(&mut self, it: &Observation<'_>) {
        self.landed.push(Landed::of(it));
    }
}

/// A run, complete or stopped early: how it went as a whole, and every observation.
#[derive(Debug)]
pub struct RunResult {
    ended: Ended,
    /// In the order of their intended starts.
    landed: Vec<Landed>,
}

impl Deref for RunResult {
    type Target = Ended;

    fn deref(&self) -> &Ended {
        &self.ended
    }
}

impl RunResult {
    pub(crate) fn new(ended: Ended, Keep { mut landed }: Keep) -> Self {
        landed.sort_unstable_by_key(|it| (it.intended_ns, it.k));
        Self { ended, landed }
    }

    /// Everything intended up to the end of the run, in the order of their intended starts.
    pub fn observations(&self) -> impl Iterator<Item = Observation<'_>> {
        self.landed.iter().map(|it| it.observation(self.plan().label_of(it.kind)))
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
