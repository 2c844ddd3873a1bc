//! Plans: seeded sequences of client calls and faults.
//!
//! Invariants: pure; the same seed and length give the same plan on any machine; any subsequence of a plan is a plan
//! (the shrinker leaves steps out), so no step relies on an earlier one having been run.

mod draw;
mod step;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) use step::*;

use draw::Draw;

/// One plan in so many breaks something; the waits until the cluster has settled make it ten times as long.
const FAULTS_IN: u32 = 3;

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// The plan of this seed, so many steps long.
    pub(crate) fn of(seed: u64, steps: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let faulty = rng.random_ratio(1, FAULTS_IN);
        let mut draw = Draw::new(rng, faulty);
        // Most plans begin with something to work on; a step that is drawn later may make or delete it all the same.
        let mut planned: Vec<Step> = draw.beginning();
        planned.truncate(steps);
        while planned.len() < steps {
            planned.push(draw.step());
        }
        Self { seed, steps: planned }
    }

    /// The seed of the n-th case of a run.
    pub(crate) fn seed_of(run: u64, case: u64) -> u64 {
        // The odd constant of splitmix64 keeps cases of neighbouring runs apart.
        run.wrapping_add(case.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        assert_eq!(Plan::of(7, 60), Plan::of(7, 60));
        assert_ne!(Plan::of(7, 60).steps, Plan::of(8, 60).steps);
    }

    #[test]
    fn a_shorter_plan_is_the_beginning_of_a_longer_one() {
        let (short, long) = (Plan::of(3, 20), Plan::of(3, 50));
        assert_eq!(short.steps[..], long.steps[..20]);
    }

    #[test]
    fn every_kind_of_step_is_drawn() {
        let kinds: BTreeSet<_> =
            (0..60).flat_map(|seed| Plan::of(seed, 40).steps).map(|step| step.kind()).collect();
        let all = [
            "create",
            "delete",
            "grow",
            "produce",
            "fetch",
            "list-offsets",
            "delete-records",
            "epoch-end",
            "init-producer",
            "join",
            "sync",
            "heartbeat",
            "leave",
            "commit",
            "committed",
            "describe-group",
            "find-coordinator",
            "metadata",
            "configs",
            "fault",
        ];
        assert_eq!(kinds, BTreeSet::from(all));
    }

    #[test]
    fn most_plans_break_nothing() {
        let faulty = |seed: &u64| Plan::of(*seed, 40).steps.iter().any(|step| matches!(step, Step::Fault(_)));
        let count = (0..300).filter(faulty).count();
        assert!((50..150).contains(&count), "{count} of 300 plans break something");
    }
}
