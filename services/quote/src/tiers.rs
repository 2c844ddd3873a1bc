//! What is known of the accounts' tiers: learned from every fee that came over Kafka or HTTP, used when neither does.
//!
//! Invariants: a tier is kept with the moment as of which it was true, and never made younger; how old it may be is
//! `trading`'s rule. Bound: of more than [`ACCOUNTS_MAX`] accounts the ones that were learned first are forgotten, and
//! have the base tier.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use trading::fee::{FeeQuote, FeeSchedules, Standing, TierFreshness};
use trading::ids::AccountId;
use trading::time::Timestamp;

/// The most accounts whose tiers are known.
pub const ACCOUNTS_MAX: usize = 100_000;

/// The tiers of accounts.
#[derive(Debug)]
pub struct Tiers {
    accounts_max: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    standings: HashMap<AccountId, Standing>,
    order: VecDeque<AccountId>,
}

impl Tiers {
    /// Knows nothing yet, and never more than `accounts_max` accounts.
    #[must_use]
    pub fn new(accounts_max: usize) -> Self {
        Self { accounts_max, known: Mutex::default() }
    }

    /// Learns the tier behind a fee: any volume within the tier stands for the one that is not told. A fee of another
    /// schedule than the one in effect teaches nothing.
    pub fn learn(&self, account: &AccountId, fee: &FeeQuote, schedules: &FeeSchedules, now: Timestamp) {
        let schedule = schedules.at(now).filter(|schedule| *schedule.version() == fee.fee_schedule_version);
        let tier = schedule.and_then(|schedule| schedule.tiers().get(usize::try_from(fee.tier).ok()?));
        let Some(tier) = tier.filter(|_| fee.freshness != TierFreshness::Base) else { return };
        let standing = Standing { volume_30d: tier.volume_from, as_of: fee.tier_as_of };
        let known = &mut *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.standings.get_mut(account) {
            Some(earlier) if earlier.as_of > standing.as_of => {}
            Some(earlier) => *earlier = standing,
            None => known.insert(account.clone(), standing, self.accounts_max),
        }
    }

    /// What is known of an account.
    #[must_use]
    pub fn standing(&self, account: &AccountId) -> Option<Standing> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).standings.get(account).copied()
    }
}

impl Known {
    fn insert(&mut self, account: AccountId, standing: Standing, accounts_max: usize) {
        if self.order.len() >= accounts_max
            && let Some(first) = self.order.pop_front()
        {
            self.standings.remove(&first);
        }
        self.order.push_back(account.clone());
        self.standings.insert(account, standing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trading::fee::{FeeTerms, Liquidity, TierLimits};

    fn fee(volume: i64, at: i64) -> FeeQuote {
        let at = Timestamp::from_unix_ms(at);
        let terms = FeeTerms { notional: 100.into(), liquidity: Liquidity::Taker, quote_decimals: 2 };
        let standing = Standing { volume_30d: volume.into(), as_of: at };
        FeeSchedules::default().assess(&terms, Some(&standing), &TierLimits::default(), at).unwrap()
    }

    #[test]
    fn a_learned_tier_gives_the_same_fee_again_and_never_becomes_younger() {
        let (tiers, account) = (Tiers::new(10), AccountId::new("a").unwrap());
        let now = Timestamp::from_unix_ms(3_000);
        tiers.learn(&account, &fee(20_000, 2_000), &FeeSchedules::default(), now);
        tiers.learn(&account, &fee(0, 1_000), &FeeSchedules::default(), now);
        let standing = tiers.standing(&account).unwrap();
        assert_eq!((standing.volume_30d, standing.as_of.unix_ms()), (10_000.into(), 2_000));
    }

    #[test]
    fn at_its_bound_the_account_learned_first_is_forgotten() {
        let tiers = Tiers::new(2);
        let accounts = ["a", "b", "c"].map(|id| AccountId::new(id).unwrap());
        for account in &accounts {
            tiers.learn(account, &fee(20_000, 1), &FeeSchedules::default(), Timestamp::from_unix_ms(1));
        }
        assert_eq!(tiers.standing(&accounts[0]), None);
        assert!(tiers.standing(&accounts[1]).is_some() && tiers.standing(&accounts[2]).is_some());
    }
}
