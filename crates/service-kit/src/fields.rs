//! The fields of a JSON body, read one by one, so that an error names the field, its value and what is allowed.
//!
//! Invariants: an unknown field is refused, never ignored; amounts are text, because a JSON number is a float to
//! most who write it.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::BytesRejection;
use bytes::Bytes;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use trading::fee::Liquidity;
use trading::money;
use trading::order::Side;

use crate::problem::Problem;

/// How much of a value is repeated in an error.
const VALUE_CHARS_SHOWN: usize = 64;

/// The names of [`Side`].
pub const SIDES: [(&str, Side); 2] = [("buy", Side::Buy), ("sell", Side::Sell)];
/// The names of [`Liquidity`].
pub const LIQUIDITIES: [(&str, Liquidity); 2] = [("taker", Liquidity::Taker), ("maker", Liquidity::Maker)];

/// The fields of one body.
#[derive(Debug, Clone)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body that is an object of `known` fields.
    ///
    /// # Errors
    /// 413 for a body over the limit; 400 for one that is no JSON object or has an unknown field.
    pub fn read(body: Result<Bytes, BytesRejection>, known: &[&str]) -> Result<Self, Problem> {
        let body =
            body.map_err(|rejection| Problem::unreadable_body(rejection.status(), rejection.body_text()))?;
        let value: Value = serde_json::from_slice(&body)
            .map_err(|error| Problem::bad_request(format!("the body is not JSON: {error}")))?;
        let Value::Object(fields) = value else {
            return Err(Problem::bad_request("the body must be a JSON object"));
        };
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Problem::bad_request(format!(
                "unknown field `{}`: allowed are {}",
                shown(name),
                known.join(", ")
            ))),
            None => Ok(Self(fields)),
        }
    }

    /// A field that must be there, as text that reads as a `T`.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn required<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Problem> {
        self.optional(name)?.ok_or_else(|| missing(name))
    }

    /// The same for a field that may be missing or null.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn optional<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: &str| text.parse().map_err(|error: T::Err| bad(name, &error));
        self.text(name)?.map(parse).transpose()
    }

    /// A decimal that must be there and be positive.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn positive(&self, name: &str) -> Result<Decimal, Problem> {
        self.optional_positive(name)?.ok_or_else(|| missing(name))
    }

    /// The same for a field that may be missing or null.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn optional_positive(&self, name: &str) -> Result<Option<Decimal>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let value = money::parse_decimal(text).map_err(|error| bad(name, &error))?;
        if value > Decimal::ZERO {
            return Ok(Some(value));
        }
        Err(bad(name, &format!("`{}`: allowed is a decimal above zero", shown(text))))
    }

    /// One of several names, which must be there.
    ///
    /// # Errors
    /// 400, naming the field, its value and the choices.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, Problem> {
        self.optional_choice(name, choices)?.ok_or_else(|| missing(name))
    }

    /// The same for a field that may be missing or null.
    ///
    /// # Errors
    /// 400, naming the field, its value and the choices.
    pub fn optional_choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = choices.iter().find(|(choice, _)| *choice == text);
        let allowed = || choices.iter().map(|(choice, _)| *choice).collect::<Vec<_>>().join(", ");
        found
            .map(|(_, value)| Some(*value))
            .ok_or_else(|| bad(name, &format!("`{}`: allowed are {}", shown(text), allowed())))
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => {
                Err(bad(name, &format!("`{}`: allowed is text in quotes", shown(&other.to_string()))))
            }
        }
    }
}

fn missing(name: &str) -> Problem {
    Problem::bad_request(format!("field `{name}` is missing"))
}

fn bad(name: &str, error: &impl Display) -> Problem {
    Problem::bad_request(format!("field `{name}`: {error}"))
}

fn shown(text: &str) -> String {
    text.chars().take(VALUE_CHARS_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trading::ids::AccountId;

    const KNOWN: [&str; 3] = ["account", "side", "quantity"];

    fn read(body: &'static str) -> Result<Fields, Problem> {
        Fields::read(Ok(Bytes::from_static(body.as_bytes())), &KNOWN)
    }

    fn detail<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
        result.unwrap_err().detail().to_owned()
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_name() {
        assert_eq!(
            detail(read(r#"{"acount":"a"}"#)),
            "unknown field `acount`: allowed are account, side, quantity"
        );
        assert_eq!(detail(read("[]")), "the body must be a JSON object");
        assert!(detail(read("{")).starts_with("the body is not JSON"));
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_allowed() {
        let fields = read(r#"{"account":"a b","side":"hold","quantity":"-1"}"#).unwrap();
        let account = detail(fields.required::<AccountId>("account"));
        assert!(account.contains("`account`") && account.contains("a b"), "{account}");
        assert_eq!(detail(fields.choice("side", &SIDES)), "field `side`: `hold`: allowed are buy, sell");
        assert_eq!(
            detail(fields.positive("quantity")),
            "field `quantity`: `-1`: allowed is a decimal above zero"
        );
    }

    #[test]
    fn an_amount_as_a_json_number_is_refused() {
        let fields = read(r#"{"quantity":0.1}"#).unwrap();
        assert_eq!(detail(fields.positive("quantity")), "field `quantity`: `0.1`: allowed is text in quotes");
        assert_eq!(detail(fields.choice("side", &SIDES)), "field `side` is missing");
    }
}
