//! What is printed.

use std::fmt;
use std::time::Duration;

use super::clusters::Clusters;
use super::compare::{Account, Line};
use super::plan::Plan;

/// What a run came to.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) cases: usize,
    pub(super) steps: usize,
    /// Disagreements that came back, each counted once.
    pub(super) steady: usize,
    /// Cases that ended with a disagreement that had been seen before.
    pub(super) again: usize,
    /// Disagreements that did not come back.
    pub(super) unsteady: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, steps, steady, again, unsteady } = self;
        write!(
            f,
            "{cases} cases, {steps} steps: {steady} disagreements ({again} cases met one of them again), \
             {unsteady} that did not come back"
        )
    }
}

pub(super) fn say(line: &str) {
    println!("{line}");
}

pub(super) fn agreed(plan: &Plan, took: Duration) {
    say(&format!("seed {}: {} steps agree ({:.1} s)", plan.seed, plan.steps.len(), took.as_secs_f64()));
}

/// Two disagreements with the same signature are one: offsets and counts do not matter, words do.
pub(super) fn signature(line: &Line) -> String {
    let words = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    format!("{} {} | {}", line.step.kind(), words(&line.said[0]), words(&line.said[1]))
}

pub(super) fn disagreement(
    plan: &Plan,
    first: &Account,
    smallest: &Account,
    tried: usize,
    clusters: &Clusters,
) {
    say(&format!(
        "\nDISAGREEMENT (seed {}): {} steps of {}, after {tried} shorter plans; see it again with\n  \
         cargo run -p xtask -- differential --against {} --cases 1 --seed {} --steps {}",
        plan.seed,
        smallest.lines.len(),
        first.lines.len(),
        clusters.labs[1].backend(),
        plan.seed,
        first.lines.len(),
    ));
    for (at, line) in smallest.lines.iter().enumerate() {
        say(&format!("{:>3} {}", at + 1, line.step));
        if line.differs() {
            say(&both(line, clusters.titles));
        } else {
            say(&format!("      both: {}", line.said[0]));
        }
    }
    say("");
}

pub(super) fn unsteady(plan: &Plan, line: &Line, titles: [&str; 2]) {
    say(&format!("seed {}: did not come back: {}\n{}", plan.seed, line.step, both(line, titles)));
}

fn both(line: &Line, titles: [&str; 2]) -> String {
    format!("      {}: {}\n      {}: {}", titles[0], line.said[0], titles[1], line.said[1])
}
