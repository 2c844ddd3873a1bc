//! `POST /v1/quotes` and `GET /v1/quotes/{id}`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use service_kit::budget::budget;
use service_kit::fields::{Fields, SIDES};
use service_kit::kafka_settings::KafkaSettings;
use service_kit::problem::{PathTaken, Problem};
use service_kit::rescue::{self, Asked};
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _, service_fn};
use trading::ids::QuoteId;
use uuid::Uuid;

use crate::quote::QuoteError;
use crate::quotes::{Quotes, Terms};

const QUOTE_FIELDS: [&str; 4] = ["account", "product", "side", "quantity"];

/// What is asked for over HTTP, and how long the asker waits.
type Question = (Terms, Duration);

#[derive(Clone)]
struct Shared {
    door: BoxCloneSyncService<Question, Response, Infallible>,
    quotes: Quotes,
    kafka: Arc<KafkaSettings>,
}

/// Outermost of all layers: no error escapes it, and what one means to a customer is said once.
fn door(quotes: Quotes) -> BoxCloneSyncService<Question, Response, Infallible> {
    let quote = service_fn(move |(terms, budget): Question| {
        let quotes = quotes.clone();
        async move {
            let id = QuoteId::new(Uuid::new_v4().to_string()).expect("a UUID is a legal id");
            let issued = quotes.quote(id, terms, budget, None).await?;
            Ok::<_, QuoteError>(issued.path.answer(StatusCode::OK, &issued.signed))
        }
    });
    BoxCloneSyncService::new(rescue::layer(Asked::ToRead).layer(quote))
}

/// The routes of the quote service. Both answer with the signed quote; its `mode` says whether it is degraded.
pub fn routes(quotes: Quotes, kafka: &KafkaSettings) -> Router {
    Router::new().route("/v1/quotes", post(quote)).route("/v1/quotes/{id}", get(issued)).with_state(Shared {
        door: door(quotes.clone()),
        quotes,
        kafka: Arc::new(kafka.clone()),
    })
}

async fn quote(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let budget = budget(&headers, &shared.kafka)?;
    let fields = Fields::read(body, &QUOTE_FIELDS)?;
    let terms = Terms {
        account: fields.required("account")?,
        product: fields.required("product")?,
        side: fields.choice("side", &SIDES)?,
        quantity: fields.positive("quantity")?,
    };
    let Ok(response) = shared.door.oneshot((terms, budget)).await;
    Ok(response)
}

/// From memory: whether a quote can be found has nothing to do with Kafka.
async fn issued(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = QuoteId::new(id).map_err(|error| Problem::bad_request(error.to_string()))?;
    match shared.quotes.find(&id) {
        Some(issued) => Ok(PathTaken::Sync.answer(StatusCode::OK, &issued.signed)),
        None => Err(Problem::not_found(format!("quote {id} has expired, or was never issued here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{desk, layout};
    use crate::issued::IssuedQuotes;
    use crate::locally::Locally;
    use crate::stack::Stack;
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};
    use service_kit::metrics::Metrics;

    /// Routes whose circuit is open: everything is computed locally.
    fn degraded(price_age: Duration) -> Router {
        let locally = Locally::new(Arc::new(desk(price_age)), None, Metrics::new("quote"));
        let stack = Stack::hanging(move |ask| {
            let locally = locally.clone();
            async move { locally.quote(ask).await }
        });
        routes(Quotes::new(stack, Arc::new(layout()), IssuedQuotes::new(10)), &KafkaSettings::default())
    }

    async fn answer(routes: &Router, request: Request<Body>) -> (StatusCode, String, Value) {
        let response = routes.clone().oneshot(request).await.unwrap();
        let (status, path) = (response.status(), response.headers()["x-path"].to_str().unwrap().to_owned());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, path, serde_json::from_slice(&body).unwrap())
    }

    async fn ask(routes: &Router, quantity: &str) -> (StatusCode, String, Value) {
        let body = json!({"account": "a-1", "product": "BTC-USD", "side": "buy", "quantity": quantity});
        answer(routes, Request::post("/v1/quotes").body(body.to_string().into()).unwrap()).await
    }

    #[tokio::test]
    async fn a_degraded_quote_says_so_and_can_be_found_again() {
        let routes = degraded(Duration::ZERO);
        let (status, path, issued) = ask(&routes, "0.001").await;
        assert_eq!((status, path.as_str()), (StatusCode::OK, "sync"));
        assert_eq!(
            (&issued["quote"]["mode"], &issued["quote"]["price"]),
            (&json!("degraded"), &json!("50250"))
        );
        let id = issued["quote"]["quote_id"].as_str().unwrap();
        let request = Request::get(format!("/v1/quotes/{id}")).body(Body::empty()).unwrap();
        let (status, _, found) = answer(&routes, request).await;
        assert_eq!((status, found), (StatusCode::OK, issued));
        let request = Request::get("/v1/quotes/other").body(Body::empty()).unwrap();
        assert_eq!(answer(&routes, request).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn over_the_cap_or_on_a_stale_price_there_is_no_quote_and_a_time_to_come_back() {
        let (status, path, body) = ask(&degraded(Duration::ZERO), "0.03").await;
        assert_eq!((status, path.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "reject"));
        assert_eq!(body["retry_safe"], json!(true));
        let (status, _, body) = ask(&degraded(Duration::from_secs(20)), "0.001").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body["detail"].as_str().unwrap().contains("price-stale"), "{body}");
    }

    #[tokio::test]
    async fn a_bad_request_names_its_field() {
        let (status, _, body) = ask(&degraded(Duration::ZERO), "-1").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body["detail"].as_str().unwrap().contains("`quantity`"), "{body}");
    }
}
