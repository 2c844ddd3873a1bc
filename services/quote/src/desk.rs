//! The quote desk: prices and signs. Both ways to a quote end here, so they cannot differ in more than the mode.

use std::time::Duration;

use contracts::event::Tick;
use contracts::refusal::{Refusal, RefusalCode};
use service_kit::problem::PathTaken;
use trading::fee::{FeeQuote, FeeSchedules, FeeTerms, Liquidity, TierLimits};
use trading::mode::Mode;
use trading::pricing::{Priced, QuoteRules};
use trading::product::Catalogue;
use trading::signature::QuoteSigner;
use trading::time::Timestamp;

use crate::prices::Prices;
use crate::quote::{Ask, Issued};
use crate::tiers::Tiers;

/// Prices, fees of last resort, and the signature.
#[derive(Debug)]
pub struct Desk {
    catalogue: Catalogue,
    schedules: FeeSchedules,
    rules: QuoteRules,
    signer: QuoteSigner,
    prices: Prices,
    tiers: Tiers,
}

impl Desk {
    /// A desk with the shipped catalogue, schedules and rules.
    #[must_use]
    pub fn new(signer: QuoteSigner, tiers: Tiers) -> Self {
        Self {
            catalogue: Catalogue::default(),
            schedules: FeeSchedules::default(),
            rules: QuoteRules::default(),
            signer,
            prices: Prices::default(),
            tiers,
        }
    }

    /// Takes a price from the feed. A tick of a product that is not traded here is not kept.
    pub fn record(&self, tick: &Tick) {
        if self.catalogue.get(&tick.product).is_some() {
            self.prices.record(tick);
        }
    }

    /// How old the price is that a question would be answered with; nothing if there is none yet. A product that there
    /// is not has no old price: it is refused for what it is.
    #[must_use]
    pub fn price_age(&self, ask: &Ask, now: Timestamp) -> Option<Duration> {
        if self.catalogue.get(&ask.product).is_none() {
            return Some(Duration::ZERO);
        }
        self.prices.latest(&ask.product).map(|mid| now.since(mid.as_of))
    }

    /// The price for a question, on the terms of the mode.
    ///
    /// # Errors
    /// An unknown product, no price yet or a stale one, or a quantity out of bounds.
    pub fn price(&self, ask: &Ask, mode: Mode, now: Timestamp) -> Result<Priced, Refusal> {
        let product = self.catalogue.get(&ask.product).ok_or_else(|| self.unknown_product(ask))?;
        let mid = self.prices.latest(&ask.product).ok_or_else(|| {
            let text = format!("the price of {} is not yet known: no tick came so far", ask.product);
            Refusal::new(RefusalCode::PriceUnavailable, text)
        })?;
        let priced = self.rules.price(product, &mid, ask.side, ask.quantity, mode, now);
        priced.map_err(|error| Refusal::from(&error))
    }

    /// The fee on the tier that is known of the account, within its staleness limit; beyond it the base tier.
    ///
    /// # Errors
    /// No schedule is in effect, or the notional is out of all proportion.
    pub fn cached_fee(&self, ask: &Ask, priced: &Priced, now: Timestamp) -> Result<FeeQuote, Refusal> {
        let product = self.catalogue.get(&ask.product).ok_or_else(|| self.unknown_product(ask))?;
        let terms = FeeTerms {
            notional: priced.notional,
            liquidity: Liquidity::Taker,
            quote_decimals: product.quote_decimals,
        };
        let standing = self.tiers.standing(&ask.account);
        let fee = self.schedules.assess(&terms, standing.as_ref(), &TierLimits::default(), now);
        fee.map_err(|error| Refusal::from(&error))
    }

    /// Learns the tier behind a fee that the fee service told.
    pub fn learn(&self, ask: &Ask, fee: &FeeQuote, now: Timestamp) {
        self.tiers.learn(&ask.account, fee, &self.schedules, now);
    }

    /// The signed quote.
    #[must_use]
    pub fn issue(&self, ask: &Ask, priced: Priced, fee: FeeQuote) -> Issued {
        let path = if priced.mode == Mode::Degraded { PathTaken::Sync } else { PathTaken::Kafka };
        let quote = priced.into_quote(ask.quote_id.clone(), ask.account.clone(), fee);
        Issued { signed: self.signer.sign(quote), path }
    }

    fn unknown_product(&self, ask: &Ask) -> Refusal {
        let known: Vec<_> = self.catalogue.iter().map(|product| product.id.as_str()).collect();
        let text = format!("there is no product `{}`: there are {}", ask.product, known.join(", "));
        Refusal::new(RefusalCode::UnknownProduct, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ask, desk, tick};
    use service_kit::clock;
    use trading::fee::TierFreshness;
    use trading::ids::ProductId;
    use trading::quote::PriceFreshness;
    use trading::time::Timestamp;

    fn code(result: Result<Priced, Refusal>) -> RefusalCode {
        result.unwrap_err().code()
    }

    #[test]
    fn before_the_first_tick_the_price_is_not_known() {
        let desk = Desk::new(QuoteSigner::new(&[7; 32]).unwrap(), Tiers::new(1));
        assert_eq!(code(desk.price(&ask(), Mode::Normal, clock::now())), RefusalCode::PriceUnavailable);
        let doge = Ask { product: ProductId::new("DOGE-USD").unwrap(), ..ask() };
        assert_eq!(code(desk.price(&doge, Mode::Normal, clock::now())), RefusalCode::UnknownProduct);
    }

    #[test]
    fn a_price_is_flagged_after_two_seconds_and_useless_after_ten() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let desk = Desk::new(QuoteSigner::new(&[7; 32]).unwrap(), Tiers::new(1));
        desk.record(&tick(50_000, now));
        let at = |seconds| desk.price(&ask(), Mode::Normal, now.plus(Duration::from_secs(seconds)));
        assert_eq!(at(2).unwrap().price_freshness, PriceFreshness::Normal);
        assert_eq!(at(3).unwrap().price_freshness, PriceFreshness::Flagged);
        assert_eq!(code(at(11)), RefusalCode::PriceStale);
    }

    #[test]
    fn a_degraded_quote_lives_shorter_and_is_capped() {
        let (desk, now) = (desk(Duration::ZERO), clock::now());
        let life = |mode| {
            let priced = desk.price(&ask(), mode, now).unwrap();
            priced.expires_at.since(priced.issued_at)
        };
        assert!(life(Mode::Degraded) < life(Mode::Normal));
        let large = Ask { quantity: "0.03".parse().unwrap(), ..ask() };
        assert!(desk.price(&large, Mode::Normal, now).is_ok());
        assert_eq!(code(desk.price(&large, Mode::Degraded, now)), RefusalCode::DegradedCap);
    }

    #[test]
    fn the_cached_fee_is_that_of_the_learned_tier_while_it_is_young_enough() {
        let (desk, now) = (desk(Duration::ZERO), clock::now());
        let priced = desk.price(&ask(), Mode::Degraded, now).unwrap();
        let unknown = desk.cached_fee(&ask(), &priced, now).unwrap();
        assert_eq!((unknown.tier, unknown.freshness), (0, TierFreshness::Base));
        let taught = FeeQuote { tier: 2, freshness: TierFreshness::Normal, tier_as_of: now, ..unknown };
        desk.learn(&ask(), &taught, now);
        let at = |hours: u64| {
            desk.cached_fee(&ask(), &priced, now.plus(Duration::from_secs(3600 * hours))).unwrap()
        };
        assert_eq!((at(0).tier, at(0).freshness), (2, TierFreshness::Normal));
        assert_eq!((at(2).tier, at(2).freshness), (2, TierFreshness::Flagged));
        assert_eq!((at(25).tier, at(25).freshness), (0, TierFreshness::Base));
    }
}
