//! The fee desk: which fee, on the tier of the account's own trailing volume.
//!
//! Invariants: the calculation is `trading`'s, and the same for whoever asks, over HTTP or over Kafka; the desk owns
//! the volumes, so its tiers are as of now. Without the feed of trades the volumes stand still, which can overcharge
//! and never gives anything away.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contracts::refusal::{Refusal, RefusalCode};
use serde::Serialize;
use trading::Decimal;
use trading::fee::{FeeError, FeeQuote, FeeSchedules, FeeTerms, Liquidity, TierLimits};
use trading::ids::{AccountId, ProductId, ScheduleVersion};
use trading::money;
use trading::product::{Catalogue, Product};
use trading::time::Timestamp;
use trading::trade::Trade;
use trading::volume::{Recorded, VolumeBook, VolumeLimits};

/// Where the feed of trades stands: the next offset by partition.
type Positions = HashMap<i32, i64>;

/// The fee desk.
#[derive(Debug)]
pub struct Desk {
    catalogue: Catalogue,
    schedules: FeeSchedules,
    volumes: Mutex<(VolumeBook, Positions)>,
}

/// The tier of an account, as `GET /v1/accounts/{id}/tier` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TierView {
    /// The account.
    pub account: AccountId,
    /// The index of the tier; 0 is the base tier.
    pub tier: usize,
    /// Its fee for taking, in basis points.
    #[serde(with = "trading::money::text")]
    pub taker_bps: Decimal,
    /// Its fee for making, in basis points.
    #[serde(with = "trading::money::text")]
    pub maker_bps: Decimal,
    /// The volume that it comes from, of the trailing 30 days, in USD.
    #[serde(with = "trading::money::text")]
    pub volume_30d: Decimal,
    /// The schedule.
    pub fee_schedule_version: ScheduleVersion,
    /// When the volume was computed, in ms since the Unix epoch.
    pub tier_as_of: Timestamp,
}

impl Desk {
    /// A desk without volumes.
    #[must_use]
    pub fn new(catalogue: Catalogue, schedules: FeeSchedules, limits: VolumeLimits) -> Self {
        let volumes = Mutex::new((VolumeBook::new(limits), Positions::new()));
        Self { catalogue, schedules, volumes }
    }

    /// A product.
    ///
    /// # Errors
    /// There is no such product; the refusal lists those that there are.
    pub fn product(&self, id: &ProductId) -> Result<&Product, Refusal> {
        self.catalogue.get(id).ok_or_else(|| {
            let known: Vec<_> = self.catalogue.iter().map(|product| product.id.as_str()).collect();
            let text = format!("there is no product `{id}`: there are {}", known.join(", "));
            Refusal::new(RefusalCode::UnknownProduct, text)
        })
    }

    /// The fee for a notional.
    ///
    /// # Errors
    /// An unknown product, no schedule in effect, or a notional out of all proportion.
    pub fn assess(
        &self,
        account: &AccountId,
        product: &ProductId,
        notional: Decimal,
        liquidity: Liquidity,
        now: Timestamp,
    ) -> Result<FeeQuote, Refusal> {
        let product = self.product(product)?;
        let terms = FeeTerms { notional, liquidity, quote_decimals: product.quote_decimals };
        let standing = self.volumes().0.standing(account, now);
        let fee = self.schedules.assess(&terms, Some(&standing), &TierLimits::default(), now);
        fee.map_err(|error| Refusal::from(&error))
    }

    /// The tier of an account.
    ///
    /// # Errors
    /// No schedule is in effect.
    pub fn tier(&self, account: &AccountId, now: Timestamp) -> Result<TierView, Refusal> {
        let schedule = self.schedules.at(now).ok_or_else(|| Refusal::from(&FeeError::NoSchedule(now)))?;
        let standing = self.volumes().0.standing(account, now);
        let index = schedule.tier_for(standing.volume_30d);
        let tier = &schedule.tiers()[index];
        Ok(TierView {
            account: account.clone(),
            tier: index,
            taker_bps: tier.taker_bps,
            maker_bps: tier.maker_bps,
            volume_30d: standing.volume_30d,
            fee_schedule_version: schedule.version().clone(),
            tier_as_of: standing.as_of,
        })
    }

    /// Counts a trade that was read at this place of the feed. A place that was passed before is not counted again,
    /// and neither is an event that was told twice.
    pub fn record(&self, partition: i32, offset: i64, trade: &Trade, now: Timestamp) -> Recorded {
        let Ok(notional) = money::exact_mul(trade.price, trade.quantity) else { return Recorded::Full };
        let (book, positions) = &mut *self.volumes();
        let next = positions.entry(partition).or_insert(0);
        if offset < *next {
            return Recorded::Duplicate;
        }
        *next = offset + 1;
        book.record(&trade.key.account, trade.event_id, notional, trade.executed_at, now)
    }

    fn volumes(&self) -> MutexGuard<'_, (VolumeBook, Positions)> {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trading::fee::TierFreshness;
    use trading::ids::{ClientOrderId, EventId, OrderId, OrderKey, QuoteId};
    use trading::order::Side;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn desk() -> Desk {
        Desk::new(Catalogue::default(), FeeSchedules::default(), VolumeLimits::default())
    }

    fn account() -> AccountId {
        AccountId::new("acct-1").unwrap()
    }

    fn assess(desk: &Desk, notional: &str) -> FeeQuote {
        let product = ProductId::new("BTC-USD").unwrap();
        desk.assess(&account(), &product, notional.parse().unwrap(), Liquidity::Taker, NOW).unwrap()
    }

    fn trade(desk: &Desk, id: u128, quantity: &str) -> Trade {
        Trade {
            event_id: EventId::from_u128(id),
            key: OrderKey { account: account(), client_order_id: ClientOrderId::new("c-1").unwrap() },
            order_id: OrderId::new("o-1").unwrap(),
            quote_id: QuoteId::new("q-1").unwrap(),
            product: ProductId::new("BTC-USD").unwrap(),
            side: Side::Buy,
            price: "50000".parse().unwrap(),
            quantity: quantity.parse().unwrap(),
            fee: assess(desk, "100"),
            executed_at: NOW,
        }
    }

    #[test]
    fn a_trade_moves_the_account_to_its_tier_and_counts_once() {
        let desk = desk();
        assert_eq!(assess(&desk, "100").amount, "1.20".parse().unwrap());
        let big = trade(&desk, 1, "0.3");
        assert_eq!(desk.record(0, 10, &big, NOW), Recorded::Yes);
        assert_eq!(desk.record(0, 10, &big, NOW), Recorded::Duplicate, "the same place again");
        assert_eq!(desk.record(0, 11, &big, NOW), Recorded::Duplicate, "the same event again");
        let view = desk.tier(&account(), NOW).unwrap();
        assert_eq!((view.tier, view.volume_30d), (2, "15000".parse().unwrap()));
        let fee = assess(&desk, "100");
        assert_eq!((fee.rate_bps, fee.freshness), (40.into(), TierFreshness::Normal));
    }

    #[test]
    fn a_place_that_was_passed_is_not_counted_even_if_its_event_was_forgotten() {
        let limits = VolumeLimits { accounts_max: 10, events_max: 1 };
        let desk = Desk::new(Catalogue::default(), FeeSchedules::default(), limits);
        let trades = [trade(&desk, 1, "0.1"), trade(&desk, 2, "0.1"), trade(&desk, 3, "0.1")];
        for pass in 0..2 {
            for (offset, trade) in (0..).zip(&trades) {
                let expected = if pass == 0 { Recorded::Yes } else { Recorded::Duplicate };
                assert_eq!(desk.record(7, offset, trade, NOW), expected);
            }
        }
    }

    #[test]
    fn an_unknown_product_is_refused_with_those_that_there_are() {
        let product = ProductId::new("DOGE-USD").unwrap();
        let refusal = desk().assess(&account(), &product, Decimal::ONE, Liquidity::Taker, NOW).unwrap_err();
        assert_eq!(refusal.code(), RefusalCode::UnknownProduct);
        assert!(refusal.text().contains("BTC-USD, ETH-USD, SOL-USD"), "{refusal}");
    }
}
