//! `POST /v1/fees` and `GET /v1/accounts/{id}/tier`: the synchronous way to a fee, which needs no Kafka.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use contracts::refusal::Refusal;
use degrade::deadline::error::Elapsed;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use service_kit::budget::budget;
use service_kit::clock;
use service_kit::fields::{Fields, LIQUIDITIES, SIDES};
use service_kit::kafka_settings::KafkaSettings;
use service_kit::problem::{PathTaken, Problem};
use service_kit::rescue::{Asked, Rescue};
use trading::Decimal;
use trading::fee::{FeeQuote, Liquidity};
use trading::ids::{AccountId, ProductId};
use trading::product::{Product, ProductError};

use crate::desk::Desk;

const FEE_FIELDS: [&str; 7] = ["account", "product", "side", "notional", "price", "quantity", "liquidity"];

/// What the routes share.
#[derive(Debug, Clone)]
struct Shared {
    desk: Arc<Desk>,
    kafka: Arc<KafkaSettings>,
}

/// What `POST /v1/fees` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FeeView {
    account: AccountId,
    product: ProductId,
    #[serde(with = "trading::money::text")]
    notional: Decimal,
    fee: FeeQuote,
}

/// The routes of the fee service.
pub fn routes(desk: Arc<Desk>, kafka: &KafkaSettings) -> Router {
    Router::new()
        .route("/v1/fees", post(fees))
        .route("/v1/accounts/{id}/tier", get(tier))
        .with_state(Shared { desk, kafka: Arc::new(kafka.clone()) })
}

async fn fees(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let budget = budget(&headers, &shared.kafka)?;
    if budget.is_zero() {
        return Err(Elapsed { budget, passed_on: false }.problem(Asked::ToRead));
    }
    let fields = Fields::read(body, &FEE_FIELDS)?;
    let account: AccountId = fields.required("account")?;
    let product: ProductId = fields.required("product")?;
    // A fee does not depend on the side; it is taken so that a client may send what it sends elsewhere.
    fields.optional_choice("side", &SIDES)?;
    let liquidity = fields.optional_choice("liquidity", &LIQUIDITIES)?.unwrap_or(Liquidity::Taker);
    let notional = notional(shared.desk.product(&product).map_err(refused)?, &fields)?;
    let fee = shared.desk.assess(&account, &product, notional, liquidity, clock::now()).map_err(refused)?;
    Ok(PathTaken::Sync.answer(StatusCode::OK, &FeeView { account, product, notional, fee }))
}

/// Either `notional`, or `price` and `quantity` as the product allows them.
fn notional(product: &Product, fields: &Fields) -> Result<Decimal, Problem> {
    let given = (
        fields.optional_positive("notional")?,
        fields.optional_positive("price")?,
        fields.optional_positive("quantity")?,
    );
    match given {
        (Some(notional), None, None) => Ok(notional),
        (None, Some(price), Some(quantity)) => {
            priced(product, price, quantity).map_err(|error| refused(Refusal::from(&error)))
        }
        _ => Err(Problem::bad_request("give either `notional`, or `price` and `quantity`")),
    }
}

fn priced(product: &Product, price: Decimal, quantity: Decimal) -> Result<Decimal, ProductError> {
    product.check_price(price)?;
    product.notional(price, product.floor_quantity(quantity)?)
}

async fn tier(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Problem> {
    let account = AccountId::new(id).map_err(|error| Problem::bad_request(error.to_string()))?;
    let view = shared.desk.tier(&account, clock::now()).map_err(refused)?;
    Ok(PathTaken::Sync.answer(StatusCode::OK, &view))
}

fn refused(refusal: Refusal) -> Problem {
    refusal.problem(Asked::ToRead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;
    use trading::fee::FeeSchedules;
    use trading::product::Catalogue;
    use trading::volume::VolumeLimits;

    async fn answer(request: Request<Body>) -> (StatusCode, String, Value) {
        let desk = Desk::new(Catalogue::default(), FeeSchedules::default(), VolumeLimits::default());
        let response = routes(Arc::new(desk), &KafkaSettings::default()).oneshot(request).await.unwrap();
        let (status, path) = (response.status(), response.headers()["x-path"].to_str().unwrap().to_owned());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, path, serde_json::from_slice(&body).unwrap())
    }

    async fn ask(body: Value) -> (StatusCode, String, Value) {
        answer(Request::post("/v1/fees").body(body.to_string().into()).unwrap()).await
    }

    #[tokio::test]
    async fn a_fee_says_its_rate_its_tier_and_its_schedule() {
        let (status, path, body) =
            ask(json!({"account": "a-1", "product": "BTC-USD", "price": "50000.00", "quantity": "0.002"}))
                .await;
        assert_eq!((status, path.as_str()), (StatusCode::OK, "sync"));
        assert_eq!(body["notional"], "100");
        let fee = &body["fee"];
        assert_eq!((&fee["amount"], &fee["rate_bps"]), (&json!("1.2"), &json!("120")));
        assert_eq!((&fee["tier"], &fee["fee_schedule_version"]), (&json!(0), &json!("standard-1")));
        assert!(fee["tier_as_of"].is_i64());
    }

    #[tokio::test]
    async fn a_bad_request_names_what_is_wrong_with_it() {
        let (status, path, body) = ask(json!({"account": "a-1", "product": "BTC-USD", "size": "1"})).await;
        assert_eq!((status, path.as_str()), (StatusCode::BAD_REQUEST, "reject"));
        assert!(body["detail"].as_str().unwrap().contains("`size`"), "{body}");
        let (status, _, body) = ask(json!({"account": "a-1", "product": "X-USD", "notional": "1"})).await;
        assert_eq!((status, &body["executed"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("no")));
        let both = json!({"account": "a-1", "product": "BTC-USD", "notional": "1", "price": "1"});
        assert_eq!(ask(both).await.0, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn an_account_that_never_traded_has_the_base_tier() {
        let request = Request::get("/v1/accounts/a-1/tier").body(Body::empty()).unwrap();
        let (status, _, body) = answer(request).await;
        assert_eq!((status, &body["tier"], &body["taker_bps"]), (StatusCode::OK, &json!(0), &json!("120")));
        let request = Request::get("/v1/accounts/a%20b/tier").body(Body::empty()).unwrap();
        assert_eq!(answer(request).await.0, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn a_request_whose_patience_is_spent_is_refused() {
        let body = json!({"account": "a-1", "product": "BTC-USD", "notional": "1"}).to_string();
        let request = Request::post("/v1/fees").header("x-deadline-ms", "0").body(body.into()).unwrap();
        assert_eq!(answer(request).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
