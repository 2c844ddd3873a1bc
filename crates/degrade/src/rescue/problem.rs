//! Errors as `application/problem+json` (RFC 9457).
//!
//! # Invariant
//! What was refused before anything was sent is 503 and `"executed": "no"`; silence after that is 504 and
//! `"executed": "unknown"`. There is no third kind, and an answer without that member is what makes people trade twice.

use std::convert::Infallible;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::admission;
use crate::bulkhead::error::Refused;
use crate::deadline::error::{Elapsed, Error as DeadlineError};
use crate::early_drop::error::TooLate;
use crate::proven::error::Unproven;
use crate::shed::error::Overloaded;

/// What is known of the execution of a call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executed {
    /// Certainly not executed, and it never will be.
    No,
    /// It may have been, or may still be.
    Unknown,
}

impl Executed {
    const fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// A refusal or a failure, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A reference that identifies the kind, relative to the address of the API.
    pub kind: &'static str,
    /// The kind, in a few words.
    pub title: &'static str,
    /// What happened this time, in a sentence.
    pub detail: String,
    /// 503, or 504 if nobody knows.
    pub status: StatusCode,
    /// What is known of the execution.
    pub executed: Executed,
    /// When it may be worth asking again.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// Refused before anything was sent.
    pub fn refused(
        kind: &'static str,
        title: &'static str,
        detail: &impl ToString,
        retry_after: Option<Duration>,
    ) -> Self {
        Self {
            kind,
            title,
            detail: detail.to_string(),
            status: StatusCode::SERVICE_UNAVAILABLE,
            executed: Executed::No,
            retry_after,
        }
    }

    /// Sent, and then silent.
    pub fn unknown(detail: &impl ToString) -> Self {
        Self {
            kind: "/problems/unknown",
            title: "execution status unknown",
            detail: detail.to_string(),
            status: StatusCode::GATEWAY_TIMEOUT,
            executed: Executed::Unknown,
            retry_after: None,
        }
    }

    /// As a response: `Retry-After` counts whole seconds, and is rounded up, so that nobody is invited back too early.
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn body(&self) -> String {
        let body = json!({
            "type": self.kind,
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "executed": self.executed.name(),
        });
        body.to_string()
    }
}

impl From<Elapsed> for Problem {
    fn from(error: Elapsed) -> Self {
        if error.passed_on {
            return Self::unknown(&error);
        }
        Self::refused("/problems/too-late", "too late, nothing was executed", &error, None)
    }
}

impl From<TooLate> for Problem {
    fn from(error: TooLate) -> Self {
        Self::refused("/problems/too-late", "too late, nothing was executed", &error, None)
    }
}

impl From<Overloaded> for Problem {
    fn from(error: Overloaded) -> Self {
        let title = "overloaded, nothing was executed";
        Self::refused("/problems/overloaded", title, &error, Some(error.retry_after))
    }
}

impl From<Refused> for Problem {
    fn from(error: Refused) -> Self {
        let title = "degraded and at a limit, nothing was executed";
        Self::refused("/problems/fallback-limit", title, &error, Some(error.retry_after))
    }
}

impl From<Unproven> for Problem {
    fn from(error: Unproven) -> Self {
        let title = "the fallback is not proven, nothing was executed";
        Self::refused("/problems/fallback-unproven", title, &error, Some(error.retry_after))
    }
}

impl<R: Into<Self>, E: Into<Self>> From<admission::Error<R, E>> for Problem {
    fn from(error: admission::Error<R, E>) -> Self {
        match error {
            admission::Error::Refused(refusal) => refusal.into(),
            admission::Error::Inner(error) => error.into(),
        }
    }
}

impl<E: Into<Self>> From<DeadlineError<E>> for Problem {
    fn from(error: DeadlineError<E>) -> Self {
        match error {
            DeadlineError::Elapsed(error) => error.into(),
            DeadlineError::Inner(error) => error.into(),
        }
    }
}

impl From<Infallible> for Problem {
    fn from(error: Infallible) -> Self {
        match error {}
    }
}
