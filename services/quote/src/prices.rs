//! The latest mid price of each product, from the feed.
//!
//! Invariants: only products of the catalogue are kept, so there are never more; a tick that is older than the one
//! that is known is ignored.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use contracts::event::Tick;
use trading::ids::ProductId;
use trading::pricing::MidPrice;

/// The latest prices.
#[derive(Debug, Default)]
pub struct Prices(RwLock<HashMap<ProductId, MidPrice>>);

impl Prices {
    /// Takes a tick of a product of the catalogue.
    pub fn record(&self, tick: &Tick) {
        let newer = MidPrice { price: tick.mid, as_of: tick.at };
        let mut prices = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = prices.entry(tick.product.clone()).or_insert(newer);
        if newer.as_of >= known.as_of {
            *known = newer;
        }
    }

    /// The latest price; `None` before the first tick.
    #[must_use]
    pub fn latest(&self, product: &ProductId) -> Option<MidPrice> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(product).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trading::time::Timestamp;

    #[test]
    fn an_older_tick_does_not_undo_a_newer_one() {
        let prices = Prices::default();
        let product = ProductId::new("BTC-USD").unwrap();
        assert_eq!(prices.latest(&product), None);
        for (mid, at) in [(100, 1), (102, 3), (101, 2)] {
            let at = Timestamp::from_unix_ms(at);
            prices.record(&Tick { product: product.clone(), mid: mid.into(), sequence: 1, at });
        }
        assert_eq!(prices.latest(&product).unwrap().price, 102.into());
    }
}
