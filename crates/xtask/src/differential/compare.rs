//! One plan on two clusters, in step, until they disagree; and the search for the shortest plan that shows it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::join;

use super::clusters::Clusters;
use super::ground::Case;
use super::plan::Step;
use super::shrink::Shrink;

/// No step waits longer than the sum of its waits; this is for the one that was forgotten.
const STEP_MAX: Duration = Duration::from_secs(150);

/// How many shorter plans are tried.
const SHRINK_TRIES: usize = 60;

/// How long shorter plans are tried.
const SHRINK_TIME: Duration = Duration::from_secs(240);

/// How often a disagreement must be seen again to be believed.
const CONFIRMATIONS: u32 = 2;

/// The beginning of time of a plan, before now: no record is younger than the clusters, and none is from the future.
const ORIGIN: Duration = Duration::from_secs(3_600);

/// What was asked, and what both clusters said. Ends with the first disagreement.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) lines: Vec<Line>,
}

/// A step and the answers to it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) step: Step,
    pub(super) said: [String; 2],
}

impl Line {
    pub(super) fn differs(&self) -> bool {
        self.said[0] != self.said[1]
    }
}

impl Account {
    /// The disagreement, if there is one.
    pub(super) fn disagreement(&self) -> Option<&Line> {
        self.lines.last().filter(|line| line.differs())
    }

    fn steps(&self) -> Vec<Step> {
        self.lines.iter().map(|line| line.step.clone()).collect()
    }
}

/// Runs plans on two clusters, each under a name of its own.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    clusters: &'a Clusters,
    runs: u32,
}

/// What became of a disagreement.
#[derive(Debug)]
pub(super) enum Found {
    /// It came back; this is the shortest plan that is known to show it, and how many were tried.
    Steady(Account, usize),
    /// It did not come back.
    Unsteady,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(clusters: &'a Clusters) -> Self {
        Self { clusters, runs: 0 }
    }

    /// Runs a plan on both until they disagree.
    ///
    /// # Errors
    /// When a cluster cannot be used any more.
    pub(super) async fn run(&mut self, steps: &[Step]) -> anyhow::Result<Account> {
        self.runs += 1;
        let name = format!("d{}", self.runs);
        // Whole seconds, so that a record's time is told from the cluster's own.
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?.saturating_sub(ORIGIN);
        let origin_ms = i64::try_from(since.as_secs())? * 1_000;
        let [one, other] = &self.clusters.labs;
        let begin = |lab| Case::begin(lab, name.clone(), origin_ms);
        let (one, other) = join(begin(one.as_ref()), begin(other.as_ref())).await;
        let (mut one, mut other) = (one?, other?);
        let mut account = Account { lines: Vec::new() };
        for step in steps {
            let (left, right) = join(in_time(one.run(step)), in_time(other.run(step))).await;
            let line = Line { step: step.clone(), said: [left, right] };
            let differs = line.differs();
            account.lines.push(line);
            if differs {
                break;
            }
        }
        let (one, other) = join(one.end(), other.end()).await;
        one.and(other)?;
        Ok(account)
    }

    /// Sees whether a disagreement comes back, and makes the plan shorter while it does.
    ///
    /// # Errors
    /// As [`Comparison::run`].
    pub(super) async fn pursue(&mut self, first: &Account) -> anyhow::Result<Found> {
        let Some(kind) = first.disagreement().map(|line| line.step.kind()) else {
            return Ok(Found::Unsteady);
        };
        let mut smallest = first.clone();
        for _ in 0..CONFIRMATIONS {
            match self.shows(&first.steps(), kind).await? {
                Some(account) => smallest = account,
                None => return Ok(Found::Unsteady),
            }
        }
        let began = Instant::now();
        let mut shrink = Shrink::new(smallest.steps(), SHRINK_TRIES);
        let mut tried = 0;
        while let Some(candidate) = shrink.candidate().filter(|_| began.elapsed() < SHRINK_TIME) {
            let account = self.shows(&candidate, kind).await?;
            tried += 1;
            shrink.tell(account.is_some());
            smallest = account.unwrap_or(smallest);
        }
        Ok(Found::Steady(smallest, tried))
    }

    /// The account of a run that disagrees over a step of this kind.
    async fn shows(&mut self, steps: &[Step], kind: &str) -> anyhow::Result<Option<Account>> {
        let account = self.run(steps).await?;
        let same = account.disagreement().is_some_and(|line| line.step.kind() == kind);
        Ok(same.then_some(account))
    }
}

async fn in_time(step: impl Future<Output = String>) -> String {
    tokio::time::timeout(STEP_MAX, step).await.unwrap_or_else(|_| "does not end".to_owned())
}
