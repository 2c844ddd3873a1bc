//! Which part of a run a worker does.
//!
//! Invariant: the slices of a run are disjoint and together all of it, requests and bounds alike.

use crate::Limits;

/// Part `index` of `of`: the requests whose number leaves that remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) index: usize,
    pub(crate) of: usize,
}

impl Slice {
    /// The number in the schedule of this slice's request `i`.
    pub(crate) fn k(self, i: usize) -> usize {
        self.index + i * self.of
    }

    /// How many of `total` fall to this slice.
    pub(crate) fn share(self, total: usize) -> usize {
        total / self.of + usize::from(self.index < total % self.of)
    }

    /// This slice's part of the bounds that are counts; times are the same for all.
    pub(crate) fn limits(self, of: &Limits) -> Limits {
        Limits {
            in_flight_max: self.share(of.in_flight_max),
            connections_max: self.share(of.connections_max),
            connections_preopened: self.share(of.connections_preopened),
            connections_per_s_max: (of.connections_per_s_max / self.of as u32).max(1),
            ..*of
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn slices_are_disjoint_and_all_of_it(total in 0_usize..200, of in 1_usize..9) {
            let mut seen = vec![0; total];
            for slice in (0..of).map(|index| Slice { index, of }) {
                (0..slice.share(total)).for_each(|i| seen[slice.k(i)] += 1);
            }
            prop_assert!(seen.iter().all(|times| *times == 1));
        }
    }
}
