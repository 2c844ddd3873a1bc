//! `POST /mode`: an operator's order.
//!
//! ```text
//! curl -d '{"scope":"quote-7","state":"open","for_s":600,"why":"broker 2 is being replaced"}' \
//!      -H 'content-type: application/json' -H 'authorization: Bearer TOKEN' http://HOST/mode
//! ```
//!
//! # Invariants
//! - On a listener that others can reach, an order needs the token; where none is configured, nobody may order.
//! - On loopback no token is asked for. A page in a browser cannot order either: a body of this content type is not sent
//!   across origins without asking first, and nothing here answers such a question.
//! - Every order expires, after a day at most, and says why.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use circuit::{Force, ORDER_MAX};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tokio::net::TcpListener;

use super::Health;
use super::notice::Change;
use crate::problem::Problem;
use crate::settings::HttpSettings;

/// The longest reason of an order, in bytes: it becomes part of a line of the log.
const WHY_BYTES_MAX: usize = 200;

/// The shortest token, in bytes.
const TOKEN_BYTES_MIN: usize = 16;

/// What an operator must know, where the listener can be reached by others.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorToken(Arc<str>);

impl FromStr for OperatorToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() >= TOKEN_BYTES_MIN && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.into()));
        }
        Err(format!("a token has at least {TOKEN_BYTES_MIN} characters, all of them printable and no spaces"))
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(..)")
    }
}

impl OperatorToken {
    /// In a time that tells nothing but the length.
    fn is(&self, given: &str) -> bool {
        let (token, given) = (self.0.as_bytes(), given.as_bytes());
        token.len() == given.len() && token.iter().zip(given).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

/// Who may order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operators {
    /// Whoever reaches the listener: it is on loopback.
    Local,
    /// Who knows the token.
    Token(OperatorToken),
    /// Nobody: others can reach the listener, and there is no token.
    Nobody,
}

impl Operators {
    /// Those of a service that listens here.
    #[must_use]
    pub fn of(settings: &HttpSettings, listener: &TcpListener) -> Self {
        let local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        match &settings.operator_token {
            _ if local => Self::Local,
            Some(token) => Self::Token(token.clone()),
            None => Self::Nobody,
        }
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::Local => Ok(()),
            Self::Nobody => {
                Err(Problem::forbidden("start this service with --operator-token to allow orders"))
            }
            Self::Token(token) => {
                let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
                let given = given.and_then(|value| value.strip_prefix("Bearer "));
                if given.is_some_and(|given| token.is(given)) {
                    return Ok(());
                }
                Err(Problem::unauthorized("an order needs `Authorization: Bearer TOKEN`"))
            }
        }
    }
}

/// An order, as it comes in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// The name of a circuit, such as `quote-7`, or `cluster` for every one.
    scope: String,
    state: Ordered,
    /// Not with `auto`.
    for_s: Option<u64>,
    why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ordered {
    Open,
    Closed,
    Disabled,
    MetricsOnly,
    /// The order is taken back.
    Auto,
}

impl Ordered {
    const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics_only",
            Self::Auto => "auto",
        }
    }

    const fn force(self) -> Option<Force> {
        match self {
            Self::Open => Some(Force::Open),
            Self::Closed => Some(Force::Closed),
            Self::Disabled => Some(Force::Disabled),
            Self::MetricsOnly => Some(Force::MetricsOnly),
            Self::Auto => None,
        }
    }
}

/// Answers `POST /mode`: with where every circuit is after the order.
pub(super) fn order(
    health: &Health,
    operators: &Operators,
    headers: &HeaderMap,
    order: Result<Json<Order>, JsonRejection>,
) -> Response {
    let obeyed = operators.admit(headers).and_then(|()| {
        let Json(order) = order.map_err(|bad| Problem::unreadable_body(bad.status(), bad.body_text()))?;
        obey(health, &order)
    });
    match obeyed {
        Ok(()) => (StatusCode::OK, Json(health.snapshot())).into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn obey(health: &Health, order: &Order) -> Result<(), Problem> {
    let why: Arc<str> = why(&order.why)?.into();
    let lasting = lasting(order)?;
    let partitions = health.partitions_of(&order.scope).ok_or_else(|| {
        Problem::not_found(format!(
            "there is no circuit `{}`: GET /mode names them, `cluster` is all",
            order.scope
        ))
    })?;
    let changes = health.order(&partitions, order.state.force(), lasting, &why);
    let (scope, state, for_s) = (&order.scope, order.state.name(), lasting.as_secs());
    tracing::warn!(%scope, state, for_s, circuits = partitions.len(), "an operator's order is obeyed: {why}");
    health.herald.metrics().ordered(state);
    changes
        .into_iter()
        .for_each(|change| health.herald.tell(Change::Partition(change), Some(Arc::clone(&why))));
    Ok(())
}

fn why(text: &str) -> Result<&str, Problem> {
    let text = text.trim();
    if text.is_empty() || text.len() > WHY_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!(
            "`why` is 1 to {WHY_BYTES_MAX} bytes in one line: whoever reads the log tomorrow wants to know"
        )));
    }
    Ok(text)
}

/// Nothing for `auto`, which lasts no time.
fn lasting(order: &Order) -> Result<Duration, Problem> {
    match (order.state, order.for_s) {
        (Ordered::Auto, None) => Ok(Duration::ZERO),
        (Ordered::Auto, Some(_)) => {
            Err(Problem::bad_request("`for_s` is not for `auto`: it takes an order back"))
        }
        (_, Some(for_s)) if (1..=ORDER_MAX.as_secs()).contains(&for_s) => Ok(Duration::from_secs(for_s)),
        _ => Err(Problem::bad_request(format!(
            "`for_s` is 1 to {} seconds: an order that is forgotten must end",
            ORDER_MAX.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::tests::watched_by_nobody;
    use http::HeaderValue;
    use trading::mode::Mode;

    fn said(body: &str) -> Result<Json<Order>, JsonRejection> {
        Ok(Json(serde_json::from_str(body).unwrap()))
    }

    fn ask(health: &Health, body: &str) -> StatusCode {
        order(health, &Operators::Local, &HeaderMap::new(), said(body)).status()
    }

    #[tokio::test]
    async fn an_order_is_obeyed_shown_told_and_taken_back() {
        let (health, mut notices) = watched_by_nobody();
        let open =
            r#"{"scope": "test-1", "state": "open", "for_s": 600, "why": "broker 2 is being replaced"}"#;
        assert_eq!(ask(&health, open), StatusCode::OK);
        let report = health.snapshot();
        let circuit = &report.circuits[1];
        assert_eq!((report.mode, circuit.state, circuit.admits_permille), (Mode::Degraded, "forced_open", 0));
        assert_eq!(circuit.why.as_deref(), Some("broker 2 is being replaced"));
        assert!(circuit.ends_in_ms.is_some_and(|ms| (590_000..=600_000).contains(&ms)));
        assert!(report.circuits[0].why.is_none() && report.circuits[0].admits_permille == 1_000);
        assert_eq!(
            notices.try_recv().unwrap().to_string(),
            "partition test-1 forced open for 600.0 s; customers go elsewhere (an operator: broker 2 is being replaced)"
        );
        assert!(health.herald.metrics().encode().contains("operator_orders_total{state=\"open\"} 1"));

        assert_eq!(ask(&health, r#"{"scope": "test-1", "state": "auto", "why": "done"}"#), StatusCode::OK);
        assert_eq!(health.snapshot().circuits[1].state, "half_open", "heartbeats find out");
        assert_eq!(health.snapshot().circuits[1].why, None);
    }

    #[tokio::test]
    async fn the_cluster_is_every_circuit() {
        let (health, _notices) = watched_by_nobody();
        let order = r#"{"scope": "cluster", "state": "metrics_only", "for_s": 1, "why": "a rehearsal"}"#;
        assert_eq!(ask(&health, order), StatusCode::OK);
        assert!(health.snapshot().circuits.iter().all(|circuit| circuit.state == "metrics_only"));
    }

    #[tokio::test]
    async fn an_order_without_end_or_reason_or_for_nobody_is_refused() {
        let (health, _notices) = watched_by_nobody();
        let ask = |order: &str| ask(&health, order).as_u16();
        assert_eq!(ask(r#"{"scope": "test-1", "state": "open", "why": "for ever"}"#), 400);
        assert_eq!(ask(r#"{"scope": "test-1", "state": "open", "for_s": 0, "why": "x"}"#), 400);
        assert_eq!(ask(r#"{"scope": "test-1", "state": "open", "for_s": 86401, "why": "x"}"#), 400);
        assert_eq!(ask(r#"{"scope": "test-1", "state": "auto", "for_s": 5, "why": "x"}"#), 400);
        assert_eq!(ask(r#"{"scope": "test-1", "state": "open", "for_s": 5, "why": " "}"#), 400);
        assert_eq!(ask(r#"{"scope": "test-1", "state": "open", "for_s": 5, "why": "a\nforged line"}"#), 400);
        assert_eq!(ask(r#"{"scope": "test-9", "state": "open", "for_s": 5, "why": "x"}"#), 404);
        assert!(health.snapshot().circuits.iter().all(|circuit| circuit.state == "closed"));
    }

    #[tokio::test]
    async fn where_others_reach_the_listener_an_order_needs_the_token() {
        let (health, _notices) = watched_by_nobody();
        let close = r#"{"scope": "test-1", "state": "closed", "for_s": 5, "why": "x"}"#;
        let status = |operators: &Operators, given: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            given.map(|given| headers.insert(header::AUTHORIZATION, HeaderValue::from_static(given)));
            order(&health, operators, &headers, said(close)).status().as_u16()
        };
        let token = Operators::Token("correct-horse-battery".parse().unwrap());
        assert_eq!(status(&token, None), 401);
        assert_eq!(status(&token, Some("Bearer correct-horse-batterz")), 401);
        assert_eq!(status(&token, Some("correct-horse-battery")), 401);
        assert_eq!(status(&Operators::Nobody, Some("Bearer correct-horse-battery")), 403);
        assert!(health.snapshot().circuits.iter().all(|circuit| circuit.state == "closed"));
        assert_eq!(status(&token, Some("Bearer correct-horse-battery")), 200);
    }

    #[tokio::test]
    async fn only_a_listener_on_loopback_asks_for_no_token() {
        let (local, everywhere) = (listener("127.0.0.1:0").await, listener("0.0.0.0:0").await);
        let mut settings = HttpSettings::default();
        assert_eq!(Operators::of(&settings, &local), Operators::Local);
        assert_eq!(Operators::of(&settings, &everywhere), Operators::Nobody);
        settings.operator_token = Some("correct-horse-battery".parse().unwrap());
        assert!(matches!(Operators::of(&settings, &everywhere), Operators::Token(_)));
        assert!(!format!("{settings:?}").contains("horse"), "a token is not printed");
        assert!("short".parse::<OperatorToken>().is_err());
    }

    async fn listener(address: &str) -> TcpListener {
        TcpListener::bind(address).await.unwrap()
    }
}
