//! Points in time: milliseconds since the Unix epoch, as every header and event carries them.
//!
//! Nothing here looks at a clock. Arithmetic saturates: a wrong clock gives a wrong age, never a panic.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const MS_PER_DAY: i64 = 86_400_000;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `unix_ms` milliseconds after the epoch (before it, when negative).
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Midnight UTC of a date of the Gregorian calendar; the caller has checked that the date exists.
    pub fn from_utc_date(year: u16, month: u8, day: u8) -> Self {
        Self(days_from_civil(i64::from(year), i64::from(month), i64::from(day)) * MS_PER_DAY)
    }

    /// Milliseconds since the epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Whole UTC days since the epoch.
    pub const fn utc_day(self) -> i64 {
        self.0.div_euclid(MS_PER_DAY)
    }

    /// How long ago `earlier` was; zero when it lies ahead, as happens between two clocks.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Later by `duration`, whole milliseconds.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_ms(duration)))
    }

    /// Earlier by `duration`, whole milliseconds.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_ms(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ms", self.0)
    }
}

fn whole_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Days since the epoch of a civil date: years begin in March, so that the leap day comes last (the algorithm of Howard
/// Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_become_midnight_utc() {
        assert_eq!(Timestamp::from_utc_date(1970, 1, 1).unix_ms(), 0);
        assert_eq!(Timestamp::from_utc_date(2000, 2, 29).unix_ms(), 951_782_400_000);
        assert_eq!(
            Timestamp::from_utc_date(2000, 3, 1).utc_day() - Timestamp::from_utc_date(2000, 2, 28).utc_day(),
            2
        );
        assert_eq!(Timestamp::from_utc_date(2026, 1, 1).unix_ms(), 1_767_225_600_000);
    }

    #[test]
    fn a_point_ahead_is_zero_ago() {
        let now = Timestamp::from_unix_ms(5);
        assert_eq!(now.since(Timestamp::from_unix_ms(9)), Duration::ZERO);
        assert_eq!(now.since(Timestamp::from_unix_ms(2)), Duration::from_millis(3));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::from_unix_ms(i64::MAX).plus(Duration::MAX).unix_ms(), i64::MAX);
        assert_eq!(Timestamp::from_unix_ms(i64::MIN).minus(Duration::MAX).unix_ms(), i64::MIN);
    }

    proptest! {
        #[test]
        fn plus_then_since_gives_the_duration_back(start in -1_000_000_000_000i64..1_000_000_000_000, ms in 0u64..1_000_000_000) {
            let (start, span) = (Timestamp::from_unix_ms(start), Duration::from_millis(ms));
            prop_assert_eq!(start.plus(span).since(start), span);
            prop_assert_eq!(start.plus(span).minus(span), start);
        }
    }
}
