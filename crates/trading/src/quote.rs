//! A quote: a firm price for one customer, for a short time.
//!
//! Invariants: a quote is usable strictly before `expires_at`, by its own account and for its own terms. That it is used at most
//! once is for the service that keeps orders, not for this module. How its price comes about is in [`crate::pricing`].

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::fee::FeeQuote;
use crate::ids::{AccountId, ProductId, QuoteId};
use crate::mode::Mode;
use crate::order::{OrderTerms, Side};
use crate::time::Timestamp;

/// How old the price behind a quote was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceFreshness {
    /// Fresh enough to be used as it is.
    Normal,
    /// Older than that: the spread is wider, and the quote is flagged.
    Flagged,
}

/// A firm price for one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Its id; names it once, and only once.
    pub quote_id: QuoteId,
    /// For whom.
    pub account: AccountId,
    /// The product.
    pub product: ProductId,
    /// Buy or sell.
    pub side: Side,
    /// How much of the base asset.
    #[serde(with = "crate::money::text")]
    pub quantity: Decimal,
    /// The price in the quote asset.
    #[serde(with = "crate::money::text")]
    pub price: Decimal,
    /// The fee.
    pub fee: FeeQuote,
    /// When the feed told the mid price.
    pub price_as_of: Timestamp,
    /// How old the mid price was.
    pub price_freshness: PriceFreshness,
    /// On which path it was made.
    pub mode: Mode,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

/// Why a quote cannot be used for an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteRefusal {
    /// The signature is not ours, or a field was changed.
    #[error("the signature of quote {0} does not fit its fields")]
    Forged(QuoteId),
    /// Its life is over.
    #[error("quote {quote_id} expired at {expires_at}")]
    Expired {
        /// Which quote.
        quote_id: QuoteId,
        /// When it ended.
        expires_at: Timestamp,
    },
    /// It was made for another account, product, side or quantity.
    #[error("quote {0} was made for another order")]
    OtherTerms(QuoteId),
}

impl Quote {
    /// Whether an order of `account` with these terms may be executed at this quote now; the quantity of the terms is the
    /// floored one, as in the quote.
    ///
    /// # Errors
    /// [`QuoteRefusal::OtherTerms`] or [`QuoteRefusal::Expired`]; ask for another quote.
    pub fn check_use(
        &self,
        account: &AccountId,
        terms: &OrderTerms,
        now: Timestamp,
    ) -> Result<(), QuoteRefusal> {
        let same_terms =
            self.product == terms.product && self.side == terms.side && self.quantity == terms.quantity;
        if &self.account != account || !same_terms {
            return Err(QuoteRefusal::OtherTerms(self.quote_id.clone()));
        }
        if now >= self.expires_at {
            return Err(QuoteRefusal::Expired {
                quote_id: self.quote_id.clone(),
                expires_at: self.expires_at,
            });
        }
        Ok(())
    }
}
