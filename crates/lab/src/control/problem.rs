//! Errors as problem+json (RFC 9457).

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::faults::FaultError;

/// What went wrong, for a person and for a program.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, detail: String) -> Self {
        Self { title, status, detail, field: None, value: None, allowed: None }
    }

    pub(super) fn path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "nothing is here", "see GET /".to_owned())
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "not with this method", "see GET /".to_owned())
    }

    pub(super) fn token() -> Self {
        let detail = "send the token as `Authorization: Bearer TOKEN`".to_owned();
        Self::new(StatusCode::UNAUTHORIZED, "a bearer token is required", detail)
    }

    pub(super) fn body(rejection: &JsonRejection) -> Self {
        Self::new(rejection.status(), "the body is not a JSON object", rejection.body_text())
    }

    pub(super) fn state(error: &anyhow::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the cluster cannot tell its state", error.to_string())
    }

    /// A fault that was not carried out, with the value from the request that asked for it.
    pub(super) fn fault(error: &FaultError, asked: Option<&Map<String, Value>>) -> Self {
        let (status, title, field, allowed) = match error {
            FaultError::UnknownKind { allowed, .. } => {
                (StatusCode::BAD_REQUEST, "there is no such fault", Some("kind"), Some(allowed))
            }
            FaultError::BadArgument { field, allowed, .. } => {
                (StatusCode::BAD_REQUEST, "an argument is wrong", Some(field.as_str()), Some(allowed))
            }
            FaultError::CannotDoThat { .. } => {
                (StatusCode::NOT_IMPLEMENTED, "this cluster cannot do that", None, None)
            }
            FaultError::TooManyOpen => (StatusCode::CONFLICT, "too many faults are open", None, None),
            FaultError::Failed(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "the cluster did not do it", None, None)
            }
        };
        let value = field.and_then(|field| asked?.get(field)).cloned();
        Self {
            field: field.map(str::to_owned),
            value,
            allowed: allowed.cloned(),
            ..Self::new(status, title, error.to_string())
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
