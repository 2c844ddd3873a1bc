//! How sure a share is, from the shares of the run's intervals.
//!
//! A percentile and a rate are both a question about a share: `p99 < 50ms` says that at most 1 % take longer. Requests
//! of the same second are alike, so they are not so many independent witnesses: intervals are taken as clusters. The
//! variance between intervals (the ratio estimator's) against that of independent requests is the design effect; by it
//! the number of witnesses is divided, and Wilson's interval is taken of what is left. It is never narrower than that
//! of independent requests, and it is sound where nothing was counted at all: none of 300 still may be 1.3 %.
//!
//! Sources: E. B. Wilson 1927; L. Kish, Survey Sampling, 1965 (design effect); Korn and Graubard 1998 (effective
//! sample sizes in intervals of proportions). What it does not see: a slow drift over many intervals.

/// 1.96: the normal quantile of a two-sided 95 %.
const Z: f64 = 1.959_964;

/// Some of some requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many of them.
    pub count: u64,
    /// How many there are.
    pub of: u64,
}

/// A 95 % confidence interval of a share, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least that it may be.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Bounds {
    /// Of the share over all `intervals`; `None` if nothing was counted.
    pub fn of(intervals: &[Share]) -> Option<Self> {
        let count: u64 = intervals.iter().map(|it| it.count).sum();
        let of: u64 = intervals.iter().map(|it| it.of).sum();
        (of > 0).then(|| {
            let share = count as f64 / of as f64;
            wilson(share, of as f64 / design_effect(intervals, share, of as f64))
        })
    }
}

/// How many requests are worth one independent witness; at least 1.
fn design_effect(intervals: &[Share], share: f64, all: f64) -> f64 {
    let clusters = intervals.iter().filter(|it| it.of > 0);
    let count = clusters.clone().count() as f64;
    let independent = share * (1.0 - share) / all;
    if count < 2.0 || independent <= 0.0 {
        return 1.0;
    }
    let squares: f64 = clusters.map(|it| (it.count as f64 - share * it.of as f64).powi(2)).sum();
    let between = count / (count - 1.0) * squares / (all * all);
    (between / independent).max(1.0)
}

fn wilson(share: f64, witnesses: f64) -> Bounds {
    let shrink = 1.0 + Z * Z / witnesses;
    let middle = (share + Z * Z / (2.0 * witnesses)) / shrink;
    let half =
        Z / shrink * (share * (1.0 - share) / witnesses + Z * Z / (4.0 * witnesses * witnesses)).sqrt();
    Bounds { low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alike(intervals: usize, count: u64, of: u64) -> Vec<Share> {
        vec![Share { count, of }; intervals]
    }

    #[test]
    fn nothing_counted_is_nothing_known() {
        assert_eq!(Bounds::of(&[]), None);
        assert_eq!(Bounds::of(&alike(3, 0, 0)), None);
    }

    #[test]
    fn none_of_three_hundred_may_still_be_one_percent() {
        let bounds = Bounds::of(&alike(3, 0, 100)).unwrap();
        assert!(bounds.low < 1e-9 && (0.012..0.013).contains(&bounds.high), "{bounds:?}");
    }

    #[test]
    fn wilsons_interval_is_that_of_the_textbook() {
        // 10 of 100: 5.5 % to 17.4 %.
        let bounds = Bounds::of(&alike(10, 1, 10)).unwrap();
        assert!((bounds.low - 0.0552).abs() < 5e-4 && (bounds.high - 0.1744).abs() < 5e-4, "{bounds:?}");
    }

    #[test]
    fn what_comes_in_bursts_is_less_sure_than_what_is_spread() {
        let spread = Bounds::of(&alike(10, 1, 100)).unwrap();
        let mut burst = alike(9, 0, 100);
        burst.push(Share { count: 10, of: 100 });
        let burst = Bounds::of(&burst).unwrap();
        assert!(burst.low < spread.low && burst.high > spread.high, "{burst:?} {spread:?}");
    }

    proptest! {
        #[test]
        fn the_share_lies_within_its_bounds(parts in proptest::collection::vec((0_u64..50, 0_u64..50), 1..30)) {
            let intervals: Vec<Share> =
                parts.iter().map(|(count, rest)| Share { count: *count, of: count + rest }).collect();
            let (count, of) = intervals.iter().fold((0, 0), |sum, it| (sum.0 + it.count, sum.1 + it.of));
            match Bounds::of(&intervals) {
                None => prop_assert_eq!(of, 0),
                Some(Bounds { low, high }) => {
                    let share = count as f64 / of as f64;
                    prop_assert!(0.0 <= low && low <= share + 1e-12 && share <= high + 1e-12 && high <= 1.0);
                }
            }
        }
    }
}
