//! The rate over time, and arrivals at a rate that changes.
//!
//! Unit-rate arrivals are stretched by the inverse of the summed rate, piece by piece; each piece is a straight line.
//! Where the rate does not change this is the division of each gap by the rate.

use std::collections::VecDeque;
use std::time::Duration;

use crate::schedule::{Arrivals, ScheduleError};

/// The most steps.
pub(crate) const STEPS_MAX: u32 = 1_000;

/// A part of the time in which the rate goes evenly from one value to another.
#[derive(Debug, Clone, Copy)]
struct Piece {
    seconds: f64,
    from_per_s: f64,
    to_per_s: f64,
}

impl Piece {
    fn level(seconds: f64, per_s: f64) -> Self {
        Self { seconds, from_per_s: per_s, to_per_s: per_s }
    }

    /// How many arrivals it has in the mean.
    fn area(&self) -> f64 {
        self.seconds * (self.from_per_s + self.to_per_s) / 2.0
    }

    /// After how many seconds of it `area` arrivals came in the mean: the root of a quadratic, in the form that does
    /// not cancel.
    fn seconds_for(&self, area: f64) -> f64 {
        let slope = (self.to_per_s - self.from_per_s) / self.seconds;
        let root = (self.from_per_s * self.from_per_s + 2.0 * slope * area).max(0.0).sqrt();
        2.0 * area / (self.from_per_s + root)
    }
}

/// The rate over the duration.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    pieces: Vec<Piece>,
}

impl Rates {
    pub(crate) fn new(arrivals: Arrivals, rate: f64, duration: Duration) -> Result<Self, ScheduleError> {
        let checked = |rate: f64| match rate.is_finite() && rate > 0.0 {
            true => Ok(rate),
            false => Err(ScheduleError::Rate(rate)),
        };
        let rate = checked(rate)?;
        if duration.is_zero() {
            return Err(ScheduleError::Duration);
        }
        let seconds = duration.as_secs_f64();
        let pieces = match arrivals {
            Arrivals::Poisson | Arrivals::Constant => vec![Piece::level(seconds, rate)],
            Arrivals::Ramp { to_per_s } => {
                vec![Piece { seconds, from_per_s: rate, to_per_s: checked(to_per_s)? }]
            }
            Arrivals::Step { to_per_s, steps } => {
                if !(2..=STEPS_MAX).contains(&steps) {
                    return Err(ScheduleError::Steps(steps));
                }
                let by = (checked(to_per_s)? - rate) / f64::from(steps - 1);
                let step = |step| Piece::level(seconds / f64::from(steps), rate + by * f64::from(step));
                (0..steps).map(step).collect()
            }
            Arrivals::Spike { to_per_s, from, until } => {
                if from >= until || until > duration {
                    return Err(ScheduleError::Spike { from, until, duration });
                }
                vec![
                    Piece::level(from.as_secs_f64(), rate),
                    Piece::level((until - from).as_secs_f64(), checked(to_per_s)?),
                    Piece::level((duration - until).as_secs_f64(), rate),
                ]
            }
        };
        Ok(Self { pieces: pieces.into_iter().filter(|piece| piece.seconds > 0.0).collect() })
    }

    /// How many arrivals there are in the mean.
    pub(crate) fn expected(&self) -> f64 {
        self.pieces.iter().map(Piece::area).sum()
    }

    pub(crate) fn clock(self) -> Clock {
        Clock { pieces: self.pieces.into(), passed_s: 0.0, area: 0.0 }
    }
}

/// Goes through the pieces as arrivals come.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The present piece and those to come.
    pieces: VecDeque<Piece>,
    /// The time of those that are over.
    passed_s: f64,
    /// How much of the present piece's area is used up.
    area: f64,
}

impl Clock {
    /// The time of the next arrival, in nanoseconds, a unit-rate gap after the one before; `None` beyond the end.
    pub(crate) fn after(&mut self, gap: f64) -> Option<u64> {
        self.area += gap;
        while let Some(piece) = self.pieces.front() {
            if self.area < piece.area() {
                let at_s = self.passed_s + piece.seconds_for(self.area).min(piece.seconds);
                return Some((at_s * 1e9) as u64);
            }
            self.area -= piece.area();
            self.passed_s += piece.seconds;
            self.pieces.pop_front();
        }
        None
    }
}
