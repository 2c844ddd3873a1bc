//! A game day: the same seeded load and the same outage against every arm, one after the other, and what came of it.

mod answers;
mod arm;
mod course;
mod detectors;
pub mod ledger;
pub mod load;
mod machine;
mod measure;
mod warm_up;
mod watch;

use std::time::Duration;

use anyhow::Context as _;
use indexmap::IndexMap;
use lab::Backend;
use report::{ClusterUsed, LoadUsed, RunResult, RunVerdict, SCHEMA_VERSION, TimelineEntry};
use scenario::{Arm, Scenario};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use watch::Watch;

use crate::system::{ClusterKind, System};

/// Between two signs of life while a system starts. One in this process is up before the first.
const STARTING_EVERY: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Debug, Clone)]
pub struct GameDay {
    /// The scenario.
    pub scenario: Scenario,
    /// What is broken.
    pub cluster: ClusterKind,
    /// Everything random comes from it.
    pub seed: u64,
    /// The names of the arms to run, in this order.
    pub arms: Vec<String>,
}

/// What came of it.
#[derive(Debug)]
pub struct Ended {
    /// The result of all arms that ran.
    pub result: RunResult,
    /// What happened when.
    pub timeline: Vec<TimelineEntry>,
    /// The interval log of each arm that ran.
    pub logs: IndexMap<String, Vec<u8>>,
}

impl GameDay {
    /// Runs the arms until they are through, or until `interrupted`; then what was measured so far is a partial
    /// result.
    ///
    /// # Errors
    /// The cluster or a service does not start, or the load generator crashed.
    pub async fn run(&self, watch: &mut Watch, interrupted: &CancellationToken) -> anyhow::Result<Ended> {
        let mut arms = IndexMap::new();
        let (mut timeline, mut logs) = (Vec::new(), IndexMap::new());
        let mut schedule_hash = String::new();
        for name in &self.arms {
            if interrupted.is_cancelled() {
                break;
            }
            let arm = self.scenario.arm(name).with_context(|| format!("there is no arm `{name}`"))?;
            let ran = self.run_arm(arm, watch, interrupted).await.with_context(|| format!("arm {name}"))?;
            if let Some(ran) = ran {
                schedule_hash = ran.schedule_hash;
                timeline.extend(ran.timeline);
                logs.insert(name.clone(), ran.log);
                arms.insert(name.clone(), ran.result);
            }
        }
        let verdict = RunVerdict::of(interrupted.is_cancelled(), &arms);
        let clock = self.cluster.clock_ms(&self.scenario.cluster);
        let result = RunResult {
            schema_version: SCHEMA_VERSION,
            scenario: self.scenario.name.clone(),
            title: self.scenario.incident.title.clone(),
            seed: self.seed,
            schedule_hash,
            partial: interrupted.is_cancelled(),
            load: LoadUsed::of(&self.scenario.load),
            cluster: ClusterUsed::of(&self.scenario.cluster, self.cluster.backend().name(), clock),
            machine: machine::here(
                &self.cluster,
                self.arms.iter().filter_map(|name| self.scenario.arm(name)),
            ),
            arms,
            verdict,
        };
        Ok(Ended { result, timeline, logs })
    }

    /// `None` if it was interrupted before there was anything to measure.
    async fn run_arm(
        &self,
        arm: &Arm,
        watch: &mut Watch,
        interrupted: &CancellationToken,
    ) -> anyhow::Result<Option<arm::Ran>> {
        let starting = self.start(arm);
        let (system, warm) = tokio::select! {
            started = self.seen_to_start(&arm.name, starting, watch) => started?,
            () = interrupted.cancelled() => return Ok(None),
        };
        if !warm {
            watch.line("the brokers are not warm yet, or this machine is busy: the latencies will show it");
        }
        let ran = arm::run(self, arm, &system, watch, interrupted).await;
        let stopped = system.stop().await;
        let ran = ran?;
        if let Err(error) = stopped {
            watch.line(&format!("while stopping: {error:#}"));
        }
        Ok(Some(ran))
    }

    /// A system that is up, and whether it is warm.
    async fn start(&self, arm: &Arm) -> anyhow::Result<(System, bool)> {
        let Scenario { cluster, load, .. } = &self.scenario;
        let starting = System::start(&self.cluster, cluster, arm, &load.products, self.seed);
        let system = starting.await?;
        let warm = match self.cluster.backend() {
            Backend::Embedded => true,
            Backend::Apache => warm_up::run(&self.scenario, &arm.strategy, self.seed, &system).await?,
        };
        Ok((system, warm))
    }

    /// Waits for a start and shows that it goes on.
    async fn seen_to_start<T>(
        &self,
        arm: &str,
        starting: impl Future<Output = anyhow::Result<T>>,
        watch: &mut Watch,
    ) -> anyhow::Result<T> {
        let began = Instant::now();
        let mut look = tokio::time::interval_at(began + STARTING_EVERY, STARTING_EVERY);
        let mut starting = std::pin::pin!(starting);
        loop {
            tokio::select! {
                started = &mut starting => return started,
                _ = look.tick() => {
                    let (brokers, passed) = (self.scenario.cluster.brokers, began.elapsed().as_secs());
                    watch.passing(&format!("{arm}, starting and warming up {brokers} brokers and the services: {passed} s"));
                }
            }
        }
    }
}

/// The most lines of the cluster's own that a timeline keeps; a run is explained by how it began.
const CLUSTER_LINES_MAX: usize = 10_000;

/// What the cluster did, as lines of the timeline.
fn cluster_lines(arm: &str, system: &System, measuring_from: std::time::Instant) -> Vec<TimelineEntry> {
    let timeline = system.lab().timeline();
    let entries = timeline.entries().into_iter().take(CLUSTER_LINES_MAX);
    let lines =
        entries.filter_map(|entry| course::cluster_line(arm, &entry, timeline.born(), measuring_from));
    lines.collect()
}
