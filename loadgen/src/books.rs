//! The books of a run: what all workers hand over, put in the order in which it ended.
//!
//! A thread of its own, so that no histogram costs a worker time. The bound: what is held back until every worker has
//! come as far, at most what ends between two chunks of the slowest.

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use recorder::{Latencies, Outcome};
use tokio::sync::watch;

use crate::landed::{Landed, from_us};
use crate::outlet::{Chunk, Done, News, Post, Spares};
use crate::slice::Slice;
use crate::{ClockOffset, Connections, Ended, Machine, Mode, Plan, Progress, Sink};

/// How many response times the live percentiles look back on, and how far.
const RECENT_MAX: usize = 1024;
const RECENT_WINDOW: Duration = Duration::from_secs(1);

/// The beginning of a schedule, which all workers agree on.
pub(crate) type Started = Arc<OnceLock<(Instant, SystemTime)>>;

/// How far a worker is.
#[derive(Debug, Clone, Copy, Default)]
struct Source {
    entered: u64,
    in_flight: u64,
    seen_until_ns: u64,
    ended_before_ns: u64,
    /// How many of its requests ended.
    landed: u64,
    is_done: bool,
}

/// A machine that joined.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    pub(crate) name: String,
    pub(crate) clock: ClockOffset,
}

/// The books, while they are written.
pub(crate) struct Books<S> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) sink: S,
    pub(crate) started: Started,
    pub(crate) spares: Spares,
    pub(crate) progress: watch::Sender<Progress>,
    state: State,
}

/// What was written so far.
#[derive(Default)]
struct State {
    /// One for each slice.
    sources: Vec<Source>,
    /// With as many slices each; none where the workers are threads of this process.
    machines: Vec<Machine>,
    /// Ended, and later than some worker has come.
    held_back: Vec<Landed>,
    counts: [u64; Outcome::COUNT],
    lag: Latencies,
    connections: Connections,
    is_partial: bool,
    closed_before_ns: u64,
    /// When it ended, and its response time.
    recent: VecDeque<(u64, u32)>,
}

impl<S: Sink> Books<S> {
    pub(crate) fn new(
        plan: Arc<Plan>,
        sink: S,
        started: Started,
        (machines, spares): (Vec<Joined>, Spares),
        progress: watch::Sender<Progress>,
    ) -> Self {
        let machine = |Joined { name, clock }| Machine {
            name,
            clock,
            moved_ns: None,
            intended: 0,
            accounted: 0,
            lost: None,
        };
        let sources = vec![Source::default(); plan.spec().workers];
        let machines = machines.into_iter().map(machine).collect();
        let state = State { sources, machines, ..State::default() };
        Self { plan, sink, started, spares, progress, state }
    }

    /// Writes until every worker is done; `None` if one of them crashed.
    pub(crate) fn write(mut self, inbox: &Receiver<Post>) -> Option<(Ended, S)> {
        let mut has_begun = false;
        while self.state.sources.iter().any(|source| !source.is_done) {
            let Post { source, news } = inbox.recv().ok()?;
            if !has_begun {
                has_begun = true;
                self.sink.started(self.started.get()?.1);
            }
            match news {
                News::Chunk(chunk) => self.chunk(source, chunk),
                News::Done(done) => self.done(source, *done),
                News::Moved(ns) => self.machine(source, |machine| machine.moved_ns = Some(ns)),
                News::Lost(why) => {
                    self.state.sources[source].end();
                    self.machine(source, |machine| machine.lost = Some(why));
                }
            }
            self.go_on();
        }
        let (started, started_at) = *self.started.get()?;
        let plan = self.plan;
        let machines = self.state.machines(&plan);
        let State { sources, counts, lag, connections, is_partial, .. } = self.state;
        let entered = sources.iter().map(|source| source.entered).sum();
        let ended =
            Ended { plan, lag, connections, started, started_at, is_partial, counts, entered, machines };
        Some((ended, self.sink))
    }

    fn chunk(&mut self, source: usize, chunk: Chunk) {
        let Chunk { landed, entered, in_flight, seen_until_ns, ended_before_ns } = chunk;
        self.state.held_back.extend_from_slice(&landed);
        let source = &mut self.state.sources[source];
        let all = source.landed + landed.len() as u64;
        *source = Source { entered, in_flight, seen_until_ns, ended_before_ns, landed: all, is_done: false };
        self.spares.give_back(landed);
    }

    fn done(&mut self, source: usize, done: Done) {
        let Done { connections, is_cut_off } = done;
        self.state.connections.merge(&connections);
        self.state.is_partial |= is_cut_off;
        self.state.sources[source].end();
    }

    /// The machine of a slice.
    fn machine(&mut self, source: usize, change: impl FnOnce(&mut Machine)) {
        let slices = self.state.sources.len() / self.state.machines.len().max(1);
        if let Some(machine) = self.state.machines.get_mut(source / slices) {
            change(machine);
        }
    }

    /// Writes down what no worker can come before any more, closes what can be closed, and shows it.
    fn go_on(&mut self) {
        let least = |of: fn(&Source) -> u64| self.state.sources.iter().map(of).min().unwrap_or(u64::MAX);
        let (horizon, ended_before) = (least(|it| it.seen_until_ns), least(|it| it.ended_before_ns));
        let mut landed = std::mem::take(&mut self.state.held_back);
        landed.sort_by_key(|it| (it.seen_ns(), it.k));
        let ready = landed.partition_point(|it| it.seen_ns() <= horizon);
        landed.drain(..ready).for_each(|landed| self.write_down(&landed));
        self.state.held_back = landed;
        let held_back = self.state.held_back.iter().map(|it| it.intended_ns).min().unwrap_or(u64::MAX);
        let closed_before = ended_before.min(held_back);
        if closed_before > self.state.closed_before_ns {
            self.state.closed_before_ns = closed_before;
            self.sink.closed_before(match closed_before {
                u64::MAX => Duration::MAX,
                ns => Duration::from_nanos(ns),
            });
        }
        let seen = self.state.progress(&self.plan, &self.started, horizon);
        self.progress.send_replace(seen);
    }

    fn write_down(&mut self, landed: &Landed) {
        let state = &mut self.state;
        state.counts[landed.outcome.index()] += 1;
        state.lag.record(from_us(landed.lag_us));
        if landed.outcome.was_sent() {
            state.remember(landed);
        }
        self.sink.seen(&landed.observation(self.plan.label_of(landed.kind)));
    }
}

impl Source {
    /// Nothing more will come of it.
    fn end(&mut self) {
        (self.in_flight, self.seen_until_ns, self.ended_before_ns) = (0, u64::MAX, u64::MAX);
        self.is_done = true;
    }
}

impl State {
    /// The account of each machine.
    fn machines(&mut self, plan: &Plan) -> Vec<Machine> {
        let of = self.sources.len();
        let is_whole = plan.spec().mode == Mode::Open && !self.is_partial;
        let intended = |index, source: &Source| match is_whole {
            true => Slice { index, of }.share(plan.schedule().len()) as u64,
            false => source.entered,
        };
        let mut machines = std::mem::take(&mut self.machines);
        let slices = of / machines.len().max(1);
        for (index, source) in self.sources.iter().enumerate() {
            if let Some(machine) = machines.get_mut(index / slices) {
                machine.intended += intended(index, source);
                machine.accounted += source.landed;
            }
        }
        machines
    }

    fn remember(&mut self, landed: &Landed) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((landed.seen_ns(), landed.response_us));
    }

    fn progress(&self, plan: &Plan, started: &Started, now_ns: u64) -> Progress {
        let window_ns = RECENT_WINDOW.as_nanos() as u64;
        let is_recent = |seen_ns: u64| seen_ns >= now_ns.saturating_sub(window_ns);
        let recent = self.recent.iter().filter(|(seen_ns, _)| is_recent(*seen_ns));
        let mut recent_us: Vec<u32> = recent.map(|(_, us)| *us).collect();
        recent_us.sort_unstable();
        let sum = |of: fn(&Source) -> u64| self.sources.iter().map(of).sum();
        Progress {
            started: started.get().map(|(started, _)| *started),
            planned: plan.schedule().len() as u64,
            intended: sum(|it| it.entered),
            in_flight: sum(|it| it.in_flight),
            counts: self.counts,
            p50_now: ranked(&recent_us, 0.5),
            p99_now: ranked(&recent_us, 0.99),
            lag_p99: self.lag.quantile(0.99),
        }
    }
}

/// The value that a share of the sorted ones stays within; `None` of nothing.
fn ranked(sorted_us: &[u32], share: f64) -> Option<Duration> {
    let rank = ((sorted_us.len() as f64 * share).ceil() as usize).max(1);
    sorted_us.get(rank - 1).map(|us| from_us(*us))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::classify::Executed;
    use crate::landed::UNSENT;
    use crate::outlet;
    use crate::{Arrivals, Choices, Limits, Mapping, Mode, Observation, PlanSpec, RequestSpec, Target};

    /// A metronome of a thousand a second, for 50 ms.
    pub(crate) fn plan(workers: usize) -> Arc<Plan> {
        let address = ([127, 0, 0, 1], 1).into();
        let target = Target { name: "none".to_owned(), address, wire: Default::default() };
        let request = RequestSpec {
            label: "none".to_owned(),
            weight: 1,
            method: http::Method::GET,
            target: "none".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            body: None,
        };
        let spec = PlanSpec {
            seed: 1,
            run: "test".to_owned(),
            arrivals: Arrivals::Constant,
            rate_per_s: 1000.0,
            duration: Duration::from_millis(50),
            warm_up: Duration::ZERO,
            mode: Mode::Open,
            workers,
            targets: vec![target],
            requests: vec![request],
            choices: Choices::default(),
            mapping: Mapping::default(),
            limits: Limits::default(),
        };
        Arc::new(Plan::new(spec).expect("the plan is valid"))
    }

    /// Notes what it is told.
    #[derive(Debug, Default)]
    struct Notes {
        seen: Vec<(Duration, Duration, u64)>,
        closed_before: Duration,
    }

    impl Sink for Notes {
        fn seen(&mut self, it: &Observation<'_>) {
            assert!(it.intended >= self.closed_before, "{it:?} is of a time that is closed");
            self.seen.push((it.seen(), it.intended, it.k));
        }

        fn closed_before(&mut self, at: Duration) {
            assert!(at > self.closed_before);
            self.closed_before = at;
        }
    }

    fn landed(k: u32, intended_ms: u64, response_ms: u32) -> Landed {
        Landed {
            intended_ns: intended_ms * 1_000_000,
            k,
            response_us: response_ms * 1_000,
            service_us: UNSENT,
            lag_us: k,
            status: 200,
            kind: 0,
            outcome: Outcome::Ok,
            executed: Executed::NotSaid,
        }
    }

    /// What one worker hands over: each time with how many that ended since, at the most.
    fn chunks(mut all: Vec<Landed>, lens: &[usize]) -> Vec<Chunk> {
        all.sort_by_key(Landed::seen_ns);
        let mut chunks = Vec::new();
        for len in lens {
            let rest = all.split_off((*len).min(all.len()));
            let before = rest.iter().map(|it| it.intended_ns).min().unwrap_or(u64::MAX);
            let until = rest.first().map_or(u64::MAX, |it| it.seen_ns() - 1);
            chunks.push(Chunk {
                entered: all.len() as u64,
                landed: std::mem::replace(&mut all, rest),
                in_flight: 0,
                seen_until_ns: until,
                ended_before_ns: before,
            });
        }
        chunks
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_the_workers_hand_over_is_written_once_in_the_order_of_its_end(
            times in vec(vec((0_u64..3_000, 0_u32..2_000), 0..40), 1..4),
            lens in vec(0_usize..15, 4..8),
        ) {
            let mut lens = lens;
            lens.push(1_000);
            let (outlets, spares, inbox) = outlet::outlets(times.len());
            let mut k = 0;
            let mut truth = Vec::new();
            let mut all = Vec::new();
            for of_worker in &times {
                let of_worker: Vec<Landed> = of_worker.iter().map(|(intended_ms, response_ms)| {
                    k += 1;
                    landed(k, *intended_ms, *response_ms)
                }).collect();
                truth.extend(of_worker.iter().map(|it| (it.seen_ns(), it.k)));
                all.push(chunks(of_worker, &lens).into_iter());
            }
            // Taking turns; one after the other would hold back as much as there is.
            for _ in &lens {
                for (outlet, chunks) in outlets.iter().zip(&mut all) {
                    chunks.next().into_iter().for_each(|chunk| outlet.hand_over(chunk));
                }
            }
            outlets.iter().for_each(|outlet| outlet.done(Connections::default(), false));
            let started = Arc::new(OnceLock::from((Instant::now(), SystemTime::now())));
            let (progress, _seen) = watch::channel(Progress::default());
            let none = (Vec::new(), spares);
            let books = Books::new(plan(times.len()), Notes::default(), started, none, progress);
            let (ended, notes) = books.write(&inbox).expect("nobody crashed");
            truth.sort_unstable();
            let seen: Vec<(u64, u32)> =
                notes.seen.iter().map(|(seen, _, k)| (seen.as_nanos() as u64, *k as u32)).collect();
            prop_assert_eq!(seen, truth);
            prop_assert_eq!(notes.closed_before, Duration::MAX);
            prop_assert_eq!((ended.count(Outcome::Ok), ended.lag().count()), (u64::from(k), u64::from(k)));
        }
    }

    #[test]
    fn a_worker_that_crashed_leaves_no_result() {
        let (outlets, spares, inbox) = outlet::outlets(2);
        outlets[0].done(Connections::default(), false);
        drop(outlets);
        let started = Arc::new(OnceLock::from((Instant::now(), SystemTime::now())));
        let (progress, _seen) = watch::channel(Progress::default());
        let books = Books::new(plan(2), Notes::default(), started, (Vec::new(), spares), progress);
        assert!(books.write(&inbox).is_none());
    }

    #[test]
    fn the_live_view_forgets_what_is_older_than_a_second() {
        let mut state = State::default();
        (0..2 * RECENT_MAX as u32).for_each(|k| state.remember(&landed(k, 0, 5)));
        assert_eq!(state.recent.len(), RECENT_MAX);
        let started = Arc::new(OnceLock::new());
        let now = |ms: u64| state.progress(&plan(1), &started, ms * 1_000_000);
        assert_eq!(now(1_005).p99_now, Some(Duration::from_millis(5)));
        assert_eq!((now(1_006).p50_now, now(1_006).p99_now), (None, None));
    }
}
