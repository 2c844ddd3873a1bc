//! When each request is intended.
//!
//! A pure function of its arguments that is never held in memory: [`Schedule::offsets_ns`] goes through the intended
//! starts as they come, and anew as often as it is asked. The bound: a schedule of more than [`REQUESTS_MAX`] requests
//! is refused.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::portable;
use crate::rates::{Clock, Rates, STEPS_MAX};

/// The most requests in one schedule. It is gone through once beforehand, for its length, and once for its hash: at this
/// bound some seconds.
pub const REQUESTS_MAX: u64 = 20_000_000;

/// Draws of arrivals come from the last stream of the seed; request `k` draws from stream `k`.
const ARRIVALS_STREAM: u64 = u64::MAX;

/// How arrivals are spread over time. The last three are Poisson arrivals at a rate that changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Arrivals {
    /// Independent customers: exponential gaps with the mean that the rate says.
    Poisson,
    /// A metronome: equal gaps.
    Constant,
    /// The rate goes evenly from its beginning to this, per second, at the end.
    Ramp {
        /// At the end.
        #[serde(with = "portable::exact")]
        to_per_s: f64,
    },
    /// The rate goes to this, per second, in so many equal steps; the first is at the beginning's rate.
    Step {
        /// In the last step.
        #[serde(with = "portable::exact")]
        to_per_s: f64,
        /// How many, at least 2.
        steps: u32,
    },
    /// The rate is this, per second, from one time until another, and the beginning's before and after.
    Spike {
        /// Within it.
        #[serde(with = "portable::exact")]
        to_per_s: f64,
        /// Its beginning.
        from: Duration,
        /// Its end.
        until: Duration,
    },
}

impl Arrivals {
    /// The same without the change.
    pub(crate) fn steady(self) -> Self {
        if self == Self::Constant { Self::Constant } else { Self::Poisson }
    }
}

/// Why there is no schedule.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// The rate is no usable number.
    #[error("rate_per_s is {0}: it must be a finite number above 0")]
    Rate(f64),
    /// The duration is zero.
    #[error("the duration is zero: a schedule needs a time to fill")]
    Duration,
    /// The schedule would be longer than the bound; lower the rate or the duration.
    #[error("about {0:.0} requests: a schedule holds at most {REQUESTS_MAX}")]
    TooMany(f64),
    /// The number of steps is unusable.
    #[error("steps is {0}: allowed is 2 to {STEPS_MAX}")]
    Steps(u32),
    /// The spike does not lie within the duration.
    #[error(
        "the spike is from {from:?} until {until:?}: it must begin before it ends, and end within {duration:?}"
    )]
    Spike {
        /// Its beginning.
        from: Duration,
        /// Its end.
        until: Duration,
        /// The duration.
        duration: Duration,
    },
}

/// The intended starts of all requests, in order.
#[derive(Debug, Clone)]
pub struct Schedule {
    parts: Vec<Part>,
    len: usize,
}

/// Arrivals of one kind, from an offset on.
#[derive(Debug, Clone)]
struct Part {
    at_ns: u64,
    arrivals: Arrivals,
    rates: Rates,
    rate_per_s: f64,
    end_ns: f64,
    seed: u64,
}

impl Schedule {
    /// Spreads arrivals at `rate_per_s` over `duration`.
    ///
    /// # Errors
    /// When the rate or the duration is unusable, or there would be more than [`REQUESTS_MAX`] requests.
    pub fn new(
        arrivals: Arrivals,
        rate_per_s: f64,
        duration: Duration,
        seed: u64,
    ) -> Result<Self, ScheduleError> {
        let rates = Rates::new(arrivals, rate_per_s, duration)?;
        let expected = rates.expected();
        if expected > REQUESTS_MAX as f64 {
            return Err(ScheduleError::TooMany(expected));
        }
        let end_ns = duration.as_nanos() as f64;
        let part = Part { at_ns: 0, arrivals, rates, rate_per_s, end_ns, seed };
        let len = part.starts().count();
        Ok(Self { parts: vec![part], len })
    }

    /// Of a closed loop, which has none.
    pub(crate) fn none() -> Self {
        Self { parts: Vec::new(), len: 0 }
    }

    /// This schedule, and then another that begins at `at`.
    pub(crate) fn then(mut self, at: Duration, next: &Self) -> Result<Self, ScheduleError> {
        self.len += next.len;
        if self.len as u64 > REQUESTS_MAX {
            return Err(ScheduleError::TooMany(self.len as f64));
        }
        let at_ns = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        let moved = |part: &Part| Part { at_ns: at_ns.saturating_add(part.at_ns), ..part.clone() };
        self.parts.extend(next.parts.iter().map(moved));
        Ok(self)
    }

    /// The intended starts in nanoseconds after the start of the run, ascending.
    pub fn offsets_ns(&self) -> impl Iterator<Item = u64> + use<> {
        self.parts.clone().into_iter().flat_map(|part| part.starts())
    }

    /// How many requests are intended.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether chance intended no request at all (a low rate, a short time).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Part {
    /// Chance may exceed the bound by a fraction of a percent; the part then ends at the bound.
    fn starts(&self) -> impl Iterator<Item = u64> + use<> {
        let at_ns = self.at_ns;
        let starts = match self.arrivals {
            Arrivals::Constant => Starts::Constant { k: 0, rate_per_s: self.rate_per_s, end_ns: self.end_ns },
            Arrivals::Poisson => Starts::Poisson {
                gaps: Gaps::new(self.seed),
                at_ns: 0.0,
                rate_per_s: self.rate_per_s,
                end_ns: self.end_ns,
            },
            _ => Starts::Changing { gaps: Gaps::new(self.seed), clock: self.rates.clone().clock() },
        };
        starts.take(REQUESTS_MAX as usize).map(move |at| at_ns.saturating_add(at))
    }
}

/// Goes through the starts of one part, from its beginning.
enum Starts {
    /// Each arrival from its number, so that no error adds up.
    Constant { k: u64, rate_per_s: f64, end_ns: f64 },
    /// Gaps divided by the rate.
    Poisson { gaps: Gaps, at_ns: f64, rate_per_s: f64, end_ns: f64 },
    /// The same at a rate that changes.
    Changing { gaps: Gaps, clock: Clock },
}

impl Iterator for Starts {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        match self {
            Self::Constant { k, rate_per_s, end_ns } => {
                let at_ns = *k as f64 * 1e9 / *rate_per_s;
                *k += 1;
                (at_ns < *end_ns).then_some(at_ns as u64)
            }
            Self::Poisson { gaps, at_ns, rate_per_s, end_ns } => {
                *at_ns += gaps.next() * 1e9 / *rate_per_s;
                (*at_ns < *end_ns).then_some(*at_ns as u64)
            }
            Self::Changing { gaps, clock } => clock.after(gaps.next()),
        }
    }
}

/// Exponential gaps with the mean 1: the inverse of the distribution on our own draws, since a library's sampler may
/// change with its version, and a seed must not.
struct Gaps(ChaCha8Rng);

impl Gaps {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(ARRIVALS_STREAM);
        Self(random)
    }

    fn next(&mut self) -> f64 {
        -unit(self.0.next_u64()).ln()
    }
}

/// A draw in (0, 1]: never 0, whose logarithm is infinite.
fn unit(draw: u64) -> f64 {
    ((draw >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offsets(schedule: &Schedule) -> Vec<u64> {
        schedule.offsets_ns().collect()
    }

    fn arrivals() -> impl Strategy<Value = Arrivals> {
        prop_oneof![Just(Arrivals::Poisson), Just(Arrivals::Constant)]
    }

    fn changing() -> impl Strategy<Value = Arrivals> {
        let ms = Duration::from_millis;
        prop_oneof![
            (100.0..5000.0_f64).prop_map(|to_per_s| Arrivals::Ramp { to_per_s }),
            (100.0..5000.0_f64, 2_u32..9).prop_map(|(to_per_s, steps)| Arrivals::Step { to_per_s, steps }),
            (100.0..5000.0_f64, 0_u64..1000, 1_u64..1000).prop_map(move |(to_per_s, from, long)| {
                Arrivals::Spike { to_per_s, from: ms(from), until: ms(from + long) }
            }),
        ]
    }

    #[test]
    fn constant_arrivals_are_equally_spaced_from_zero() {
        let schedule = Schedule::new(Arrivals::Constant, 4.0, Duration::from_secs(1), 1).unwrap();
        assert_eq!(offsets(&schedule), [0, 250_000_000, 500_000_000, 750_000_000]);
    }

    #[test]
    fn too_many_requests_are_refused_before_memory_is_taken() {
        let error = Schedule::new(Arrivals::Constant, 1e6, Duration::from_secs(21), 1).unwrap_err();
        assert_eq!(error.to_string(), "about 21000000 requests: a schedule holds at most 20000000");
    }

    #[test]
    fn a_rate_that_is_no_rate_is_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refused = Schedule::new(Arrivals::Poisson, rate, Duration::from_secs(1), 1);
            assert!(matches!(refused, Err(ScheduleError::Rate(_))), "{rate}");
        }
        let refused = Schedule::new(Arrivals::Poisson, 1.0, Duration::ZERO, 1);
        assert!(matches!(refused, Err(ScheduleError::Duration)));
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let schedule = Schedule::new(Arrivals::Poisson, 1000.0, Duration::from_secs(60), 7).unwrap();
        let gaps: Vec<f64> = offsets(&schedule).windows(2).map(|it| (it[1] - it[0]) as f64 / 1e6).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let longer_than_mean = gaps.iter().filter(|gap| **gap > 1.0).count() as f64 / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.02, "mean gap {mean} ms at 1000/s");
        assert!(
            (longer_than_mean - (-1.0_f64).exp()).abs() < 0.01,
            "share above the mean {longer_than_mean}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn offsets_ascend_within_the_duration(
            arrivals in arrivals(), rate in 0.5..5000.0_f64, ms in 1_u64..3000, seed: u64,
        ) {
            let duration = Duration::from_millis(ms);
            let schedule = Schedule::new(arrivals, rate, duration, seed).unwrap();
            prop_assert!(schedule.offsets_ns().is_sorted());
            prop_assert!(schedule.offsets_ns().all(|at| u128::from(at) < duration.as_nanos()));
            prop_assert_eq!(schedule.offsets_ns().count(), schedule.len());
        }

        #[test]
        fn the_count_is_what_the_rate_says(
            arrivals in arrivals(), rate in 100.0..5000.0_f64, seed: u64,
        ) {
            let schedule = Schedule::new(arrivals, rate, Duration::from_secs(2), seed).unwrap();
            let expected = rate * 2.0;
            // Eight standard deviations of a Poisson count: a failure is a bug, not chance.
            prop_assert!((schedule.len() as f64 - expected).abs() < 8.0 * expected.sqrt() + 1.0);
        }

        #[test]
        fn a_rate_that_changes_gives_as_many_in_every_part_as_it_says(
            arrivals in changing(), rate in 100.0..5000.0_f64, seed: u64, part in 0_u64..4,
        ) {
            let duration = Duration::from_secs(2);
            let schedule = Schedule::new(arrivals, rate, duration, seed).unwrap();
            prop_assert!(schedule.offsets_ns().is_sorted());
            let (from, until) = (part as f64 * 0.5, (part + 1) as f64 * 0.5);
            let rate_at = |at: f64| match arrivals {
                Arrivals::Ramp { to_per_s } => rate + (to_per_s - rate) * at / 2.0,
                Arrivals::Step { to_per_s, steps } => {
                    rate + (to_per_s - rate) * (at / 2.0 * f64::from(steps)).floor() / f64::from(steps - 1)
                }
                Arrivals::Spike { to_per_s, from, until }
                    if at >= from.as_secs_f64() && at < until.as_secs_f64() => to_per_s,
                _ => rate,
            };
            // An independent sum over thin strips.
            let strips = (0..5_000).map(|strip| rate_at(from + (f64::from(strip) + 0.5) * 1e-4) * 1e-4);
            let expected: f64 = strips.sum();
            let within = |at: &u64| (from..until).contains(&(*at as f64 / 1e9));
            let count = schedule.offsets_ns().filter(within).count() as f64;
            prop_assert!((count - expected).abs() < 8.0 * expected.sqrt() + 2.0, "{} {}", count, expected);
        }

        #[test]
        fn the_same_seed_gives_the_same_schedule_and_another_another(rate in 50.0..500.0_f64, seed: u64) {
            let schedule = |seed| {
                offsets(&Schedule::new(Arrivals::Poisson, rate, Duration::from_secs(2), seed).unwrap())
            };
            prop_assert_eq!(schedule(seed), schedule(seed));
            prop_assert_ne!(schedule(seed), schedule(seed.wrapping_add(1)));
        }
    }
}
