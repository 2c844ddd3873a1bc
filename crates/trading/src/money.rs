//! Exact decimal money: parsing, checked arithmetic, and one rounding function per purpose.
//!
//! Invariants: no float anywhere; arithmetic either is exact or is an error, because `rust_decimal` would
//! otherwise round half to even in silence when digits run out; values from outside have at most
//! [`SCALE_MAX`] digits after the point and a magnitude of at most [`MAGNITUDE_MAX`], so that tens of them
//! can be added before 96 bits are full.
//!
//! Rounding, the convention of public venues: off-tick prices are rejected and not rounded, quantities are
//! floored to the increment, fees are rounded up in quote units (rebates toward positive infinity as well),
//! and nobody rounds half to even.
//!
//! ```
//! use trading::money::{basis_points, parse_decimal, round_fee_up};
//!
//! let fee = basis_points(parse_decimal("201.05")?, parse_decimal("120")?)?;
//! assert_eq!(round_fee_up(fee, 2).to_string(), "2.42");
//! # Ok::<(), trading::money::MoneyError>(())
//! ```

use rust_decimal::{Decimal, RoundingStrategy};

/// Digits after the point that a value from outside may have.
pub const SCALE_MAX: u32 = 12;

/// The largest magnitude that a value from outside may have, in whole units.
pub const MAGNITUDE_MAX: i64 = 1_000_000_000_000_000;

/// The longest text that is looked at: sign, 16 digits, point, 12 digits, and room for superfluous zeros.
const TEXT_BYTES_MAX: usize = 40;

/// Why an amount was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a plain decimal number.
    #[error(
        "`{0}` is not a decimal number such as `-12.5` (no exponent, no sign other than a leading minus)"
    )]
    NotDecimal(String),
    /// The number has too many digits after the point.
    #[error("{0} has more than {SCALE_MAX} digits after the point")]
    TooFine(Decimal),
    /// The number is too large.
    #[error("{0} is beyond {MAGNITUDE_MAX}")]
    TooLarge(Decimal),
    /// The result does not fit into 96 bits without rounding.
    #[error("the result of {0} {1} {2} cannot be held exactly")]
    Inexact(Decimal, char, Decimal),
    /// The price is not a positive multiple of the tick.
    #[error("price {price} is not a positive multiple of the tick {tick}")]
    OffTick {
        /// The price that was offered.
        price: Decimal,
        /// The tick of the product.
        tick: Decimal,
    },
}

/// Reads a plain decimal such as `-12.50`, and drops superfluous zeros.
///
/// # Errors
/// Text that is not a number, or a number outside of the limits of this module; ask the sender for another
/// one.
pub fn parse_decimal(text: &str) -> Result<Decimal, MoneyError> {
    let not_decimal = || MoneyError::NotDecimal(text.chars().take(TEXT_BYTES_MAX).collect());
    if text.len() > TEXT_BYTES_MAX || !is_plain_decimal(text) {
        return Err(not_decimal());
    }
    let value = Decimal::from_str_exact(text).map_err(|_| not_decimal())?;
    check_amount(value)
}

fn is_plain_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

/// Holds a value against the limits of this module and returns it without superfluous zeros.
///
/// # Errors
/// [`MoneyError::TooFine`] or [`MoneyError::TooLarge`].
pub fn check_amount(value: Decimal) -> Result<Decimal, MoneyError> {
    let value = value.normalize();
    if value.scale() > SCALE_MAX {
        return Err(MoneyError::TooFine(value));
    }
    if value.abs() > Decimal::from(MAGNITUDE_MAX) {
        return Err(MoneyError::TooLarge(value));
    }
    Ok(value)
}

/// The one text of a value: no superfluous zeros, no exponent, no `-0`.
pub fn canonical(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Multiplies without rounding.
///
/// # Errors
/// [`MoneyError::Inexact`] when the digits do not fit; the operands are out of proportion.
pub fn exact_mul(left: Decimal, right: Decimal) -> Result<Decimal, MoneyError> {
    let (a, b) = (left.normalize(), right.normalize());
    match a.checked_mul(b) {
        Some(product) if product.is_zero() && (a.is_zero() || b.is_zero()) => Ok(Decimal::ZERO),
        Some(product) if product.scale() == a.scale() + b.scale() => Ok(product.normalize()),
        _ => Err(MoneyError::Inexact(left, '*', right)),
    }
}

/// Adds without rounding.
///
/// # Errors
/// [`MoneyError::Inexact`] when the digits do not fit.
pub fn exact_add(left: Decimal, right: Decimal) -> Result<Decimal, MoneyError> {
    let (a, b) = (left.normalize(), right.normalize());
    if a.is_zero() || b.is_zero() {
        return Ok(if a.is_zero() { b } else { a });
    }
    match a.checked_add(b) {
        Some(sum) if sum.is_zero() || sum.scale() >= a.scale().max(b.scale()) => Ok(sum.normalize()),
        _ => Err(MoneyError::Inexact(left, '+', right)),
    }
}

/// `amount` times `bps` ten-thousandths, unrounded.
///
/// # Errors
/// [`MoneyError::Inexact`] when the digits do not fit.
pub fn basis_points(amount: Decimal, bps: Decimal) -> Result<Decimal, MoneyError> {
    exact_mul(exact_mul(amount, bps)?, Decimal::new(1, 4))
}

/// A fee in quote units: up to the next unit, a rebate (a negative fee) toward positive infinity as well.
pub fn round_fee_up(fee: Decimal, quote_decimals: u32) -> Decimal {
    round(fee, quote_decimals, RoundingStrategy::ToPositiveInfinity)
}

/// What a buyer pays: the notional, up to the next quote unit.
pub fn round_payment_up(notional: Decimal, quote_decimals: u32) -> Decimal {
    round(notional, quote_decimals, RoundingStrategy::ToPositiveInfinity)
}

/// What a seller receives: the notional, down to the quote unit below.
pub fn round_proceeds_down(notional: Decimal, quote_decimals: u32) -> Decimal {
    round(notional, quote_decimals, RoundingStrategy::ToNegativeInfinity)
}

fn round(value: Decimal, decimals: u32, strategy: RoundingStrategy) -> Decimal {
    value.round_dp_with_strategy(decimals, strategy).normalize()
}

/// The largest multiple of `increment` (positive) that is not above `quantity`; zero for anything not
/// positive.
pub fn floor_quantity(quantity: Decimal, increment: Decimal) -> Decimal {
    floor_to(quantity, increment).unwrap_or(Decimal::ZERO)
}

/// The largest multiple of `tick` (positive) that is not above `price`: a bid; zero for anything not
/// positive.
pub fn floor_bid(price: Decimal, tick: Decimal) -> Decimal {
    floor_to(price, tick).unwrap_or(Decimal::ZERO)
}

/// The smallest multiple of `tick` (positive) that is not below `price`: an ask.
///
/// # Errors
/// [`MoneyError::Inexact`] when the result does not fit.
pub fn raise_ask(price: Decimal, tick: Decimal) -> Result<Decimal, MoneyError> {
    let floor = floor_bid(price, tick);
    if floor == price { Ok(price.normalize()) } else { exact_add(floor, tick) }
}

fn floor_to(value: Decimal, unit: Decimal) -> Option<Decimal> {
    if value <= Decimal::ZERO || unit <= Decimal::ZERO {
        return None;
    }
    let excess = value.checked_rem(unit)?;
    value.checked_sub(excess).map(|floored| floored.normalize())
}

/// Holds a limit price against the tick; prices are never rounded for the customer.
///
/// # Errors
/// [`MoneyError::OffTick`]: reject the order and name the tick.
pub fn check_tick(price: Decimal, tick: Decimal) -> Result<(), MoneyError> {
    match floor_to(price, tick) {
        Some(floored) if floored == price => Ok(()),
        _ => Err(MoneyError::OffTick { price, tick }),
    }
}

/// Serde for decimals as text, for `#[serde(with = "trading::money::text")]`: a JSON or TOML number is
/// refused, since it would have been a float on its way.
pub mod text {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes the canonical text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::canonical(*value))
    }

    /// Reads what [`super::parse_decimal`] accepts.
    ///
    /// # Errors
    /// A value that is not text, or text that is not a decimal within the limits.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_decimal(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dec(text: &str) -> Decimal {
        parse_decimal(text).unwrap()
    }

    #[test]
    fn only_plain_decimals_are_read() {
        for text in ["", "-", "+1", "1e3", "1_000", ".5", "5.", " 1", "0x1", "1.2.3", "NaN", "١"] {
            assert_eq!(parse_decimal(text), Err(MoneyError::NotDecimal(text.into())), "{text}");
        }
        assert!(
            matches!(parse_decimal(&"9".repeat(4000)), Err(MoneyError::NotDecimal(kept)) if kept.len() == 40)
        );
        assert!(matches!(parse_decimal("0.0000000000001"), Err(MoneyError::TooFine(_))));
        assert!(matches!(parse_decimal("1000000000000001"), Err(MoneyError::TooLarge(_))));
        assert_eq!(canonical(dec("-0.000")), "0");
        assert_eq!(canonical(dec("007.50")), "7.5");
    }

    #[test]
    fn fees_round_up_and_rebates_toward_positive_infinity() {
        assert_eq!(round_fee_up(dec("0.001"), 2), dec("0.01"));
        assert_eq!(round_fee_up(dec("0.01"), 2), dec("0.01"));
        assert_eq!(round_fee_up(dec("-0.019"), 2), dec("-0.01"));
    }

    #[test]
    fn halves_never_go_to_the_even_neighbour() {
        assert_eq!(round_payment_up(dec("0.125"), 2), dec("0.13"));
        assert_eq!(round_payment_up(dec("0.145"), 2), dec("0.15"));
        assert_eq!(round_proceeds_down(dec("0.135"), 2), dec("0.13"));
        assert_eq!(round_proceeds_down(dec("0.139"), 2), dec("0.13"));
    }

    #[test]
    fn off_tick_prices_are_rejected_not_rounded() {
        assert_eq!(check_tick(dec("100.05"), dec("0.05")), Ok(()));
        for price in ["100.06", "0", "-0.05"] {
            assert!(check_tick(dec(price), dec("0.05")).is_err(), "{price}");
        }
    }

    #[test]
    fn arithmetic_that_would_round_is_an_error() {
        let fine = dec("123456789012.123456789012");
        assert!(matches!(exact_mul(fine, fine), Err(MoneyError::Inexact(..))));
        let huge = Decimal::MAX;
        assert!(matches!(exact_add(huge, dec("0.1")), Err(MoneyError::Inexact(..))));
        assert_eq!(exact_mul(Decimal::ZERO, huge), Ok(Decimal::ZERO));
        assert_eq!(basis_points(dec("1000"), dec("50")), Ok(dec("5")));
    }

    #[test]
    fn decimals_travel_as_text_and_numbers_are_refused() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Row {
            #[serde(with = "text")]
            amount: Decimal,
        }
        assert_eq!(
            serde_json::to_string(&Row { amount: Decimal::new(150, 2) }).unwrap(),
            r#"{"amount":"1.5"}"#
        );
        assert!(serde_json::from_str::<Row>(r#"{"amount":1.5}"#).is_err());
        assert!(serde_json::from_str::<Row>(r#"{"amount":"1.5"}"#).is_ok());
    }

    fn amounts() -> impl Strategy<Value = Decimal> {
        (any::<i64>(), 0u32..=SCALE_MAX)
            .prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
            .prop_filter("within the limits", |value| check_amount(*value).is_ok())
    }

    proptest! {
        #[test]
        fn canonical_text_reads_back_as_the_same_value(value in amounts()) {
            let text = canonical(value);
            prop_assert_eq!(parse_decimal(&text), Ok(value.normalize()));
            prop_assert_eq!(canonical(dec(&text)), text);
        }

        #[test]
        fn parsing_never_panics(text in ".{0,60}") {
            let _ = parse_decimal(&text);
        }

        #[test]
        fn a_floored_quantity_is_a_multiple_at_most_one_increment_below(
            mantissa in 1i64..1_000_000_000_000_000,
            scale in 0u32..=SCALE_MAX,
            increment_scale in 0u32..=SCALE_MAX,
        ) {
            let (quantity, increment) = (Decimal::new(mantissa, scale), Decimal::new(1, increment_scale));
            let floored = floor_quantity(quantity, increment);
            prop_assert!(floored <= quantity && quantity - floored < increment);
            prop_assert!((floored % increment).is_zero());
        }

        #[test]
        fn a_bid_is_never_above_and_an_ask_never_below(
            mantissa in 1i64..1_000_000_000_000, tick in 1i64..10_000,
        ) {
            let (price, tick) = (Decimal::new(mantissa, 6), Decimal::new(tick, 4));
            let (bid, ask) = (floor_bid(price, tick), raise_ask(price, tick).unwrap());
            prop_assert!(bid <= price && price <= ask && ask - bid <= tick);
            prop_assert!(check_tick(ask, tick).is_ok());
        }

        #[test]
        fn rounding_moves_a_fee_by_less_than_one_unit_and_never_down(
            value in amounts(), decimals in 0u32..=8,
        ) {
            let rounded = round_fee_up(value, decimals);
            prop_assert!(rounded >= value && rounded - value < Decimal::new(1, decimals));
        }

        #[test]
        fn exact_products_of_small_numbers_agree_with_integers(
            a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000,
        ) {
            let product = exact_mul(Decimal::new(a, 4), Decimal::new(b, 8)).unwrap();
            prop_assert_eq!(product, Decimal::from_i128_with_scale(i128::from(a) * i128::from(b), 12));
        }
    }
}
