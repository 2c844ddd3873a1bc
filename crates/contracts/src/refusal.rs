//! Refusals: an answer that says no, with a code for programs and a sentence for people.
//!
//! Invariant: the sentence has at most [`REFUSAL_TEXT_BYTES_MAX`] bytes; a longer one is cut when a refusal
//! is made.

use std::fmt;

use trading::fee::FeeError;
use trading::pricing::PriceError;
use trading::product::ProductError;

/// The longest sentence of a refusal.
pub const REFUSAL_TEXT_BYTES_MAX: usize = 512;

/// Why a request was refused, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// There is no such product.
    UnknownProduct,
    /// The price is off the tick, or out of proportion.
    InvalidPrice,
    /// Nothing is left of the quantity after flooring.
    InvalidQuantity,
    /// The notional is outside of the product's limits.
    NotionalOutOfBounds,
    /// No price is known yet.
    PriceUnavailable,
    /// The last price is too old.
    PriceStale,
    /// Larger than a degraded quote may be.
    DegradedCap,
    /// There is no fee.
    FeeUnavailable,
    /// The service has too much to do.
    Overloaded,
    /// The answer would have come too late.
    DeadlinePassed,
    /// A fault of the house.
    Internal,
}

impl RefusalCode {
    /// Every code.
    pub const ALL: [Self; 11] = [
        Self::UnknownProduct,
        Self::InvalidPrice,
        Self::InvalidQuantity,
        Self::NotionalOutOfBounds,
        Self::PriceUnavailable,
        Self::PriceStale,
        Self::DegradedCap,
        Self::FeeUnavailable,
        Self::Overloaded,
        Self::DeadlinePassed,
        Self::Internal,
    ];

    /// The code as text, for problem documents and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownProduct => "unknown-product",
            Self::InvalidPrice => "invalid-price",
            Self::InvalidQuantity => "invalid-quantity",
            Self::NotionalOutOfBounds => "notional-out-of-bounds",
            Self::PriceUnavailable => "price-unavailable",
            Self::PriceStale => "price-stale",
            Self::DegradedCap => "degraded-cap",
            Self::FeeUnavailable => "fee-unavailable",
            Self::Overloaded => "overloaded",
            Self::DeadlinePassed => "deadline-passed",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub struct Refusal {
    code: RefusalCode,
    text: String,
}

impl Refusal {
    /// A refusal with its sentence, which is cut to [`REFUSAL_TEXT_BYTES_MAX`].
    pub fn new(code: RefusalCode, text: impl Into<String>) -> Self {
        Self { code, text: cut(text.into(), REFUSAL_TEXT_BYTES_MAX) }
    }

    /// The code.
    pub fn code(&self) -> RefusalCode {
        self.code
    }

    /// The sentence.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<&ProductError> for Refusal {
    fn from(error: &ProductError) -> Self {
        let code = match error {
            ProductError::Money(_) => RefusalCode::InvalidPrice,
            ProductError::QuantityTooSmall { .. } => RefusalCode::InvalidQuantity,
            ProductError::NotionalOutOfBounds { .. } => RefusalCode::NotionalOutOfBounds,
        };
        Self::new(code, error.to_string())
    }
}

impl From<&PriceError> for Refusal {
    fn from(error: &PriceError) -> Self {
        match error {
            PriceError::Stale { .. } => Self::new(RefusalCode::PriceStale, error.to_string()),
            PriceError::DegradedCap { .. } => Self::new(RefusalCode::DegradedCap, error.to_string()),
            PriceError::Product(error) => error.into(),
        }
    }
}

impl From<&FeeError> for Refusal {
    fn from(error: &FeeError) -> Self {
        Self::new(RefusalCode::FeeUnavailable, error.to_string())
    }
}

/// Cuts a text to at most `bytes_max` bytes, at a character.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_cut_at_a_character() {
        let refusal = Refusal::new(RefusalCode::Internal, "é".repeat(400) + "x");
        assert_eq!(refusal.text().len(), REFUSAL_TEXT_BYTES_MAX);
        let refusal = Refusal::new(RefusalCode::Internal, format!("x{}", "é".repeat(400)));
        assert_eq!(refusal.text().len(), REFUSAL_TEXT_BYTES_MAX - 1);
    }

    #[test]
    fn the_rules_of_trading_become_codes() {
        let stale = PriceError::Stale {
            age: std::time::Duration::from_secs(11),
            age_max: std::time::Duration::from_secs(10),
        };
        assert_eq!(
            Refusal::from(&stale).to_string(),
            "price-stale: the last price is 11000 ms old, more than 10000 ms"
        );
    }
}
