//! Fees: schedules with tiers by trailing 30-day volume, effective dates, and the staleness of a cached tier.
//!
//! Invariants: a set of schedules is in order of its effective dates, each with distinct versions; the tiers of a schedule
//! begin at zero volume and rise; a fee is rounded up in quote units, once. The tier is fixed when the order or quote is
//! placed. Every [`FeeQuote`] says which schedule and which tier date it comes from, so that a degraded fee can be checked later.
//!
//! A cached tier is used as it is up to one hour, flagged up to 24 hours, and after that the base tier applies: an
//! overcharge can be credited, and nothing is ever given away on an old tier.

use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::ScheduleVersion;
use crate::money::{self, MoneyError};
use crate::time::Timestamp;

mod file;

pub use file::ScheduleError;

/// The most schedules in a set, and the most tiers in a schedule.
pub const SCHEDULES_MAX: usize = 64;

/// Whether an order takes liquidity or makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Liquidity {
    /// Executed at once against the house: quotes and market orders.
    Taker,
    /// Rested in the book.
    Maker,
}

/// One step of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The tier holds from this trailing volume on, in USD.
    pub volume_from: Decimal,
    /// The fee for taking, in basis points of the notional.
    pub taker_bps: Decimal,
    /// The fee for making, in basis points; negative for a rebate.
    pub maker_bps: Decimal,
}

/// The tiers that hold from a date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    version: ScheduleVersion,
    effective_from: Timestamp,
    tiers: Vec<Tier>,
}

impl Schedule {
    /// The name that every fee of this schedule is stamped with.
    pub fn version(&self) -> &ScheduleVersion {
        &self.version
    }

    /// The tiers, lowest volume first.
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// The index of the tier for a trailing volume.
    pub fn tier_for(&self, volume: Decimal) -> usize {
        self.tiers.partition_point(|tier| tier.volume_from <= volume).saturating_sub(1)
    }
}

/// An account's trailing volume, and when it was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Volume of the trailing 30 days, in USD.
    #[serde(with = "crate::money::text")]
    pub volume_30d: Decimal,
    /// When the volume was computed by the service that owns it.
    pub as_of: Timestamp,
}

/// How old the tier of a fee was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TierFreshness {
    /// Fresh enough to be used as it is.
    Normal,
    /// Older than that: used, and flagged.
    Flagged,
    /// Unknown or too old: the base tier was used.
    Base,
}

/// Up to which age a cached tier is used, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierLimits {
    /// Up to this age (inclusive) as it is.
    pub normal_age_max: Duration,
    /// Up to this age (inclusive) flagged; beyond it the base tier applies.
    pub flagged_age_max: Duration,
}

impl Default for TierLimits {
    fn default() -> Self {
        Self { normal_age_max: Duration::from_secs(3600), flagged_age_max: Duration::from_secs(24 * 3600) }
    }
}

impl TierLimits {
    /// How a standing may be used. One dated ahead (another clock) counts as fresh.
    pub fn freshness(&self, standing: Option<&Standing>, now: Timestamp) -> TierFreshness {
        match standing.map(|standing| now.since(standing.as_of)) {
            Some(age) if age <= self.normal_age_max => TierFreshness::Normal,
            Some(age) if age <= self.flagged_age_max => TierFreshness::Flagged,
            _ => TierFreshness::Base,
        }
    }
}

/// A fee, and everything that is needed to compute it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeQuote {
    /// The fee in units of the quote asset, rounded up; negative for a rebate.
    #[serde(with = "crate::money::text")]
    pub amount: Decimal,
    /// The rate in basis points of the notional.
    #[serde(with = "crate::money::text")]
    pub rate_bps: Decimal,
    /// Taker or maker.
    pub liquidity: Liquidity,
    /// The index of the tier in its schedule; 0 is the base tier.
    pub tier: u32,
    /// The schedule.
    pub fee_schedule_version: ScheduleVersion,
    /// When the volume behind the tier was computed; for [`TierFreshness::Base`] the moment of the fee itself, since the base
    /// tier needs no volume.
    pub tier_as_of: Timestamp,
    /// How old the tier was.
    pub freshness: TierFreshness,
}

/// Why there is no fee.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeeError {
    /// No schedule was in effect yet.
    #[error("no fee schedule is in effect at {0}")]
    NoSchedule(Timestamp),
    /// The fee cannot be computed exactly.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What a fee is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeTerms {
    /// Price times quantity, in the quote asset.
    pub notional: Decimal,
    /// Taker or maker.
    pub liquidity: Liquidity,
    /// Digits after the point of a payment in the quote asset.
    pub quote_decimals: u32,
}

/// All schedules, past, present and announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeSchedules {
    schedules: Vec<Schedule>,
}

impl FeeSchedules {
    /// The schedule in effect.
    pub fn at(&self, now: Timestamp) -> Option<&Schedule> {
        let after = self.schedules.partition_point(|schedule| schedule.effective_from <= now);
        after.checked_sub(1).and_then(|index| self.schedules.get(index))
    }

    /// The fee for `terms`, on the tier of `standing` as far as `limits` let it count. The owner of the volumes passes a
    /// standing as of now; a fallback passes the one that it has kept, if it has.
    ///
    /// # Errors
    /// No schedule in effect, or a notional out of all proportion; refuse the request.
    pub fn assess(
        &self,
        terms: &FeeTerms,
        standing: Option<&Standing>,
        limits: &TierLimits,
        now: Timestamp,
    ) -> Result<FeeQuote, FeeError> {
        let schedule = self.at(now).ok_or(FeeError::NoSchedule(now))?;
        let freshness = limits.freshness(standing, now);
        let (index, tier_as_of) = match standing {
            Some(standing) if freshness != TierFreshness::Base => {
                (schedule.tier_for(standing.volume_30d), standing.as_of)
            }
            _ => (0, now),
        };
        let rate_bps = schedule.tiers[index].rate_bps(terms.liquidity);
        let exact = money::basis_points(terms.notional, rate_bps)?;
        Ok(FeeQuote {
            amount: money::round_fee_up(exact, terms.quote_decimals),
            rate_bps,
            liquidity: terms.liquidity,
            tier: u32::try_from(index).expect("a schedule has at most 64 tiers"),
            fee_schedule_version: schedule.version.clone(),
            tier_as_of,
            freshness,
        })
    }
}

impl Tier {
    /// The rate in basis points.
    pub fn rate_bps(&self, liquidity: Liquidity) -> Decimal {
        match liquidity {
            Liquidity::Taker => self.taker_bps,
            Liquidity::Maker => self.maker_bps,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn terms(notional: Decimal) -> FeeTerms {
        FeeTerms { notional, liquidity: Liquidity::Taker, quote_decimals: 2 }
    }

    fn assess(volume: i64, age: Duration) -> FeeQuote {
        let standing = Standing { volume_30d: Decimal::from(volume), as_of: NOW.minus(age) };
        FeeSchedules::default()
            .assess(&terms(Decimal::from(1000)), Some(&standing), &TierLimits::default(), NOW)
            .unwrap()
    }

    #[test]
    fn the_tier_follows_the_volume() {
        for (volume, bps) in [(0, 120), (999, 120), (1000, 75), (9_999, 75), (300_000_000, 5)] {
            assert_eq!(assess(volume, Duration::ZERO).rate_bps, Decimal::from(bps), "volume {volume}");
        }
    }

    #[test]
    fn a_tier_is_normal_for_an_hour_flagged_for_a_day_and_base_after() {
        let (hour, day, ms) =
            (Duration::from_secs(3600), Duration::from_secs(86_400), Duration::from_millis(1));
        for (age, freshness, tier) in [
            (Duration::ZERO, TierFreshness::Normal, 1),
            (hour, TierFreshness::Normal, 1),
            (hour + ms, TierFreshness::Flagged, 1),
            (day, TierFreshness::Flagged, 1),
            (day + ms, TierFreshness::Base, 0),
        ] {
            let fee = assess(1000, age);
            assert_eq!((fee.freshness, fee.tier), (freshness, tier), "age {age:?}");
        }
        assert_eq!(assess(1000, hour).tier_as_of, NOW.minus(hour));
        assert_eq!(assess(1000, day + ms).tier_as_of, NOW);
    }

    #[test]
    fn an_unknown_account_pays_the_base_tier() {
        let fee = FeeSchedules::default()
            .assess(&terms(Decimal::from(1000)), None, &TierLimits::default(), NOW)
            .unwrap();
        assert_eq!((fee.freshness, fee.tier, fee.amount), (TierFreshness::Base, 0, Decimal::from(12)));
    }

    #[test]
    fn a_fee_rounds_up_and_is_stamped() {
        let schedules = FeeSchedules::default();
        let fee =
            schedules.assess(&terms(Decimal::new(10_01, 2)), None, &TierLimits::default(), NOW).unwrap();
        assert_eq!(fee.amount, Decimal::new(13, 2));
        assert_eq!(fee.fee_schedule_version.as_str(), "2026-01");
    }

    #[test]
    fn before_the_first_schedule_there_is_no_fee() {
        let early = Timestamp::from_utc_date(2025, 12, 31);
        let refused =
            FeeSchedules::default().assess(&terms(Decimal::ONE), None, &TierLimits::default(), early);
        assert_eq!(refused, Err(FeeError::NoSchedule(early)));
    }

    proptest! {
        #[test]
        fn more_volume_never_costs_more(low in 0i64..400_000_000, more in 0i64..400_000_000) {
            let (low, high) = (assess(low, Duration::ZERO), assess(low + more, Duration::ZERO));
            prop_assert!(high.amount <= low.amount);
        }

        #[test]
        fn a_fee_is_the_exact_rate_or_less_than_a_cent_above(cents in 0i64..100_000_000_000) {
            let notional = Decimal::new(cents, 2);
            let fee = FeeSchedules::default().assess(&terms(notional), None, &TierLimits::default(), NOW).unwrap();
            let exact = money::basis_points(notional, fee.rate_bps).unwrap();
            prop_assert!(fee.amount >= exact && fee.amount - exact < Decimal::new(1, 2));
        }
    }
}
