//! Between the wire and the types of `trading`: every value from the wire is checked, every error names the
//! field and the value.
//!
//! Invariant: what is read back from what was written is equal to it; what was written by somebody else is
//! right or an error.

use std::str::FromStr;

use trading::Decimal;
use trading::ids::{EventId, OrderKey};
use trading::money;
use trading::time::Timestamp;

use crate::refusal::cut;
use crate::wire;

mod event;
mod exchange;
mod quote;

/// A field of a message with a value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} = `{value}`: {reason}")]
pub struct FieldError {
    /// Message and field.
    pub field: &'static str,
    /// The value, cut to 64 bytes.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FieldError {
    pub(crate) fn new(field: &'static str, value: impl ToString, reason: impl ToString) -> Self {
        Self { field, value: cut(value.to_string(), 64), reason: cut(reason.to_string(), 256) }
    }
}

type Field<T> = Result<T, FieldError>;

fn id<T>(field: &'static str, text: &str) -> Field<T>
where
    T: FromStr<Err: ToString>,
{
    text.parse().map_err(|error: T::Err| FieldError::new(field, text, error))
}

fn decimal(field: &'static str, text: &str) -> Field<Decimal> {
    money::parse_decimal(text).map_err(|error| FieldError::new(field, text, error))
}

fn positive(field: &'static str, text: &str) -> Field<Decimal> {
    let value = decimal(field, text)?;
    if value > Decimal::ZERO { Ok(value) } else { Err(FieldError::new(field, text, "it must be positive")) }
}

fn present<T>(field: &'static str, value: Option<T>) -> Field<T> {
    value.ok_or_else(|| FieldError::new(field, "", "it must be there"))
}

fn event_id(field: &'static str, bytes: &[u8]) -> Field<EventId> {
    let bytes: [u8; 16] = bytes
        .try_into()
        .map_err(|_| FieldError::new(field, format!("{} bytes", bytes.len()), "an event id has 16 bytes"))?;
    Ok(EventId::from_u128(u128::from_be_bytes(bytes)))
}

fn event_id_bytes(id: EventId) -> Vec<u8> {
    id.as_u128().to_be_bytes().to_vec()
}

fn bounded_text(field: &'static str, text: String, bytes_max: usize) -> Field<String> {
    if text.len() <= bytes_max {
        return Ok(text);
    }
    Err(FieldError::new(field, text, format!("it has at most {bytes_max} bytes")))
}

const fn time(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms)
}

fn key_to_wire(key: OrderKey) -> Option<wire::OrderKey> {
    Some(wire::OrderKey { account: key.account.into(), client_order_id: key.client_order_id.into() })
}

fn key_from_wire(field: &'static str, key: Option<wire::OrderKey>) -> Field<OrderKey> {
    let key = present(field, key)?;
    Ok(OrderKey {
        account: id("OrderKey.account", &key.account)?,
        client_order_id: id("OrderKey.client_order_id", &key.client_order_id)?,
    })
}

/// A pair of enums, here and on the wire. The unspecified value and values of a later schema are errors.
macro_rules! same_enum {
    ($to:ident, $from:ident, $ours:ty, $wire:ty, $($variant:ident),+) => {
        fn $to(value: $ours) -> i32 {
            match value {
                $(<$ours>::$variant => <$wire>::$variant.into(),)+
            }
        }

        fn $from(field: &'static str, number: i32) -> Field<$ours> {
            match <$wire>::try_from(number) {
                $(Ok(<$wire>::$variant) => Ok(<$ours>::$variant),)+
                Ok(<$wire>::Unspecified) | Err(_) => Err(FieldError::new(field, number, "there is no such value")),
            }
        }
    };
}
use same_enum;

same_enum!(side_to_wire, side_from_wire, trading::order::Side, wire::Side, Buy, Sell);
same_enum!(mode_to_wire, mode_from_wire, trading::mode::Mode, wire::Mode, Normal, Degraded);
same_enum!(liquidity_to_wire, liquidity_from_wire, trading::fee::Liquidity, wire::Liquidity, Taker, Maker);
