//! One worker: each request of its slice at its time, whether or not earlier ones came back.
//!
//! One thread. The loop only enters requests and starts their tasks; it never waits for one. Whatever is open when the
//! drain ends is dropped with its task, and its guard accounts for it. In a closed loop users take the place of the
//! schedule: each starts a request when the one before was answered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use recorder::Outcome;
use tokio::runtime::LocalRuntime;
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::books::Started;
use crate::choices::Choice;
use crate::connect::Dialer;
use crate::deadlines::Deadlines;
use crate::flight::{Exchange, fly};
use crate::outlet::Outlet;
use crate::pacer::Pacer;
use crate::pool::{Connections, Pool};
use crate::progress::PROGRESS_EVERY;
use crate::ready::Ready;
use crate::slice::Slice;
use crate::tally::{Flight, Tally};
use crate::{Limits, Mode, Plan, REQUESTS_MAX};

/// How many requests may be started before those that were get a turn.
const BATCH_MAX: usize = 32;

/// How long pre-opening may hold up the start: a target that is down must not.
const PREOPEN_MAX: Duration = Duration::from_secs(2);

/// How long a worker waits for the others to be ready; one that crashed must not hold up the rest.
const READY_MAX: Duration = Duration::from_secs(4);

/// How long a run that was stopped still waits for answers, to end within a second.
const STOPPED_DRAIN_MAX: Duration = Duration::from_millis(500);

/// How long a user of a closed loop pauses after no connection could be opened, as people do.
const UNCONNECTED_PAUSE: Duration = Duration::from_millis(100);

/// What a worker is given.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) plan: Arc<Plan>,
    pub(crate) slice: Slice,
    pub(crate) stop: CancellationToken,
    pub(crate) started: Started,
    pub(crate) ready: Arc<Barrier>,
    pub(crate) outlet: Outlet,
}

impl Worker {
    /// Does its slice to the end or until stopped, and accounts for everything.
    pub(crate) fn run(self, runtime: LocalRuntime) {
        let Self { plan, slice, stop, started, ready, outlet } = self;
        let connections = Rc::new(RefCell::new(Connections::default()));
        let limits = slice.limits(&plan.spec().limits);
        let pool = |dialer: &Dialer| Pool::new(dialer.clone(), &limits, connections.clone());
        let pools: Vec<_> = plan.dialers().iter().map(pool).collect();
        let requests = Ready::new(plan.clone());
        let (tally, is_cut_off) = runtime.block_on(async {
            stop.run_until_cancelled(timeout(PREOPEN_MAX, preopen(&pools, &limits))).await;
            stop.run_until_cancelled(timeout(READY_MAX, ready.wait())).await;
            let (started, _) = *started.get_or_init(|| (Instant::now(), SystemTime::now()));
            stop.run_until_cancelled(sleep_until(started.into())).await;
            let tally = Tally::new(started, outlet);
            let deadlines = Deadlines::new(started, limits.deadline);
            spawn_local(deadlines.clone().keep());
            let is_over = Cell::new(false);
            let engine = Rc::new(Engine { plan, requests, slice, limits, tally, deadlines, pools, is_over });
            (engine.tally.clone(), engine.drive(started, &stop).await)
        });
        // Dropping the tasks ends whatever is still in flight, and closes every connection.
        drop(runtime);
        tally.hand_over();
        tally.done(connections.take(), is_cut_off);
    }
}

async fn preopen(pools: &[Rc<Pool>], limits: &Limits) {
    let openings: Vec<_> = pools.iter().flat_map(|pool| pool.preopen(limits.connections_preopened)).collect();
    for opening in openings {
        // A task that panicked opened nothing, and the counters say so.
        opening.await.ok();
    }
}

#[derive(Debug)]
struct Engine {
    plan: Arc<Plan>,
    requests: Ready,
    slice: Slice,
    limits: Limits,
    tally: Rc<Tally>,
    deadlines: Rc<Deadlines>,
    pools: Vec<Rc<Pool>>,
    /// Whether users of a closed loop start nothing more.
    is_over: Cell<bool>,
}

impl Engine {
    /// Whether it was cut off before its end.
    async fn drive(self: &Rc<Self>, started: Instant, stop: &CancellationToken) -> bool {
        spawn_local(hand_over_regularly(self.tally.clone()));
        let sent = match self.plan.spec().mode {
            Mode::Open => stop.run_until_cancelled(self.send_all(started)).await.is_some(),
            Mode::Closed { users } => {
                let all = self.let_users(self.slice.share(users));
                stop.run_until_cancelled(all).await == Some(true)
            }
        };
        self.is_over.set(true);
        self.drain(stop).await;
        self.pools.iter().for_each(|pool| pool.close());
        !sent
    }

    async fn send_all(self: &Rc<Self>, started: Instant) {
        let pacer = Pacer::start(self.plan.clone(), self.slice, started);
        let mut in_batch = 0;
        let Slice { index, of } = self.slice;
        for (k, intended_ns) in self.plan.schedule().offsets_ns().enumerate().skip(index).step_by(of) {
            self.tally.expect(intended_ns);
            let due = started + Duration::from_nanos(intended_ns);
            if due > Instant::now() {
                pacer.until(due).await;
                in_batch = 0;
            } else if in_batch == BATCH_MAX {
                yield_now().await;
                in_batch = 0;
            }
            in_batch += 1;
            self.send(k as u64, intended_ns);
        }
        self.tally.expect(u64::MAX);
    }

    fn send(self: &Rc<Self>, k: u64, intended_ns: u64) {
        let choice = self.requests.choice(k);
        let is_full = self.tally.in_flight() >= self.limits.in_flight_max;
        let mut flight = self.tally.enter(k as u32, choice.kind, intended_ns);
        if is_full {
            flight.begun();
            return flight.end(Outcome::UnsentCap);
        }
        let engine = self.clone();
        spawn_local(async move {
            flight.begun();
            engine.fly(k, choice, flight).await
        });
    }

    fn fly(&self, k: u64, choice: Choice, flight: Flight) -> impl Future<Output = Outcome> {
        let pool = &self.pools[self.plan.target_of(choice.kind)];
        let mapping = &self.plan.spec().mapping;
        let exchange = Exchange { pool, requests: &self.requests, k, choice, mapping };
        fly(exchange, flight, &self.deadlines)
    }

    /// Whether all users came to their end.
    async fn let_users(self: &Rc<Self>, users: usize) -> bool {
        let until = self.plan.spec().warm_up + self.plan.spec().duration;
        let until_ns = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        let users: Vec<JoinHandle<bool>> = (0..users)
            .map(|_| {
                let engine = self.clone();
                spawn_local(async move { engine.use_until(until_ns).await })
            })
            .collect();
        let mut complete = true;
        for user in users {
            complete &= user.await.unwrap_or(false);
        }
        complete
    }

    /// One user of a closed loop, whose next request is due when the one before ended. Whether they came to their end:
    /// they also stop at as many requests as a schedule may have.
    async fn use_until(&self, until_ns: u64) -> bool {
        let requests_max = self.slice.share(REQUESTS_MAX as usize) as u64;
        let mut due_ns = self.tally.now_ns();
        while !self.is_over.get() && self.tally.entered() < requests_max {
            if due_ns >= until_ns {
                return true;
            }
            let k = self.slice.k(self.tally.entered() as usize) as u64;
            let choice = self.requests.choice(k);
            let mut flight = self.tally.enter(k as u32, choice.kind, due_ns);
            flight.begun_in_time();
            let outcome = self.fly(k, choice, flight).await;
            due_ns = self.tally.landed_last_ns();
            if outcome == Outcome::ErrorConnect {
                sleep(UNCONNECTED_PAUSE).await;
                due_ns = self.tally.now_ns();
            }
        }
        false
    }

    async fn drain(&self, stop: &CancellationToken) {
        let stopped = async {
            stop.cancelled().await;
            sleep(STOPPED_DRAIN_MAX).await;
        };
        tokio::select! {
            () = self.tally.all_landed() => {}
            () = sleep(self.limits.drain_max) => {}
            () = stopped => {}
        }
    }
}

async fn hand_over_regularly(tally: Rc<Tally>) {
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tally.hand_over();
    }
}
