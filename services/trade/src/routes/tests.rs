use axum::body::Body;
use contracts::EventType::{OrderPlaced, QuoteRequest};
use contracts::refusal::RefusalCode;
use expect_test::{Expect, expect};
use http::{Method, Request, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::bench::{Bench, protected};
use crate::script::Fate;

const ORDER: &str =
    r#"{"account":"alice","client_order_id":"1","product":"BTC-USD","side":"buy","quantity":"2"}"#;

fn app(bench: &Bench) -> Router {
    let kafka = Arc::new(KafkaSettings::default());
    routes(App { desk: bench.desk.clone(), catalogue: Arc::new(Catalogue::default()), kafka })
}

/// Status, the headers that matter and the body without its times, one line each.
async fn ask(bench: &Bench, method: Method, uri: &str, body: &'static str) -> String {
    let request = Request::builder().method(method).uri(uri).body(Body::from(body)).unwrap();
    let response = app(bench).oneshot(request).await.unwrap();
    let mut shown = response.status().to_string();
    for name in ["x-path", header::RETRY_AFTER.as_str(), header::LOCATION.as_str()] {
        if let Some(value) = response.headers().get(name) {
            shown += &format!("\n{name}: {}", value.to_str().unwrap());
        }
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let mut body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&body).unwrap();
    for time in ["placed_at_ms", "executed_at_ms", "type", "title", "status"] {
        body.remove(time);
    }
    shown + "\n" + &serde_json::to_string(&body).unwrap()
}

async fn check(bench: &Bench, method: Method, uri: &str, body: &'static str, expected: Expect) {
    expected.assert_eq(&ask(bench, method, uri, body).await);
}

const ONE: &str = "/v1/orders/1?account=alice";

#[tokio::test(start_paused = true)]
async fn an_executed_order_is_created_found_and_not_cancelled() {
    let bench = protected();
    check(&bench, Method::POST, "/v1/orders", ORDER, expect![[r#"
        201 Created
        x-path: kafka
        location: /v1/orders/1?account=alice
        {"account":"alice","client_order_id":"1","order_id":"2bcaa3a5-65f2-55c5-ba2b-6267c4d9009f","product":"BTC-USD","side":"buy","quantity":"2","state":"FILLED","executed":"yes","fee":{"amount":"1.2","rate_bps":"60","liquidity":"taker","tier":0,"fee_schedule_version":"2026-1","tier_as_of":500,"freshness":"normal"},"trade_id":"07c0c227-addf-568f-bfd3-519a8936e58f","price":"100"}"#]]).await;
    check(&bench, Method::GET, ONE, "", expect![[r#"
        200 OK
        x-path: kafka
        {"account":"alice","client_order_id":"1","order_id":"2bcaa3a5-65f2-55c5-ba2b-6267c4d9009f","product":"BTC-USD","side":"buy","quantity":"2","state":"FILLED","executed":"yes","fee":{"amount":"1.2","rate_bps":"60","liquidity":"taker","tier":0,"fee_schedule_version":"2026-1","tier_as_of":500,"freshness":"normal"},"trade_id":"07c0c227-addf-568f-bfd3-519a8936e58f","price":"100"}"#]]).await;
    check(
        &bench,
        Method::DELETE,
        ONE,
        "",
        expect![[r#"
        409 Conflict
        x-path: reject
        {"retry_safe":false,"executed":"yes","detail":"the order is executed"}"#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stuck_partition_is_refused_with_a_time_to_come_back() {
    let bench = protected();
    bench.switches.set(0, circuit::Decision::Fallback);
    check(
        &bench,
        Method::POST,
        "/v1/orders",
        ORDER,
        expect![[r#"
        503 Service Unavailable
        x-path: reject
        retry-after: 1
        {"retry_safe":true,"executed":"no","detail":"partition 0 of the trading path is stuck"}"#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_doubt_with_a_place_to_ask() {
    let bench = protected();
    bench.script.next(OrderPlaced, [Fate::Silence]);
    check(&bench, Method::POST, "/v1/orders", ORDER, expect![[r#"
        504 Gateway Timeout
        x-path: kafka
        location: /v1/orders/1?account=alice
        {"retry_safe":false,"executed":"unknown","detail":"no answer before the deadline; GET /v1/orders/1?account=alice tells what became of it"}"#]]).await;
    bench.eventually(|bench| bench.unresolved.get() == 0).await;
    check(&bench, Method::POST, "/v1/orders", ORDER, expect![[r#"
        503 Service Unavailable
        x-path: reject
        retry-after: 1
        {"retry_safe":true,"executed":"no","detail":"no answer before the deadline; the order is over: use another client_order_id to try again"}"#]]).await;
    check(&bench, Method::DELETE, ONE, "", expect![[r#"
        200 OK
        x-path: kafka
        {"account":"alice","client_order_id":"1","order_id":"2bcaa3a5-65f2-55c5-ba2b-6267c4d9009f","product":"BTC-USD","side":"buy","quantity":"2","state":"FAILED","executed":"no","reason":"no answer before the deadline"}"#]]).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_the_customers_or_the_houses() {
    let bench = protected();
    bench.script.next(QuoteRequest, [Fate::Refusal(RefusalCode::NotionalOutOfBounds)]);
    check(&bench, Method::POST, "/v1/orders", ORDER, expect![[r#"
        422 Unprocessable Entity
        x-path: kafka
        {"retry_safe":false,"executed":"no","detail":"notional-out-of-bounds: by the script; the order is over: use another client_order_id to try again"}"#]]).await;
    let bench = protected();
    bench.script.next(QuoteRequest, [Fate::Refusal(RefusalCode::PriceUnavailable)]);
    check(&bench, Method::POST, "/v1/orders", ORDER, expect![[r#"
        503 Service Unavailable
        x-path: kafka
        retry-after: 1
        {"retry_safe":true,"executed":"no","detail":"price-unavailable: by the script; the order is over: use another client_order_id to try again"}"#]]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_or_not_valid_is_said_so() {
    let bench = protected();
    check(&bench, Method::GET, ONE, "", expect![[r#"
        404 Not Found
        x-path: reject
        {"retry_safe":false,"executed":"unknown","detail":"no order alice/1 is known here since the start of this service"}"#]]).await;
    check(&bench, Method::GET, "/v1/orders/1", "", expect![[r#"
        400 Bad Request
        x-path: reject
        {"retry_safe":false,"executed":"no","detail":"Failed to deserialize query string: missing field `account`"}"#]]).await;
    check(&bench, Method::DELETE, "/v1/orders/1?account=a%20b", "", expect![[r#"
        400 Bad Request
        x-path: reject
        {"retry_safe":false,"executed":"no","detail":"query `account`: `a b` is not an account id: allowed is 1 to 64 characters of A-Z a-z 0-9 . _ : -"}"#]]).await;
    check(&bench, Method::POST, "/v1/orders", r#"{"acount":"alice"}"#, expect![[r#"
        400 Bad Request
        x-path: reject
        {"retry_safe":false,"executed":"no","detail":"unknown field `acount`: allowed are account, client_order_id, product, side, quantity"}"#]]).await;
    ask(&bench, Method::POST, "/v1/orders", ORDER).await;
    let other =
        r#"{"account":"alice","client_order_id":"1","product":"BTC-USD","side":"sell","quantity":"2"}"#;
    check(&bench, Method::POST, "/v1/orders", other, expect![[r#"
        409 Conflict
        x-path: reject
        {"retry_safe":false,"executed":"no","detail":"this client_order_id is taken by an order with other terms; use another one"}"#]]).await;
}
