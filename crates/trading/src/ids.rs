//! Names of things: accounts, orders, quotes, assets, products, events.
//!
//! Invariants: a text id has 1 to [`ID_BYTES_MAX`] bytes out of `A-Z a-z 0-9 . _ : -`, so it can stand in a header, a URL path
//! and a log line as it is; an asset is 1 to 12 capital letters or digits; an event id is 128 bits. Clones are cheap.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest text id.
pub const ID_BYTES_MAX: usize = 64;

/// The longest asset code.
pub const ASSET_BYTES_MAX: usize = 12;

/// Why a text cannot be an id; names the kind, the text (cut at the limit) and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: allowed is {allowed}")]
pub struct IdError {
    kind: &'static str,
    text: String,
    allowed: &'static str,
}

const TEXT_ID_ALLOWED: &str = "1 to 64 characters of A-Z a-z 0-9 . _ : -";

fn checked(
    kind: &'static str,
    text: &str,
    bytes_max: usize,
    allowed: &'static str,
    fits: impl Fn(u8) -> bool,
) -> Result<Arc<str>, IdError> {
    if (1..=bytes_max).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.into());
    }
    Err(IdError { kind, text: text.chars().take(bytes_max).collect(), allowed })
}

fn checked_text_id(kind: &'static str, text: &str) -> Result<Arc<str>, IdError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    checked(kind, text, ID_BYTES_MAX, TEXT_ID_ALLOWED, fits)
}

fn checked_asset(kind: &'static str, text: &str) -> Result<Arc<str>, IdError> {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    checked(kind, text, ASSET_BYTES_MAX, "1 to 12 characters of A-Z 0-9", fits)
}

macro_rules! text_ids {
    ($($(#[$meta:meta])* $name:ident, $kind:literal, $check:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes a text.
            ///
            /// # Errors
            /// A text of a wrong length or with other characters; refuse the request that carried it.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                $check($kind, text.as_ref()).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
    )+};
}

text_ids! {
    /// A customer's account.
    AccountId, "an account id", checked_text_id;
    /// What the customer calls an order; unique within the account.
    ClientOrderId, "a client order id", checked_text_id;
    /// What the house calls an order.
    OrderId, "an order id", checked_text_id;
    /// A quote.
    QuoteId, "a quote id", checked_text_id;
    /// A product such as `BTC-USD`.
    ProductId, "a product id", checked_text_id;
    /// The version of a fee schedule.
    ScheduleVersion, "a fee schedule version", checked_text_id;
    /// A kind of service, such as `trade`.
    ServiceId, "a service id", checked_text_id;
    /// One running instance of a service.
    InstanceId, "an instance id", checked_text_id;
    /// A currency or coin such as `USD`.
    Asset, "an asset", checked_asset;
}

/// What makes an order unique: the account, and the customer's own id for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderKey {
    /// Whose order.
    pub account: AccountId,
    /// Which of the account's orders.
    pub client_order_id: ClientOrderId,
}

impl fmt::Display for OrderKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.account, self.client_order_id)
    }
}

/// The identity of an event: 128 bits, written like a UUID. A repetition of the same fact has the same id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u128);

impl EventId {
    /// The id with these bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(formatter, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EventId({self})")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refused_id_says_what_is_allowed() {
        let error = AccountId::new("alice smith").unwrap_err();
        expect!["`alice smith` is not an account id: allowed is 1 to 64 characters of A-Z a-z 0-9 . _ : -"]
            .assert_eq(&error.to_string());
        let error = Asset::new("usd").unwrap_err();
        expect!["`usd` is not an asset: allowed is 1 to 12 characters of A-Z 0-9"]
            .assert_eq(&error.to_string());
    }

    #[test]
    fn an_id_has_a_length_limit_and_so_has_its_error() {
        assert!(OrderId::new("x".repeat(ID_BYTES_MAX)).is_ok());
        assert!(OrderId::new("").is_err());
        let error = OrderId::new("x".repeat(100_000)).unwrap_err();
        assert!(error.to_string().len() < 200);
    }

    #[test]
    fn serde_checks_ids_too() {
        assert_eq!(serde_json::from_str::<QuoteId>(r#""q-1""#).unwrap(), QuoteId::new("q-1").unwrap());
        assert!(serde_json::from_str::<QuoteId>(r#""q 1""#).is_err());
        assert_eq!(serde_json::to_string(&QuoteId::new("q-1").unwrap()).unwrap(), r#""q-1""#);
    }

    #[test]
    fn an_event_id_reads_like_a_uuid() {
        let id = EventId::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        expect!["01020304-0506-0708-090a-0b0c0d0e0f10"].assert_eq(&id.to_string());
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_an_error_and_never_a_panic(text in ".{0,80}") {
            if let Ok(id) = AccountId::new(&text) {
                prop_assert_eq!(id.as_str(), text.as_str());
                prop_assert!(text.len() <= ID_BYTES_MAX && text.is_ascii());
            }
        }
    }
}
