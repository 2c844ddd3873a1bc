//! Prices for customers: mid plus or minus a spread, and the rules for a price that is not fresh.
//!
//! Invariants: an ask is rounded up to the tick and a bid down, so rounding never eats the spread; a price older than
//! [`QuoteRules::stale_age_max`] makes no quote; a degraded quote lives shorter and is capped in notional.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::fee::FeeQuote;
use crate::ids::{AccountId, ProductId, QuoteId};
use crate::mode::Mode;
use crate::money::{self, MoneyError};
use crate::order::Side;
use crate::product::{Product, ProductError};
use crate::quote::{PriceFreshness, Quote};
use crate::time::Timestamp;

/// A mid price as the feed told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MidPrice {
    /// The price in the quote asset.
    pub price: Decimal,
    /// When the feed told it.
    pub as_of: Timestamp,
}

/// The rules for quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteRules {
    /// Distance of the price from the mid, in basis points.
    pub spread_bps: Decimal,
    /// Up to this age (inclusive) a price is used as it is.
    pub normal_age_max: Duration,
    /// Up to this age (inclusive) it is used with the wider spread; beyond it there is no quote.
    pub stale_age_max: Duration,
    /// The spread is multiplied by this when the price is flagged.
    pub stale_spread_factor: Decimal,
    /// Life of a quote.
    pub life: Duration,
    /// Life of a degraded quote.
    pub degraded_life: Duration,
    /// The largest degraded quote, in the quote asset.
    pub degraded_notional_max: Decimal,
}

impl Default for QuoteRules {
    /// Half a percent, 10 s and 5 s of life, prices up to 2 s and 10 s old, 1,000 USD when degraded: what public retail and
    /// request-for-quote venues show, and this house's starting values for degraded ones.
    fn default() -> Self {
        Self {
            spread_bps: Decimal::from(50),
            normal_age_max: Duration::from_secs(2),
            stale_age_max: Duration::from_secs(10),
            stale_spread_factor: Decimal::TWO,
            life: Duration::from_secs(10),
            degraded_life: Duration::from_secs(5),
            degraded_notional_max: Decimal::from(1000),
        }
    }
}

/// Why there is no quote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The last price is too old.
    #[error("the last price is {} ms old, more than {} ms", age.as_millis(), age_max.as_millis())]
    Stale {
        /// How old.
        age: Duration,
        /// How old it may be.
        age_max: Duration,
    },
    /// Larger than a degraded quote may be.
    #[error("notional {notional} is above {notional_max}, the most for a degraded quote")]
    DegradedCap {
        /// Price times quantity.
        notional: Decimal,
        /// The most that is allowed.
        notional_max: Decimal,
    },
    /// The price, the quantity or the notional does not fit the product.
    #[error(transparent)]
    Product(#[from] ProductError),
}

impl From<MoneyError> for PriceError {
    fn from(error: MoneyError) -> Self {
        Self::Product(error.into())
    }
}

/// A price for a quantity, before the fee is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The product.
    pub product: ProductId,
    /// Buy or sell.
    pub side: Side,
    /// The quantity, floored to the increment.
    pub quantity: Decimal,
    /// The price, on the tick.
    pub price: Decimal,
    /// Price times quantity, exact: what the fee is asked for.
    pub notional: Decimal,
    /// When the feed told the mid price.
    pub price_as_of: Timestamp,
    /// How old the mid price was.
    pub price_freshness: PriceFreshness,
    /// On which path.
    pub mode: Mode,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

impl QuoteRules {
    /// Prices `quantity` of `product` as of `now`. A quote that falls back to the degraded path is priced again, since its life
    /// and its cap are others.
    ///
    /// # Errors
    /// [`PriceError`]: no quote; tell the customer which rule.
    pub fn price(
        &self,
        product: &Product,
        mid: &MidPrice,
        side: Side,
        quantity: Decimal,
        mode: Mode,
        now: Timestamp,
    ) -> Result<Priced, PriceError> {
        let price_freshness = self.freshness(mid, now)?;
        let quantity = product.floor_quantity(quantity)?;
        let price = self.spread_price(product, mid.price, side, price_freshness)?;
        let notional = product.notional(price, quantity)?;
        if mode == Mode::Degraded && notional > self.degraded_notional_max {
            return Err(PriceError::DegradedCap { notional, notional_max: self.degraded_notional_max });
        }
        let life = if mode == Mode::Degraded { self.degraded_life } else { self.life };
        Ok(Priced {
            product: product.id.clone(),
            side,
            quantity,
            price,
            notional,
            price_as_of: mid.as_of,
            price_freshness,
            mode,
            issued_at: now,
            expires_at: now.plus(life),
        })
    }

    fn freshness(&self, mid: &MidPrice, now: Timestamp) -> Result<PriceFreshness, PriceError> {
        match now.since(mid.as_of) {
            age if age <= self.normal_age_max => Ok(PriceFreshness::Normal),
            age if age <= self.stale_age_max => Ok(PriceFreshness::Flagged),
            age => Err(PriceError::Stale { age, age_max: self.stale_age_max }),
        }
    }

    fn spread_price(
        &self,
        product: &Product,
        mid: Decimal,
        side: Side,
        freshness: PriceFreshness,
    ) -> Result<Decimal, MoneyError> {
        let bps = match freshness {
            PriceFreshness::Normal => self.spread_bps,
            PriceFreshness::Flagged => money::exact_mul(self.spread_bps, self.stale_spread_factor)?,
        };
        let spread = money::basis_points(mid, bps)?;
        let price = match side {
            Side::Buy => money::raise_ask(money::exact_add(mid, spread)?, product.tick)?,
            Side::Sell => money::floor_bid(money::exact_add(mid, -spread)?, product.tick),
        };
        money::check_tick(price, product.tick)?;
        Ok(price)
    }
}

impl Priced {
    /// The quote, once the fee is known.
    pub fn into_quote(self, quote_id: QuoteId, account: AccountId, fee: FeeQuote) -> Quote {
        Quote {
            quote_id,
            account,
            product: self.product,
            side: self.side,
            quantity: self.quantity,
            price: self.price,
            fee,
            price_as_of: self.price_as_of,
            price_freshness: self.price_freshness,
            mode: self.mode,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::product::Catalogue;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn dec(text: &str) -> Decimal {
        money::parse_decimal(text).unwrap()
    }

    fn bitcoin() -> Product {
        Catalogue::default().get(&ProductId::new("BTC-USD").unwrap()).unwrap().clone()
    }

    fn price(side: Side, quantity: &str, mode: Mode, age_ms: u64) -> Result<Priced, PriceError> {
        let mid = MidPrice { price: dec("60000"), as_of: NOW.minus(Duration::from_millis(age_ms)) };
        QuoteRules::default().price(&bitcoin(), &mid, side, dec(quantity), mode, NOW)
    }

    #[test]
    fn a_buyer_pays_above_the_mid_and_a_seller_gets_below() {
        assert_eq!(price(Side::Buy, "0.1", Mode::Normal, 0).unwrap().price, dec("60300"));
        assert_eq!(price(Side::Sell, "0.1", Mode::Normal, 0).unwrap().price, dec("59700"));
    }

    #[test]
    fn a_price_is_fresh_for_two_seconds_flagged_for_ten_and_refused_after() {
        for (age_ms, freshness, ask) in [
            (2_000, PriceFreshness::Normal, "60300"),
            (2_001, PriceFreshness::Flagged, "60600"),
            (10_000, PriceFreshness::Flagged, "60600"),
        ] {
            let priced = price(Side::Buy, "0.1", Mode::Normal, age_ms).unwrap();
            assert_eq!((priced.price_freshness, priced.price), (freshness, dec(ask)), "age {age_ms}");
        }
        assert!(matches!(price(Side::Buy, "0.1", Mode::Normal, 10_001), Err(PriceError::Stale { .. })));
    }

    #[test]
    fn a_degraded_quote_lives_shorter_and_is_capped() {
        let life = |mode| price(Side::Buy, "0.01", mode, 0).map(|priced| priced.expires_at.since(NOW));
        assert_eq!(life(Mode::Normal), Ok(Duration::from_secs(10)));
        assert_eq!(life(Mode::Degraded), Ok(Duration::from_secs(5)));
        assert!(price(Side::Buy, "0.1", Mode::Normal, 0).is_ok());
        assert!(matches!(price(Side::Buy, "0.1", Mode::Degraded, 0), Err(PriceError::DegradedCap { .. })));
    }

    fn check_refusal(quantity: &str, mode: Mode, age_ms: u64, expected: Expect) {
        expected.assert_eq(&price(Side::Buy, quantity, mode, age_ms).unwrap_err().to_string());
    }

    #[test]
    fn a_refusal_names_the_rule() {
        check_refusal(
            "0.1",
            Mode::Degraded,
            0,
            expect!["notional 6030 is above 1000, the most for a degraded quote"],
        );
        check_refusal(
            "0.1",
            Mode::Normal,
            12_000,
            expect!["the last price is 12000 ms old, more than 10000 ms"],
        );
        check_refusal(
            "100",
            Mode::Normal,
            0,
            expect!["notional 6030000 of BTC-USD is outside of 1 to 1000000"],
        );
        check_refusal(
            "0",
            Mode::Normal,
            0,
            expect!["quantity 0 is below the increment 0.00000001 of BTC-USD"],
        );
    }

    proptest! {
        #[test]
        fn a_quote_is_on_the_tick_at_least_the_spread_away_and_less_than_a_tick_more(
            mid in 1_000i64..100_000_000_000, side in prop_oneof![Just(Side::Buy), Just(Side::Sell)], age_ms in 0u64..10_000,
        ) {
            let product = bitcoin();
            let mid = MidPrice { price: Decimal::new(mid, 3), as_of: NOW.minus(Duration::from_millis(age_ms)) };
            let rules = QuoteRules::default();
            if let Ok(priced) = rules.price(&product, &mid, side, Decimal::ONE, Mode::Normal, NOW) {
                let factor = if age_ms > 2_000 { Decimal::TWO } else { Decimal::ONE };
                let spread = money::basis_points(mid.price, rules.spread_bps * factor).unwrap();
                let distance = (priced.price - mid.price) * Decimal::from(if side == Side::Buy { 1 } else { -1 });
                prop_assert!(distance >= spread && distance - spread < product.tick);
                prop_assert!(product.check_price(priced.price).is_ok());
            }
        }
    }
}
