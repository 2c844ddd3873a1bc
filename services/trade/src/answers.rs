//! From what is known of an order to an HTTP answer.
//!
//! Invariants: a 2xx carries `x-path: kafka`; an error says whether anything was executed, and never `no` unless that
//! is certain for all time.

use axum::Json;
use axum::response::{IntoResponse, Response};
use contracts::refusal::{Refusal, RefusalCode};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use service_kit::problem::{self, PathTaken, Problem, X_PATH};
use service_kit::rescue::RETRY_AFTER;
use trading::fee::FeeQuote;
use trading::ids::{OrderId, OrderKey};
use trading::order::{Executed, OrderState, OrderTerms};
use trading::time::Timestamp;
use trading::{Decimal, money};

use crate::desk::Placed;
use crate::entry::Entry;
use crate::flow::{Answer, Flow};

/// An order as its customer sees it.
#[derive(Debug, Serialize)]
struct OrderView {
    #[serde(flatten)]
    key: OrderKey,
    order_id: OrderId,
    #[serde(flatten)]
    terms: OrderTerms,
    state: OrderState,
    executed: Executed,
    #[serde(rename = "placed_at_ms")]
    placed_at: Timestamp,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    execution: Option<ExecutionView>,
    /// Why it is not executed, or why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct ExecutionView {
    trade_id: String,
    #[serde(with = "money::text")]
    price: Decimal,
    fee: FeeQuote,
    #[serde(rename = "executed_at_ms")]
    executed_at: Timestamp,
}

impl OrderView {
    fn of(flow: &Flow) -> Self {
        let order = flow.order();
        Self {
            key: order.key.clone(),
            order_id: order.order_id.clone(),
            terms: order.terms.clone(),
            state: order.state(),
            executed: order.executed(),
            placed_at: order.placed_at,
            execution: execution(flow.answer()),
            reason: reason(flow.answer()),
        }
    }
}

fn execution(answer: Option<&Answer>) -> Option<ExecutionView> {
    let Some(Answer::Executed(trade)) = answer else { return None };
    Some(ExecutionView {
        trade_id: trade.event_id.to_string(),
        price: trade.price,
        fee: trade.fee.clone(),
        executed_at: trade.executed_at,
    })
}

fn reason(answer: Option<&Answer>) -> Option<String> {
    match answer? {
        Answer::Executed(_) => None,
        Answer::Cancelled => Some("cancelled by the customer".to_owned()),
        Answer::Refused(refusal) => Some(refusal.to_string()),
        Answer::NotPlaced(why) | Answer::Failed(why) | Answer::Unknown(why) => Some(why.clone()),
    }
}

/// The answer to `POST /v1/orders`.
pub(crate) fn placed(placed: Placed) -> Response {
    match placed {
        Placed::Answered(entry, answer) => answered(&entry, answer),
        Placed::Conflict => {
            Problem::conflict("this client_order_id is taken by an order with other terms; use another one")
                .into_response()
        }
        Placed::TableFull => {
            Problem::rejected("the table of orders is full, and none of them is over", RETRY_AFTER)
                .into_response()
        }
    }
}

fn answered(entry: &Entry, answer: Answer) -> Response {
    let location = entry.with(|flow| location(flow.key()));
    match answer {
        Answer::Executed(_) => located(view(StatusCode::CREATED, entry), &location),
        Answer::Unknown(why) => {
            let detail = format!("{why}; GET {location} tells what became of it");
            located(Problem::unknown(detail).into_response(), &location)
        }
        Answer::Refused(refusal) => refused(&refusal).into_response(),
        Answer::NotPlaced(why) => Problem::rejected(why, RETRY_AFTER).into_response(),
        Answer::Failed(why) => Problem::rejected(used_up(&why), RETRY_AFTER).into_response(),
        Answer::Cancelled => {
            Problem::unprocessable("the order was cancelled before it was executed").into_response()
        }
    }
}

/// A business answer, which came over Kafka.
fn refused(refusal: &Refusal) -> Problem {
    let text = used_up(&refusal.to_string());
    match refusal.code() {
        RefusalCode::UnknownProduct
        | RefusalCode::InvalidPrice
        | RefusalCode::InvalidQuantity
        | RefusalCode::NotionalOutOfBounds => Problem::unprocessable(text),
        RefusalCode::PriceUnavailable
        | RefusalCode::PriceStale
        | RefusalCode::DegradedCap
        | RefusalCode::FeeUnavailable
        | RefusalCode::Overloaded
        | RefusalCode::DeadlinePassed
        | RefusalCode::Internal => Problem::rejected(text, RETRY_AFTER),
    }
    .over_kafka()
}

/// The order was placed, so its id always gets this answer.
fn used_up(why: &str) -> String {
    format!("{why}; the order is over: use another client_order_id to try again")
}

/// The answer to `GET /v1/orders/{client_order_id}`, and to a cancellation that was in time.
pub(crate) fn found(entry: &Entry) -> Response {
    view(StatusCode::OK, entry)
}

/// The service does not know the order: it never came, or it was forgotten.
pub(crate) fn not_found(key: &OrderKey) -> Response {
    Problem::not_found(format!("no order {key} is known here since the start of this service"))
        .in_doubt()
        .into_response()
}

/// A cancellation that came too late.
pub(crate) fn too_late(entry: &Entry) -> Response {
    match entry.with(|flow| flow.state()) {
        OrderState::Filled => Problem::too_late("the order is executed", problem::Executed::Yes),
        _ => Problem::too_late("the order is being executed", problem::Executed::Unknown),
    }
    .into_response()
}

fn view(status: StatusCode, entry: &Entry) -> Response {
    let view = entry.with(|flow| OrderView::of(flow));
    (status, [(X_PATH, PathTaken::Kafka.header())], Json(view)).into_response()
}

fn location(key: &OrderKey) -> String {
    format!("/v1/orders/{}?account={}", key.client_order_id, key.account)
}

fn located(mut response: Response, location: &str) -> Response {
    let location =
        HeaderValue::try_from(location).expect("ids have no character that a header must not have");
    response.headers_mut().insert(header::LOCATION, location);
    response
}
