//! How a run went as a whole: its account, its own lateness, its connections.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use gates::units::duration;
use recorder::{Conservation, Latencies, Outcome};

use crate::{Connections, Machine, Mode, Plan};

/// Why a run must not be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The generator was too late itself, so its latencies are partly its own.
    #[error("the generator could not keep its schedule: p99 of its lag is {}, the limit {}", duration(*p99), duration(*limit))]
    ScheduleLag {
        /// Measured.
        p99: Duration,
        /// Allowed.
        limit: Duration,
    },
    /// Requests were lost or counted twice.
    #[error("the accounts do not add up: {} intended, {} accounted", .0.intended, .0.accounted)]
    Conservation(Conservation),
    /// A worker on another machine was lost, and with it what it had not told of.
    #[error(
        "worker {worker} was lost: {why}; of its {intended} requests {accounted} are accounted for, and {} lost",
        intended.saturating_sub(*accounted)
    )]
    WorkerLost {
        /// Its address.
        worker: String,
        /// How that showed.
        why: String,
        /// How many requests were its.
        intended: u64,
        /// How many of them are accounted for.
        accounted: u64,
    },
}

/// A run that has ended, complete or stopped early.
#[derive(Debug)]
pub struct Ended {
    pub(crate) plan: Arc<Plan>,
    pub(crate) lag: Latencies,
    pub(crate) connections: Connections,
    pub(crate) started: Instant,
    pub(crate) started_at: SystemTime,
    pub(crate) is_partial: bool,
    pub(crate) counts: [u64; Outcome::COUNT],
    /// How many requests the workers entered.
    pub(crate) entered: u64,
    pub(crate) machines: Vec<Machine>,
}

impl Ended {
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

    /// The machines that worked at it; none where it was this one alone.
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// How many requests ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.counts[outcome.index()]
    }

    /// Intended against accounted: every request that a worker entered, and unless the run was stopped every request
    /// of the schedule.
    pub fn conservation(&self) -> Conservation {
        let is_whole = self.plan.spec().mode == Mode::Open && !self.is_partial;
        let intended = if is_whole { self.plan.schedule().len() as u64 } else { self.entered };
        Conservation::of(intended, self.counts.iter().sum())
    }

    /// Every reason not to believe the run; empty for a valid one.
    pub fn invalid(&self) -> Vec<Invalid> {
        let conservation = self.conservation();
        let lost = (!conservation.holds).then_some(Invalid::Conservation(conservation));
        let (p99, limit) = (self.lag.quantile(0.99), self.plan.spec().limits.lag_p99_max);
        let late = (p99 > limit).then_some(Invalid::ScheduleLag { p99, limit });
        let gone = self.machines.iter().filter_map(|machine| {
            let Machine { name, intended, accounted, lost, .. } = machine;
            let (worker, why) = (name.clone(), lost.clone()?);
            Some(Invalid::WorkerLost { worker, why, intended: *intended, accounted: *accounted })
        });
        gone.chain(lost).chain(late).collect()
    }
}
