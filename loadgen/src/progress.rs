//! What a run shows while it runs, five times a second.
//!
//! Workers post their looks on a board, which publishes what they come to together. Percentiles are taken of what all
//! workers saw; they are never averaged.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use recorder::{Latencies, Outcome};
use tokio::sync::watch;

/// How often progress is published.
pub(crate) const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A look at a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// When the schedule began; `None` while connections are still being opened. A fault at `started + 4 s` is a fault
    /// at offset 4 s.
    pub started: Option<Instant>,
    /// How many requests the whole schedule intends; 0 in a closed loop, which has none.
    pub planned: u64,
    /// How many of them had their time.
    pub intended: u64,
    /// How many are open.
    pub in_flight: u64,
    /// How many ended, by [`Outcome::index`].
    pub counts: [u64; Outcome::COUNT],
    /// The median response time of what came back during the last second, of any outcome.
    pub p50_now: Option<Duration>,
    /// Its 99th percentile.
    pub p99_now: Option<Duration>,
    /// The generator's own lateness at p99 so far.
    pub lag_p99: Duration,
}

impl Progress {
    /// How many requests ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.counts[outcome.index()]
    }
}

/// What one worker sees.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    pub(crate) entered: u64,
    pub(crate) in_flight: u64,
    pub(crate) counts: [u64; Outcome::COUNT],
    /// The response times of the last second.
    pub(crate) recent_us: Vec<u32>,
    pub(crate) lag: Latencies,
}

/// Where the workers of a run post what they see, and agree on its start.
#[derive(Debug)]
pub(crate) struct Board {
    planned: u64,
    state: Mutex<State>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug)]
struct State {
    started: Option<(Instant, SystemTime)>,
    looks: Vec<Look>,
}

impl Board {
    pub(crate) fn new(planned: u64, workers: usize) -> (Self, watch::Receiver<Progress>) {
        let (progress, seen) = watch::channel(Progress { planned, ..Progress::default() });
        let state = Mutex::new(State { started: None, looks: vec![Look::default(); workers] });
        (Self { planned, state, progress }, seen)
    }

    /// The start of the schedule: now for the first worker that asks, and for all others the same.
    pub(crate) fn start(&self) -> (Instant, SystemTime) {
        let mut state = self.locked();
        let started = *state.started.get_or_insert_with(|| (Instant::now(), SystemTime::now()));
        drop(state);
        started
    }

    /// Replaces what `worker` saw, and publishes.
    pub(crate) fn post(&self, worker: usize, look: Look) {
        let mut state = self.locked();
        state.looks[worker] = look;
        let progress = together(&state.looks);
        let started = state.started.map(|(started, _)| started);
        // Under the lock, so that an older view never replaces a newer one.
        self.progress.send_replace(Progress { started, planned: self.planned, ..progress });
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        // Each write is a whole; one that panicked around it left nothing half done.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn together(looks: &[Look]) -> Progress {
    let mut all = Progress::default();
    let mut lag = Latencies::new();
    let mut recent_us = Vec::new();
    for look in looks {
        all.intended += look.entered;
        all.in_flight += look.in_flight;
        all.counts.iter_mut().zip(look.counts).for_each(|(sum, count)| *sum += count);
        recent_us.extend_from_slice(&look.recent_us);
        lag.merge(&look.lag);
    }
    recent_us.sort_unstable();
    all.p50_now = ranked(&recent_us, 0.5);
    all.p99_now = ranked(&recent_us, 0.99);
    all.lag_p99 = lag.quantile(0.99);
    all
}

/// The value that a share of the sorted ones stays within; `None` of nothing.
fn ranked(sorted_us: &[u32], share: f64) -> Option<Duration> {
    let rank = ((sorted_us.len() as f64 * share).ceil() as usize).max(1);
    sorted_us.get(rank - 1).map(|us| Duration::from_micros(u64::from(*us)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_workers_saw_is_merged_and_not_averaged() {
        let (board, seen) = Board::new(7, 2);
        let look = |recent_us: Vec<u32>| Look { entered: 2, in_flight: 1, recent_us, ..Look::default() };
        board.post(0, look(vec![10; 99]));
        board.post(1, look(vec![9_000]));
        let told = *seen.borrow();
        assert_eq!((told.planned, told.intended, told.in_flight), (7, 4, 2));
        assert_eq!(told.p50_now, Some(Duration::from_micros(10)));
        assert_eq!(told.p99_now, Some(Duration::from_micros(10)));
        assert_eq!(told.started, None);
        assert_eq!(board.start(), board.start());
    }

    #[test]
    fn nothing_that_came_back_has_no_percentiles() {
        let (board, seen) = Board::new(0, 1);
        board.post(0, Look::default());
        assert_eq!((seen.borrow().p50_now, seen.borrow().p99_now), (None, None));
    }
}
