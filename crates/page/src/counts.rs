//! How many requests took how long, by value: what an interval log holds of an interval, and what merges.
//!
//! Invariants: values rise, none comes twice, no count is 0. Percentiles are of merged counts and never averaged.

/// Microseconds and how many requests took so long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    values: Vec<(u64, u64)>,
}

impl Counts {
    /// From a log, whose values rise.
    pub(crate) fn of(values: Vec<(u64, u64)>) -> Self {
        Self { values }
    }

    pub(crate) fn values(&self) -> &[(u64, u64)] {
        &self.values
    }

    pub(crate) fn total(&self) -> u64 {
        self.values.iter().map(|(_, count)| count).sum()
    }

    /// How many took longer than `us`.
    pub(crate) fn above(&self, us: u64) -> u64 {
        let first = self.values.partition_point(|(value, _)| *value <= us);
        self.values[first..].iter().map(|(_, count)| count).sum()
    }

    /// Microseconds that a share `quantile` (0 to 1) stayed within; `None` of none.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<u64> {
        let rank = ((quantile * self.total() as f64).ceil() as u64).max(1);
        let mut passed = 0;
        let found = self.values.iter().find(|(_, count)| {
            passed += count;
            passed >= rank
        });
        found.or(self.values.last()).map(|(us, _)| *us)
    }

    /// The same in milliseconds.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        self.quantile(quantile).map(|us| us as f64 / 1e3)
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let mut merged = Vec::with_capacity(self.values.len() + other.values.len());
        let (mut mine, mut theirs) = (self.values.iter().peekable(), other.values.iter().peekable());
        while let Some((us, count)) = match (mine.peek(), theirs.peek()) {
            (Some(a), Some(b)) if a.0 == b.0 => {
                let both = (a.0, a.1 + b.1);
                (mine.next(), theirs.next()).0.map(|_| both)
            }
            (Some(a), Some(b)) if a.0 > b.0 => theirs.next().copied(),
            (Some(_), _) => mine.next().copied(),
            (None, _) => theirs.next().copied(),
        } {
            merged.push((us, count));
        }
        self.values = merged;
    }

    /// All of `many` together.
    pub(crate) fn merged<'a>(many: impl IntoIterator<Item = &'a Self>) -> Self {
        many.into_iter().fold(Self::default(), |mut all, one| {
            all.merge(one);
            all
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn counts(values: &[u64]) -> Counts {
        let mut all = Counts::default();
        values.iter().for_each(|us| all.merge(&Counts::of(vec![(*us, 1)])));
        all
    }

    #[test]
    fn none_have_no_percentile() {
        assert_eq!((Counts::default().quantile(0.5), Counts::default().total()), (None, 0));
    }

    proptest! {
        #[test]
        fn percentiles_and_shares_are_those_of_the_sorted_values(
            left in vec(1_u64..50, 1..40),
            right in vec(1_u64..50, 0..40),
            quantile in 0.0..1.0_f64,
            limit in 0_u64..60,
        ) {
            let both = Counts::merged([&counts(&left), &counts(&right)]);
            let mut sorted = [left, right].concat();
            sorted.sort_unstable();
            let rank = ((quantile * sorted.len() as f64).ceil() as usize).max(1);
            prop_assert_eq!(both.quantile(quantile), Some(sorted[rank - 1]));
            prop_assert_eq!(both.total(), sorted.len() as u64);
            prop_assert_eq!(both.above(limit), sorted.iter().filter(|us| **us > limit).count() as u64);
            prop_assert!(both.values().is_sorted_by(|a, b| a.0 < b.0));
        }
    }
}
