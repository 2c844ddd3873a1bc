//! Errors as `application/problem+json` (RFC 9457), with what a trading client must know.
//!
//! A refusal says whether anything was executed and whether asking again is safe; an answer without that is
//! what makes people trade twice. Absent by design: a generic 500 from an inner error's text.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

/// Response header that tells which way a request took.
pub const X_PATH: HeaderName = HeaderName::from_static("x-path");

/// The way a request took through the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathTaken {
    /// Over Kafka, as on a good day.
    Kafka,
    /// Calculated synchronously, because Kafka is stuck.
    Sync,
    /// Refused, because Kafka is stuck.
    Reject,
    /// Accepted, to be executed later.
    Pending,
}

impl PathTaken {
    /// As in the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Sync => "sync",
            Self::Reject => "reject",
            Self::Pending => "pending",
        }
    }

    /// As a header's value.
    #[must_use]
    pub const fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.as_str())
    }

    /// An answer in JSON that took this way.
    pub fn answer(self, status: StatusCode, body: &impl Serialize) -> Response {
        (status, [(X_PATH, self.header())], axum::Json(body)).into_response()
    }
}

/// Whether the thing asked for was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Executed {
    /// It was, or certainly will be.
    Yes,
    /// Certainly not, and it never will be.
    No,
    /// It may have been, or may still be; ask by client order id.
    Unknown,
    /// Accepted, not done yet.
    Pending,
}

/// A refusal or a failure, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    executed: Executed,
    retry_safe: bool,
    retry_after: Option<Duration>,
    path: PathTaken,
}

impl Problem {
    /// The request itself is wrong: nothing was done, and the same request will fail again.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, "the request is not valid", detail)
    }

    /// What was asked for does not exist.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// Who asks has not said who he is, or not rightly.
    #[must_use]
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::UNAUTHORIZED, "not allowed without a token", detail)
    }

    /// Nobody may ask for this here.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::FORBIDDEN, "not allowed here", detail)
    }

    /// The id was used before with another content.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::CONFLICT, "the id is taken by another request", detail)
    }

    /// Asked for too late: the order is executed, or may be. `executed` is what is known of the order.
    #[must_use]
    pub fn too_late(detail: impl Into<String>, executed: Executed) -> Self {
        Self { executed, ..Self::refused(StatusCode::CONFLICT, "too late", detail) }
    }

    /// Valid, but against a rule of the venue.
    #[must_use]
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::refused(StatusCode::UNPROCESSABLE_ENTITY, "the request was rejected", detail)
    }

    /// Refused before anything was produced, because a dependency is stuck or the service is full.
    #[must_use]
    pub fn rejected(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "rejected, nothing was executed",
            detail: detail.into(),
            executed: Executed::No,
            retry_safe: true,
            retry_after: Some(retry_after),
            path: PathTaken::Reject,
        }
    }

    /// Produced and then silent: nobody knows yet.
    #[must_use]
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::GATEWAY_TIMEOUT,
            title: "execution status unknown",
            detail: detail.into(),
            executed: Executed::Unknown,
            retry_safe: false,
            retry_after: None,
            path: PathTaken::Kafka,
        }
    }

    /// An answer that only reads could not be had in time: asking again does no harm.
    #[must_use]
    pub fn no_answer(detail: impl Into<String>) -> Self {
        Self { executed: Executed::No, retry_safe: true, title: "no answer in time", ..Self::unknown(detail) }
    }

    /// The body could not be read, because it is too long or the client stopped sending it.
    #[must_use]
    pub fn unreadable_body(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::refused(status, "the body cannot be read", detail)
    }

    fn refused(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            title,
            detail: detail.into(),
            executed: Executed::No,
            retry_safe: false,
            retry_after: None,
            path: PathTaken::Reject,
        }
    }

    /// The same, where nothing is known of an execution: a service that has forgotten an order must not say that it
    /// was not executed.
    #[must_use]
    pub fn in_doubt(mut self) -> Self {
        self.executed = Executed::Unknown;
        self
    }

    /// The same, marked as having come over Kafka: a business answer, not our own refusal.
    #[must_use]
    pub fn over_kafka(mut self) -> Self {
        self.path = PathTaken::Kafka;
        self
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, in a sentence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What is known of the execution.
    #[must_use]
    pub const fn executed(&self) -> Executed {
        self.executed
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    executed: Executed,
    retry_safe: bool,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            executed: self.executed,
            retry_safe: self.retry_safe,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(X_PATH, self.path.header());
        if let Some(after) = self.retry_after {
            // The header counts whole seconds; rounding down would invite a client back too early.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_millis().div_ceil(1000) as u64));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejection_says_that_nothing_was_executed() {
        let response =
            Problem::rejected("partition 3 is stuck", Duration::from_millis(1_200)).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[X_PATH], "reject");
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn silence_after_producing_is_unknown_and_not_safe_to_repeat() {
        let problem = Problem::unknown("no reply");
        assert_eq!(problem.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(problem.executed(), Executed::Unknown);
    }
}
