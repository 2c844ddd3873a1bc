//! The randomized differential test: the same seeded sequence of client calls and faults on the embedded cluster and on
//! Apache Kafka, and a disagreement shrunk to the steps that it needs.
//!
//! # Layout
//! - `plan`: sequences of steps, from a seed.
//! - `ground`: a plan on a cluster; `normal`: what it says, without ids and times.
//! - `compare`: one plan on both, in step; `shrink`: fewer steps that show the same.
//! - `clusters`: what is compared with what.
//!
//! Where no Apache Kafka is asked for, or none is there, two embedded clusters with different seeds are compared: a check
//! of this test itself, in which every disagreement is something random that was not normalised.

mod clusters;
mod compare;
mod ground;
mod normal;
mod plan;
mod report;
mod shrink;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lab::Backend;
use lab::apache::Kafka;

use clusters::Clusters;
use compare::{Comparison, Found};
use plan::Plan;

/// So many different disagreements end a run: the next ones would tell little more.
const DISAGREEMENTS_MAX: usize = 12;

/// What to run.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where the plans come from; the first case has this very seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many plans.
    #[arg(long, default_value_t = 20)]
    pub cases: u64,
    /// How many steps each.
    #[arg(long, default_value_t = 40)]
    pub steps: usize,
    /// What the embedded cluster is held against: apache, or embedded with another seed.
    #[arg(long, default_value_t = Backend::Embedded)]
    pub against: Backend,
    /// No plan is begun later than this, in minutes.
    #[arg(long, default_value_t = 20)]
    pub minutes: u64,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No disagreement that comes back.
    Agree,
    /// At least one.
    Disagree,
}

/// Runs the test and prints what comes of it.
///
/// # Errors
/// When a cluster does not start, or does not heal.
pub async fn run(args: Args) -> anyhow::Result<Outcome> {
    let against = held_against(args.against);
    let clusters = Clusters::start(args.seed, against).await?;
    let outcome = compared(&args, &clusters).await;
    clusters.stop().await;
    outcome
}

/// What can be compared here.
fn held_against(wanted: Backend) -> Backend {
    let missing = match wanted {
        Backend::Apache => Kafka::find().err().map(|missing| missing.to_string()),
        Backend::Embedded => Some("not asked for (--against apache)".to_owned()),
    };
    let Some(missing) = missing else { return Backend::Apache };
    report::say(&format!("APACHE KAFKA IS NOT COMPARED: {missing}"));
    report::say("two embedded clusters with different seeds are: a check of the test itself");
    Backend::Embedded
}

async fn compared(args: &Args, clusters: &Clusters) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let mut comparison = Comparison::new(clusters);
    let mut known = BTreeSet::new();
    let mut count = report::Count::default();
    for case in 0..args.cases {
        if began.elapsed() > Duration::from_secs(args.minutes * 60) || known.len() >= DISAGREEMENTS_MAX {
            break;
        }
        let plan = Plan::of(Plan::seed_of(args.seed, case), args.steps);
        let started = Instant::now();
        let account = comparison.run(&plan.steps).await?;
        count.cases += 1;
        count.steps += account.lines.len();
        let Some(line) = account.disagreement() else {
            report::agreed(&plan, started.elapsed());
            continue;
        };
        if !known.insert(report::signature(line)) {
            count.again += 1;
            report::say(&format!("seed {}: disagrees as an earlier one ({})", plan.seed, line.step.kind()));
            continue;
        }
        report::say(&format!("seed {}: {} disagrees; again, and shorter", plan.seed, line.step.kind()));
        match comparison.pursue(&account).await? {
            Found::Steady(smallest, tried) => {
                count.steady += 1;
                report::disagreement(&plan, &account, &smallest, tried, clusters);
            }
            Found::Unsteady => {
                count.unsteady += 1;
                known.remove(&report::signature(line));
                report::unsteady(&plan, line, clusters.titles);
            }
        }
    }
    report::say(&count.to_string());
    Ok(if count.steady == 0 { Outcome::Agree } else { Outcome::Disagree })
}

#[cfg(test)]
mod tests {
    use cluster::Spec;

    use super::*;

    #[tokio::test]
    async fn two_embedded_clusters_with_different_seeds_say_the_same() {
        let clusters = Clusters::embedded(clusters::spec(1), clusters::spec(2)).unwrap();
        let mut comparison = Comparison::new(&clusters);
        for seed in 0..6 {
            let account = comparison.run(&Plan::of(seed, 25).steps).await.unwrap();
            assert!(account.disagreement().is_none(), "seed {seed}: {:#?}", account.disagreement());
        }
        clusters.stop().await;
    }

    #[tokio::test]
    async fn a_cluster_that_differs_is_found_and_the_plan_is_shrunk_to_what_shows_it() {
        // The other one has room for the offsets topic and for one more partition.
        let cramped = Spec { partitions_max: 7, ..clusters::spec(2) };
        let clusters = Clusters::embedded(clusters::spec(1), cramped).unwrap();
        let mut comparison = Comparison::new(&clusters);
        let account = comparison.run(&Plan::of(2, 25).steps).await.unwrap();
        let line = account.disagreement().expect("one of them refuses a topic");
        assert!(line.said[1].starts_with("PolicyViolation"), "{line:#?}");
        let Found::Steady(smallest, _) = comparison.pursue(&account).await.unwrap() else {
            panic!("a cluster does not find room by itself");
        };
        assert_eq!(smallest.lines.len(), 1, "{smallest:#?}");
        clusters.stop().await;
    }
}
