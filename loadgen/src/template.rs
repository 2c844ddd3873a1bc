//! Text with placeholders: `{account}`, `{product}`, `{side}`, `{quantity}`, `{seq}`, `{run}`.
//!
//! A placeholder is a brace, a name of lower-case letters or underscores, a brace. JSON never has such a sequence
//! outside its strings, so bodies need no escaping; an unknown name is an error and not a literal.

use std::fmt::Write;

use crate::choices::{Choice, Choices};

const NAMES: &str = "{account}, {product}, {side}, {quantity}, {seq}, {run}";

/// A placeholder that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown placeholder {{{name}}}: use one of {NAMES}")]
pub struct UnknownPlaceholder {
    /// The name between the braces.
    pub name: String,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(String),
    Account,
    Product,
    Side,
    Quantity,
    Seq,
    Run,
}

impl Piece {
    fn placeholder(name: &str) -> Result<Self, UnknownPlaceholder> {
        Ok(match name {
            "account" => Self::Account,
            "product" => Self::Product,
            "side" => Self::Side,
            "quantity" => Self::Quantity,
            "seq" => Self::Seq,
            "run" => Self::Run,
            _ => return Err(UnknownPlaceholder { name: name.to_owned() }),
        })
    }
}

/// A text that is filled for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pieces: Vec<Piece>,
}

/// What a text is filled from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) k: u64,
    pub(crate) run: &'a str,
    pub(crate) choice: Choice,
    pub(crate) choices: &'a Choices,
}

impl Text {
    pub(crate) fn parse(source: &str) -> Result<Self, UnknownPlaceholder> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some(brace) = rest.find('{') {
            let (before, from) = rest.split_at(brace);
            literal.push_str(before);
            match name_in_braces(from) {
                Some(name) => {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    pieces.push(Piece::placeholder(name)?);
                    rest = &from[name.len() + 2..];
                }
                None => {
                    literal.push('{');
                    rest = &from[1..];
                }
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Literal(literal));
        pieces.retain(|piece| !matches!(piece, Piece::Literal(text) if text.is_empty()));
        Ok(Self { pieces })
    }

    pub(crate) fn uses(&self, piece: &Piece) -> bool {
        self.pieces.contains(piece)
    }

    /// Whether it is the same for all requests.
    pub(crate) fn is_fixed(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Literal(_)))
    }

    /// The text with an `x` for every placeholder: what fills one is as plain, so this is valid HTTP if that is.
    pub(crate) fn probe(&self) -> String {
        let shown = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            _ => "x",
        });
        shown.collect()
    }

    pub(crate) fn fill(&self, values: &Values<'_>) -> String {
        let Values { k, run, choice, choices } = values;
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Account => filled.push_str(&choices.accounts[choice.account]),
                Piece::Product => filled.push_str(&choices.products[choice.product].name),
                Piece::Side => filled.push_str(&choices.sides[choice.side]),
                Piece::Quantity => {
                    choices.products[choice.product].quantity.write(choice.units, &mut filled);
                }
                Piece::Seq => write!(filled, "{k}").expect("writing to a String cannot fail"),
                Piece::Run => filled.push_str(run),
            }
        }
        filled
    }
}

/// The name in `{name}...`, if the text starts so.
fn name_in_braces(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(source: &str) -> String {
        let choices = crate::choices::tests::small();
        let choice = Choice { kind: 0, account: 1, product: 0, side: 1, units: 25 };
        Text::parse(source).unwrap().fill(&Values { k: 42, run: "r1", choice, choices: &choices })
    }

    #[test]
    fn every_placeholder_is_filled() {
        assert_eq!(
            filled("/{account}/{product}/{side}?q={quantity}&id={run}-{seq}"),
            "/acct-2/BTC-USD/sell?q=0.0025&id=r1-42"
        );
    }

    #[test]
    fn json_braces_are_literal() {
        assert_eq!(filled(r#"{"a":{"id":"{seq}"},"b":{}}"#), r#"{"a":{"id":"42"},"b":{}}"#);
    }

    #[test]
    fn an_unknown_placeholder_is_an_error_that_names_the_known_ones() {
        let error = Text::parse("{acount}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown placeholder {acount}: use one of {account}, {product}, {side}, {quantity}, {seq}, {run}"
        );
    }
}
