//! The control endpoint: break and heal a running cluster over HTTP.
//!
//! | | |
//! |---|---|
//! | `GET /` | this, in words |
//! | `GET /faults` | the catalogue |
//! | `POST /faults` | carry out `{"kind": ..., argument: value, ...}` |
//! | `DELETE /faults` | heal everything that is open |
//! | `GET /state` | the cluster now |
//!
//! Errors are problem+json (RFC 9457) and name the field, its value and what is allowed. A request that changes
//! something must be JSON or a `DELETE`, which no web page can send across origins unasked. Beyond loopback, and
//! wherever a token is set, every request needs `Authorization: Bearer TOKEN`.
//!
//! Bounds: a body of at most 128 KiB; at the shutdown requests in work have one second to finish.

mod problem;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Json, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Lab;
use crate::faults::{self, Injected, Offer};
use problem::Problem;

/// The longest body, in bytes: a list of 10,000 partitions fits.
const BODY_BYTES_MAX: usize = 128 * 1024;

/// How long requests in work may take to finish at the shutdown.
const DRAIN: Duration = Duration::from_secs(1);

const HELP: &str = "\
leaderless: a cluster to break

  GET    /faults   the catalogue of faults and heals
  POST   /faults   carry one out:  {\"kind\": \"kill_broker\", \"broker\": 2}
  DELETE /faults   heal everything that is open
  GET    /state    the cluster now
";

/// Who may use the endpoint.
#[derive(Clone, Default)]
pub struct Access {
    token: Option<[u8; 32]>,
}

impl Access {
    /// Whoever can reach it; for loopback only.
    #[must_use]
    pub fn anybody() -> Self {
        Self::default()
    }

    /// Who knows this token.
    #[must_use]
    pub fn token(token: &str) -> Self {
        Self { token: Some(digest(token)) }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.token.is_some() { "Access(token)" } else { "Access(anybody)" })
    }
}

/// Why the endpoint does not run.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It would let strangers break the cluster: give a token or bind to loopback.
    #[error("bound to {0}, which is not loopback: a bearer token is required")]
    TokenRequired(std::net::SocketAddr),
    /// The listener failed.
    #[error("the control endpoint failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Serves the endpoint until `shutdown` is ready.
///
/// # Errors
/// [`ControlError`]; the cluster is left as it is.
pub async fn run(
    listener: TcpListener,
    lab: Arc<dyn Lab>,
    access: Access,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ControlError> {
    let address = listener.local_addr()?;
    if access.token.is_none() && !address.ip().is_loopback() {
        return Err(ControlError::TokenRequired(address));
    }
    let stopping = CancellationToken::new();
    let stopped = stopping.clone().cancelled_owned();
    let serving = axum::serve(listener, router(lab, access)).with_graceful_shutdown(stopped);
    tokio::select! {
        served = serving.into_future() => Ok(served?),
        () = async { shutdown.await; stopping.cancel(); tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}

fn router(lab: Arc<dyn Lab>, access: Access) -> Router {
    Router::new()
        .route("/", get(async || HELP))
        .route("/faults", get(catalogue).post(inject).delete(heal))
        .route("/state", get(state))
        .method_not_allowed_fallback(async || Problem::method())
        .fallback(async || Problem::path())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(access, allow))
        .with_state(lab)
}

async fn allow(State(access): State<Access>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    // Digests are compared, so that the time taken says nothing about the token.
    let allowed = access.token.is_none_or(|token| given.is_some_and(|given| digest(given) == token));
    if allowed { next.run(request).await } else { Problem::token().into_response() }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

async fn catalogue() -> Json<Vec<Offer>> {
    Json(faults::offers())
}

async fn inject(
    State(lab): State<Arc<dyn Lab>>,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Result<Json<Injected>, Problem> {
    let Json(object) = body.map_err(|rejection| Problem::body(&rejection))?;
    let call = faults::call_from_json(&object).map_err(|error| Problem::fault(&error, Some(&object)))?;
    let injected = lab.inject(&call).await.map_err(|error| Problem::fault(&error, Some(&object)))?;
    tracing::info!(kind = call.kind, done = injected.done, "a fault was carried out");
    Ok(Json(injected))
}

async fn heal(State(lab): State<Arc<dyn Lab>>) -> Result<Json<Vec<Injected>>, Problem> {
    let healed = lab.heal_all().await.map_err(|error| Problem::fault(&error, None))?;
    tracing::info!(healed = healed.len(), "open faults were healed");
    Ok(Json(healed))
}

async fn state(State(lab): State<Arc<dyn Lab>>) -> Result<Json<Value>, Problem> {
    lab.state().await.map(Json).map_err(|error| Problem::state(&error))
}
