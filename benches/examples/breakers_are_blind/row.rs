//! One row: the calls begin, a second passes, and what is known by then is printed.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// Calls that are begun at the same time.
pub(crate) const CALLS: usize = 200;

/// How long a timeout waits, where there is one.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// When the state is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What was seen of a breaker.
pub(crate) struct Row {
    pub(crate) who: &'static str,
    pub(crate) tripped: Option<Duration>,
    /// Calls that the breaker took into account.
    pub(crate) recorded: usize,
    /// Calls that ended, because a timeout cut them off.
    pub(crate) cut_off: usize,
}

impl Row {
    pub(crate) const HEAD: &'static str = "\
        | breaker | after 1 s | calls it knows of | tripped | calls cut off |\n\
        |---|---|---|---|---|";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, recorded, cut_off, .. } = self;
        let state = if self.tripped.is_some() { "open" } else { "closed" };
        let tripped = match self.tripped {
            Some(after) => format!("after {} ms", after.as_millis()),
            None => "**never**".to_owned(),
        };
        write!(f, "| {who} | {state} | {recorded} | {tripped} | {cut_off} |")
    }
}

/// A counter that both ends hold.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Never answers.
pub(crate) async fn hang() -> Result<(), std::io::Error> {
    std::future::pending().await
}

/// Begins the calls and asks every millisecond whether the breaker is open: when it was, and how many calls ended.
pub(crate) async fn watch<F>(
    mut call: impl FnMut() -> F,
    mut open: impl FnMut() -> bool,
) -> (Option<Duration>, usize)
where
    F: Future<Output = ()> + Send + 'static,
{
    let began = Instant::now();
    let mut calls: JoinSet<()> = (0..CALLS).map(|_| call()).collect();
    let (mut tripped, mut ended) = (None, 0);
    while began.elapsed() < LOOK {
        tokio::time::sleep(Duration::from_millis(1)).await;
        while calls.try_join_next().is_some() {
            ended += 1;
        }
        if tripped.is_none() && open() {
            tripped = Some(began.elapsed());
        }
    }
    (tripped, ended)
}
