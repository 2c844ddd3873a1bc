//! Fee schedules as TOML: a list of `[[schedule]]` with `version`, `effective_from` (a date, midnight UTC) and a list of
//! `[[schedule.tier]]` with `volume_from`, `taker_bps`, `maker_bps` (decimals as text).
//!
//! Every error names the schedule, the key, the value and what is allowed.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::Deserialize;
use toml::value::Datetime;

use super::{FeeSchedules, SCHEDULES_MAX, Schedule, Tier};
use crate::ids::ScheduleVersion;
use crate::money;
use crate::time::Timestamp;

const SHIPPED: &str = include_str!("../../data/fees.toml");

/// No rate is beyond the whole notional.
const RATE_BPS_MAX: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);

/// Why fee schedules could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The file is not TOML of the right shape; the text names line and key.
    #[error("the fee schedules cannot be read: {0}")]
    Toml(String),
    /// There is none, or there are too many.
    #[error("{of} has 1 to {SCHEDULES_MAX} entries, this one has {count}")]
    Count {
        /// Which list.
        of: String,
        /// How many entries it has.
        count: usize,
    },
    /// A value is not allowed.
    #[error("fee schedule `{schedule}`: {key} = `{value}`: allowed is {allowed}")]
    Value {
        /// The version as written.
        schedule: String,
        /// The key with the value that is not allowed.
        key: &'static str,
        /// The value as written.
        value: String,
        /// What would be allowed.
        allowed: &'static str,
    },
}

impl FeeSchedules {
    /// Reads schedules from TOML, in the order of their effective dates.
    ///
    /// # Errors
    /// The first thing that is wrong; mend the file.
    pub fn from_toml(text: &str) -> Result<Self, ScheduleError> {
        let file: File = toml::from_str(text).map_err(|error| ScheduleError::Toml(error.to_string()))?;
        check_count("a file of fee schedules", file.schedule.len())?;
        let mut schedules: Vec<Schedule> = Vec::with_capacity(file.schedule.len());
        let mut versions = BTreeSet::new();
        for row in &file.schedule {
            let schedule = row.check()?;
            if schedules.last().is_some_and(|earlier| earlier.effective_from >= schedule.effective_from) {
                return Err(row.bad(
                    "effective_from",
                    row.effective_from,
                    "a date after that of the schedule before",
                ));
            }
            if !versions.insert(schedule.version.clone()) {
                return Err(row.bad("version", &row.version, "a version that no other schedule has"));
            }
            schedules.push(schedule);
        }
        Ok(Self { schedules })
    }
}

impl Default for FeeSchedules {
    /// The shipped schedules.
    fn default() -> Self {
        Self::from_toml(SHIPPED).expect("the shipped schedules are read by a test")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    schedule: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    version: String,
    effective_from: Datetime,
    #[serde(default)]
    tier: Vec<TierRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierRow {
    volume_from: String,
    taker_bps: String,
    maker_bps: String,
}

fn check_count(of: &str, count: usize) -> Result<(), ScheduleError> {
    if (1..=SCHEDULES_MAX).contains(&count) {
        return Ok(());
    }
    Err(ScheduleError::Count { of: of.to_owned(), count })
}

impl Row {
    fn check(&self) -> Result<Schedule, ScheduleError> {
        let allowed = "1 to 64 characters of A-Z a-z 0-9 . _ : -";
        let version =
            ScheduleVersion::new(&self.version).map_err(|_| self.bad("version", &self.version, allowed))?;
        check_count(&format!("fee schedule `{version}`"), self.tier.len())?;
        let mut tiers: Vec<Tier> = Vec::with_capacity(self.tier.len());
        for row in &self.tier {
            let tier = self.tier(row)?;
            match tiers.last() {
                None if !tier.volume_from.is_zero() => {
                    return Err(self.bad("volume_from", &row.volume_from, "0 in the first tier"));
                }
                Some(below) if below.volume_from >= tier.volume_from => {
                    return Err(self.bad("volume_from", &row.volume_from, "more than in the tier before"));
                }
                _ => tiers.push(tier),
            }
        }
        Ok(Schedule { version, effective_from: self.effective_from()?, tiers })
    }

    fn effective_from(&self) -> Result<Timestamp, ScheduleError> {
        match self.effective_from {
            Datetime { date: Some(date), time: None, offset: None } => {
                Ok(Timestamp::from_utc_date(date.year, date.month, date.day))
            }
            other => Err(self.bad("effective_from", other, "a date such as 2026-01-01 (midnight UTC)")),
        }
    }

    fn tier(&self, row: &TierRow) -> Result<Tier, ScheduleError> {
        let read = |key, text: &str, allowed, fits: &dyn Fn(Decimal) -> bool| {
            money::parse_decimal(text)
                .ok()
                .filter(|value| fits(*value))
                .ok_or_else(|| self.bad(key, text, allowed))
        };
        let rate = |key, text| read(key, text, "-10000 to 10000, as text", &|bps| bps.abs() <= RATE_BPS_MAX);
        Ok(Tier {
            volume_from: read("volume_from", &row.volume_from, "0 or more, as text", &|volume| {
                volume >= Decimal::ZERO
            })?,
            taker_bps: rate("taker_bps", &row.taker_bps)?,
            maker_bps: rate("maker_bps", &row.maker_bps)?,
        })
    }

    fn bad(&self, key: &'static str, value: impl ToString, allowed: &'static str) -> ScheduleError {
        ScheduleError::Value { schedule: self.version.clone(), key, value: value.to_string(), allowed }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const TWO: &str = r#"
        [[schedule]]
        version = "a"
        effective_from = 2026-01-01
        tier = [{ volume_from = "0", taker_bps = "50", maker_bps = "-1" }]
        [[schedule]]
        version = "b"
        effective_from = 2026-07-01
        tier = [{ volume_from = "0", taker_bps = "40", maker_bps = "10" }, { volume_from = "5", taker_bps = "30", maker_bps = "10" }]
    "#;

    #[test]
    fn a_schedule_holds_from_midnight_of_its_date() {
        let schedules = FeeSchedules::from_toml(TWO).unwrap();
        let second = Timestamp::from_utc_date(2026, 7, 1);
        let version = |at| schedules.at(at).map(|schedule| schedule.version().as_str().to_owned());
        let before = Timestamp::from_unix_ms(second.unix_ms() - 1);
        assert_eq!(version(before).as_deref(), Some("a"));
        assert_eq!(version(second).as_deref(), Some("b"));
        assert_eq!(version(Timestamp::from_utc_date(2025, 12, 31)), None);
    }

    #[test]
    fn the_shipped_schedules_are_read() {
        let shipped = FeeSchedules::default();
        let schedule = shipped.at(Timestamp::from_utc_date(2026, 1, 1)).unwrap();
        assert_eq!(schedule.tiers().len(), 8);
    }

    fn check_error(from: &str, to: &str, expected: Expect) {
        let broken = TWO.replacen(from, to, 1);
        assert_ne!(broken, TWO);
        expected.assert_eq(&FeeSchedules::from_toml(&broken).unwrap_err().to_string());
    }

    #[test]
    fn a_broken_schedule_names_key_and_value() {
        check_error(
            "2026-07-01",
            "2025-07-01",
            expect![
                "fee schedule `b`: effective_from = `2025-07-01`: allowed is a date after that of the schedule before"
            ],
        );
        check_error(
            "2026-01-01",
            "2026-01-01T08:00:00Z",
            expect![
                "fee schedule `a`: effective_from = `2026-01-01T08:00:00Z`: allowed is a date such as 2026-01-01 (midnight UTC)"
            ],
        );
        check_error(
            r#""b""#,
            r#""a""#,
            expect!["fee schedule `a`: version = `a`: allowed is a version that no other schedule has"],
        );
        check_error(
            r#"volume_from = "0""#,
            r#"volume_from = "1""#,
            expect!["fee schedule `a`: volume_from = `1`: allowed is 0 in the first tier"],
        );
        check_error(
            r#"volume_from = "5""#,
            r#"volume_from = "0""#,
            expect!["fee schedule `b`: volume_from = `0`: allowed is more than in the tier before"],
        );
        check_error(
            r#"taker_bps = "50""#,
            r#"taker_bps = "1e9""#,
            expect!["fee schedule `a`: taker_bps = `1e9`: allowed is -10000 to 10000, as text"],
        );
        expect!["a file of fee schedules has 1 to 64 entries, this one has 0"]
            .assert_eq(&FeeSchedules::from_toml("").unwrap_err().to_string());
    }
}
