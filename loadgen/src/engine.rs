//! The open loop: each request at its time, whether or not earlier ones came back.
//!
//! One thread. The loop only enters requests and starts their tasks; it never waits for one. Whatever is open when the
//! drain ends is dropped with its task, and its guard accounts for it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use recorder::Outcome;
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::flight::{fly, request};
use crate::pacer::Pacer;
use crate::pool::{Connections, Pool};
use crate::progress::PROGRESS_EVERY;
use crate::tally::Tally;
use crate::{Plan, Progress, RunResult};

/// How many requests may be started before those that were get a turn.
const BATCH_MAX: usize = 32;

/// How long pre-opening may hold up the start: a target that is down must not.
const PREOPEN_MAX: Duration = Duration::from_secs(2);

/// How long a run that was stopped still waits for answers, to end within a second.
const STOPPED_DRAIN_MAX: Duration = Duration::from_millis(500);

/// Runs the plan to its end or until `stop`, and accounts for everything.
pub(crate) async fn run(
    plan: Arc<Plan>,
    stop: CancellationToken,
    progress: watch::Sender<Progress>,
) -> RunResult {
    let tally = Tally::new(plan.schedule().len());
    let connections = Rc::new(RefCell::new(Connections::default()));
    let tasks = LocalSet::new();
    let engine = Engine::new(plan.clone(), tally.clone(), &connections);
    let (started, started_at) = tasks.run_until(engine.drive(&stop, &progress)).await;
    // Dropping the tasks ends whatever is still in flight, and closes every connection.
    drop(tasks);
    progress.send_replace(look(&plan, &tally, Some(started)));
    let (records, lag) = tally.close();
    RunResult::new(plan, records, lag, connections.take(), started, started_at)
}

struct Engine {
    plan: Arc<Plan>,
    tally: Rc<Tally>,
    pools: Vec<Rc<Pool>>,
}

impl Engine {
    fn new(plan: Arc<Plan>, tally: Rc<Tally>, connections: &Rc<RefCell<Connections>>) -> Self {
        let pool = |address| Pool::new(address, &plan.spec().limits, connections.clone());
        let pools = plan.spec().targets.iter().map(|target| pool(target.address)).collect();
        Self { plan, tally, pools }
    }

    async fn drive(
        self,
        stop: &CancellationToken,
        progress: &watch::Sender<Progress>,
    ) -> (Instant, SystemTime) {
        stop.run_until_cancelled(timeout(PREOPEN_MAX, self.preopen())).await;
        let started = (Instant::now(), SystemTime::now());
        spawn_local(publish(self.plan.clone(), self.tally.clone(), started.0, progress.clone()));
        stop.run_until_cancelled(self.send_all(started.0)).await;
        self.drain(stop).await;
        self.pools.iter().for_each(|pool| pool.close());
        started
    }

    async fn preopen(&self) {
        let count = self.plan.spec().limits.connections_preopened;
        let openings: Vec<_> = self.pools.iter().flat_map(|pool| pool.preopen(count)).collect();
        for opening in openings {
            // A task that panicked opened nothing, and the counters say so.
            opening.await.ok();
        }
    }

    async fn send_all(&self, started: Instant) {
        let pacer = Pacer::start(self.plan.clone(), started);
        let offsets_ns = self.plan.schedule().offsets_ns();
        let mut in_batch = 0;
        for (k, offset_ns) in offsets_ns.iter().enumerate() {
            let due = started + Duration::from_nanos(*offset_ns);
            if due > Instant::now() {
                pacer.until(due).await;
                in_batch = 0;
            } else if in_batch == BATCH_MAX {
                yield_now().await;
                in_batch = 0;
            }
            in_batch += 1;
            self.send(k as u64, due);
        }
    }

    fn send(&self, k: u64, due: Instant) {
        let limits = &self.plan.spec().limits;
        let choice = self.plan.choice(k);
        let is_full = self.tally.in_flight() >= limits.in_flight_max;
        let flight = self.tally.enter(choice.kind, due);
        if is_full {
            flight.begun();
            return flight.end(Outcome::UnsentCap);
        }
        let pool = self.pools[self.plan.target_of(choice.kind)].clone();
        let plan = self.plan.clone();
        let deadline = limits.deadline;
        spawn_local(async move { fly(pool, request(plan.render_choice(k, choice)), flight, deadline).await });
    }

    async fn drain(&self, stop: &CancellationToken) {
        let stopped = async {
            stop.cancelled().await;
            sleep(STOPPED_DRAIN_MAX).await;
        };
        tokio::select! {
            () = self.tally.all_landed() => {}
            () = sleep(self.plan.spec().limits.drain_max) => {}
            () = stopped => {}
        }
    }
}

async fn publish(plan: Arc<Plan>, tally: Rc<Tally>, started: Instant, progress: watch::Sender<Progress>) {
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        progress.send_replace(look(&plan, &tally, Some(started)));
    }
}

fn look(plan: &Plan, tally: &Tally, started: Option<Instant>) -> Progress {
    let recent = tally.recent_percentiles(Instant::now());
    Progress {
        started,
        planned: plan.schedule().len() as u64,
        intended: tally.entered() as u64,
        in_flight: tally.in_flight() as u64,
        counts: tally.counts(),
        p50_now: recent.map(|(p50, _)| p50),
        p99_now: recent.map(|(_, p99)| p99),
        lag_p99: tally.lag_p99(),
    }
}
