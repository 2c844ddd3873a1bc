//! From an HTTP answer to an outcome.
//!
//! | status | `x-path` | outcome |
//! |---|---|---|
//! | 202, or any 2xx | any, or `pending` | `accepted_pending` |
//! | 2xx | `kafka` | `ok_kafka` |
//! | 2xx | `sync` | `ok_degraded` |
//! | 503 | `reject` | `rejected_fast` |
//! | 504 | any | `unknown` |
//! | any other | | `error_status` |
//!
//! A 2xx without a known `x-path` is an `error_status` too: nobody can say which way it went.
//!
//! Beside the outcome an answer may say whether something was executed: in the header `x-executed`, or in the field
//! `executed` of a JSON body of a 202 or an error (problem+json). The bound: of such a body at most [`BODY_KEPT_MAX`]
//! bytes are kept; of a longer one the field is not seen.

use http::{HeaderMap, StatusCode, header};
use recorder::Outcome;
use serde::Deserialize;

/// How much of a body is kept to look for `executed`; a problem document has a few hundred bytes.
pub(crate) const BODY_KEPT_MAX: usize = 64 * 1024;

/// What an answer said about whether something was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executed {
    /// It said nothing, or nothing known, or there was no answer.
    NotSaid,
    /// Certainly not executed.
    No,
    /// It may have been executed.
    Unknown,
    /// It will be executed later.
    Pending,
}

impl Executed {
    fn said(text: &[u8]) -> Self {
        match text {
            b"no" => Self::No,
            b"unknown" => Self::Unknown,
            b"pending" => Self::Pending,
            _ => Self::NotSaid,
        }
    }
}

/// The outcome of a complete answer.
pub(crate) fn outcome(status: StatusCode, headers: &HeaderMap) -> Outcome {
    let path = headers.get("x-path").map(|value| value.as_bytes());
    match (status, path) {
        (StatusCode::ACCEPTED, _) => Outcome::AcceptedPending,
        (StatusCode::SERVICE_UNAVAILABLE, Some(b"reject")) => Outcome::RejectedFast,
        (StatusCode::GATEWAY_TIMEOUT, _) => Outcome::Unknown,
        (status, Some(b"pending")) if status.is_success() => Outcome::AcceptedPending,
        (status, Some(b"kafka")) if status.is_success() => Outcome::OkKafka,
        (status, Some(b"sync")) if status.is_success() => Outcome::OkDegraded,
        _ => Outcome::ErrorStatus,
    }
}

/// Whether the body may say what was executed, so that it is worth keeping.
pub(crate) fn wants_body(status: StatusCode, headers: &HeaderMap) -> bool {
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|it| it.as_bytes().ends_with(b"json"));
    let telling = status == StatusCode::ACCEPTED || !status.is_success();
    telling && json && !headers.contains_key("x-executed")
}

/// What the answer said about execution; the header goes before the body.
pub(crate) fn executed(headers: &HeaderMap, body: &[u8]) -> Executed {
    #[derive(Deserialize)]
    struct Problem {
        executed: String,
    }
    if let Some(value) = headers.get("x-executed") {
        return Executed::said(value.as_bytes());
    }
    let problem = serde_json::from_slice::<Problem>(body);
    problem.map_or(Executed::NotSaid, |problem| Executed::said(problem.executed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn answers_map_to_outcomes_by_status_and_path() {
        let check = |status: u16, path: &'static str, expected| {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(outcome(status, &headers(&[("x-path", path)])), expected, "{status} {path}");
        };
        check(200, "kafka", Outcome::OkKafka);
        check(201, "kafka", Outcome::OkKafka);
        check(200, "sync", Outcome::OkDegraded);
        check(200, "pending", Outcome::AcceptedPending);
        check(202, "kafka", Outcome::AcceptedPending);
        check(503, "reject", Outcome::RejectedFast);
        check(503, "kafka", Outcome::ErrorStatus);
        check(504, "kafka", Outcome::Unknown);
        check(200, "elsewhere", Outcome::ErrorStatus);
        check(409, "kafka", Outcome::ErrorStatus);
        assert_eq!(outcome(StatusCode::OK, &headers(&[])), Outcome::ErrorStatus);
    }

    #[test]
    fn execution_is_read_from_the_header_before_the_body() {
        let body = br#"{"title":"stuck","executed":"unknown"}"#;
        assert_eq!(executed(&headers(&[("x-executed", "no")]), body), Executed::No);
        assert_eq!(executed(&headers(&[]), body), Executed::Unknown);
        assert_eq!(executed(&headers(&[]), br#"{"executed":"perhaps"}"#), Executed::NotSaid);
        assert_eq!(executed(&headers(&[]), b"not json"), Executed::NotSaid);
    }

    #[test]
    fn only_a_json_body_that_can_tell_is_kept() {
        let json = headers(&[("content-type", "application/problem+json")]);
        assert!(wants_body(StatusCode::GATEWAY_TIMEOUT, &json));
        assert!(wants_body(StatusCode::ACCEPTED, &json));
        assert!(!wants_body(StatusCode::OK, &json));
        assert!(!wants_body(StatusCode::GATEWAY_TIMEOUT, &headers(&[("content-type", "text/html")])));
    }
}
