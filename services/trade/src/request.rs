//! What a request says: an order to place, or one to look at.

use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query};
use bytes::Bytes;
use serde::Deserialize;
use service_kit::fields::{Fields, SIDES};
use service_kit::problem::Problem;
use trading::ids::{OrderKey, ProductId};
use trading::order::OrderTerms;
use trading::product::{Catalogue, Product};

const FIELDS: [&str; 5] = ["account", "client_order_id", "product", "side", "quantity"];

/// Reads and checks the body of `POST /v1/orders`. The quantity of the terms is floored to the increment: that is the
/// order, and a repetition with the same floored quantity is the same order.
///
/// # Errors
/// 400 for what cannot be read, 422 for what cannot be traded; nothing was done.
pub(crate) fn order(
    body: Result<Bytes, BytesRejection>,
    catalogue: &Catalogue,
) -> Result<(OrderKey, OrderTerms), Problem> {
    let fields = Fields::read(body, &FIELDS)?;
    let key = OrderKey {
        account: fields.required("account")?,
        client_order_id: fields.required("client_order_id")?,
    };
    let id: ProductId = fields.required("product")?;
    let side = fields.choice("side", &SIDES)?;
    let quantity = fields.positive("quantity")?;
    let product = catalogue.get(&id).ok_or_else(|| unknown_product(&id, catalogue))?;
    let quantity = floored(product, quantity)?;
    Ok((key, OrderTerms { product: id, side, quantity }))
}

fn unknown_product(id: &ProductId, catalogue: &Catalogue) -> Problem {
    let known: Vec<_> = catalogue.iter().map(|product| product.id.as_str()).collect();
    Problem::unprocessable(format!("field `product`: `{id}`: allowed are {}", known.join(", ")))
}

/// The limits of the notional need a price: they are held when the quote is there.
fn floored(product: &Product, quantity: trading::Decimal) -> Result<trading::Decimal, Problem> {
    product
        .floor_quantity(quantity)
        .map_err(|error| Problem::unprocessable(format!("field `quantity`: {error}")))
}

/// The query of a request about one order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    account: String,
}

/// Which order `/v1/orders/{client_order_id}?account=..` is about.
///
/// # Errors
/// 400, naming what is wrong.
pub(crate) fn key(
    Path(client_order_id): Path<String>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Result<OrderKey, Problem> {
    let Query(Whose { account }) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let account =
        account.parse().map_err(|error| Problem::bad_request(format!("query `account`: {error}")))?;
    let client_order_id = client_order_id
        .parse()
        .map_err(|error| Problem::bad_request(format!("path `client_order_id`: {error}")))?;
    Ok(OrderKey { account, client_order_id })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(body: &'static str, expected: Expect) {
        let read = order(Ok(Bytes::from_static(body.as_bytes())), &Catalogue::default());
        let shown = match read {
            Ok((key, terms)) => format!("{key} {:?} {} {}", terms.side, terms.quantity, terms.product),
            Err(problem) => format!("{}: {}", problem.status().as_u16(), problem.detail()),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn an_order_is_read_and_its_quantity_is_floored() {
        check(
            r#"{"account":"alice","client_order_id":"1","product":"BTC-USD","side":"buy","quantity":"0.1234567891"}"#,
            expect!["alice/1 Buy 0.12345678 BTC-USD"],
        );
    }

    #[test]
    fn what_cannot_be_read_or_traded_is_named() {
        check(
            r#"{"account":"alice","client_order_id":"1","product":"BTC-USD","side":"buy","quantity":"1","price":"9"}"#,
            expect![
                "400: unknown field `price`: allowed are account, client_order_id, product, side, quantity"
            ],
        );
        check(
            r#"{"account":"alice","client_order_id":"1","product":"BTC-USD","side":"buy"}"#,
            expect!["400: field `quantity` is missing"],
        );
        check(
            r#"{"account":"alice","client_order_id":"1","product":"BTC-EUR","side":"buy","quantity":"1"}"#,
            expect!["422: field `product`: `BTC-EUR`: allowed are BTC-USD, ETH-USD, SOL-USD"],
        );
        check(
            r#"{"account":"alice","client_order_id":"1","product":"BTC-USD","side":"buy","quantity":"0.000000001"}"#,
            expect![
                "422: field `quantity`: quantity 0.000000001 is below the increment 0.00000001 of BTC-USD"
            ],
        );
    }
}
