//! The routes of the trade service.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::HeaderMap;
use service_kit::budget::budget;
use service_kit::kafka_settings::KafkaSettings;
use service_kit::problem::Problem;
use trading::ids::OrderKey;
use trading::product::Catalogue;

use crate::answers;
use crate::desk::Desk;
use crate::entry::Entry;
use crate::request::{self, Whose};

/// What the routes need. Clones share everything.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) desk: Desk,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) kafka: Arc<KafkaSettings>,
}

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/v1/orders", post(place))
        .route("/v1/orders/{client_order_id}", get(find).delete(cancel))
        .with_state(app)
}

async fn place(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let budget = budget(&headers, &app.kafka)?;
    let (key, terms) = request::order(body, &app.catalogue)?;
    Ok(answers::placed(app.desk.place(key, terms, budget).await))
}

async fn find(
    State(app): State<App>,
    id: Path<String>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Result<Response, Problem> {
    about(&app, request::key(id, query)?, answers::found)
}

async fn cancel(
    State(app): State<App>,
    id: Path<String>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Result<Response, Problem> {
    about(&app, request::key(id, query)?, |entry| match Desk::cancel(entry) {
        Ok(()) => answers::found(entry),
        Err(_) => answers::too_late(entry),
    })
}

fn about(app: &App, key: OrderKey, answer: impl FnOnce(&Entry) -> Response) -> Result<Response, Problem> {
    Ok(match app.desk.find(&key) {
        Some(entry) => answer(&entry),
        None => answers::not_found(&key).into_response(),
    })
}

#[cfg(test)]
mod tests;
