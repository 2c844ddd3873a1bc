//! From an HTTP answer to an outcome, by rules that a caller may replace: the first that fits decides.
//!
//! The rules of the reference services, [`Mapping::default`]:
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
//! A 2xx without a known `x-path` is an `error_status` too: nobody can say which way it went. For services that know no
//! such header [`Mapping::any_service`] ends with 2xx and 3xx as `ok`.
//!
//! Beside the outcome an answer may say whether something was executed: in the header `x-executed`, or in the field
//! `executed` of a JSON body of a 202 or an error (problem+json). The bound: of such a body at most [`BODY_KEPT_MAX`]
//! bytes are kept; of a longer one the field is not seen.

use std::ops::RangeInclusive;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use recorder::Outcome;
use serde::{Deserialize, Serialize};

use crate::portable;

/// How much of a body is kept to look for `executed`; a problem document has a few hundred bytes.
pub(crate) const BODY_KEPT_MAX: usize = 64 * 1024;

/// The most headers that are looked through one by one.
const LOOKED_THROUGH_MAX: usize = 8;

/// Where an answer says whether something was executed.
const EXECUTED: HeaderName = HeaderName::from_static("x-executed");

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
    const ALL: [Self; 4] = [Self::NotSaid, Self::No, Self::Unknown, Self::Pending];

    /// Its place among all.
    pub(crate) const fn index(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_index(index: u8) -> Option<Self> {
        Self::ALL.get(usize::from(index)).copied()
    }

    fn said(text: &[u8]) -> Self {
        match text {
            b"no" => Self::No,
            b"unknown" => Self::Unknown,
            b"pending" => Self::Pending,
            _ => Self::NotSaid,
        }
    }
}

/// What an answer counts as: the first rule that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The response header that rules look at.
    #[serde(with = "portable::text")]
    pub header: HeaderName,
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// What an answer is that no rule fits.
    pub otherwise: Outcome,
}

/// One rule of a [`Mapping`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The statuses it is for.
    pub statuses: RangeInclusive<u16>,
    /// The value that the header must have; `None` is any, or none.
    pub path: Option<String>,
    /// What such an answer is.
    pub outcome: Outcome,
}

impl Default for Mapping {
    fn default() -> Self {
        let rule = |statuses, path: &str, outcome| {
            let path = (path != "*").then(|| path.to_owned());
            Rule { statuses, path, outcome }
        };
        let rules = vec![
            rule(202..=202, "*", Outcome::AcceptedPending),
            rule(503..=503, "reject", Outcome::RejectedFast),
            rule(504..=504, "*", Outcome::Unknown),
            rule(200..=299, "pending", Outcome::AcceptedPending),
            rule(200..=299, "kafka", Outcome::OkKafka),
            rule(200..=299, "sync", Outcome::OkDegraded),
        ];
        Self { header: HeaderName::from_static("x-path"), rules, otherwise: Outcome::ErrorStatus }
    }
}

impl Mapping {
    /// What an answer can be; the other outcomes are those of requests without one.
    pub const OUTCOMES: [Outcome; 7] = [
        Outcome::Ok,
        Outcome::OkKafka,
        Outcome::OkDegraded,
        Outcome::AcceptedPending,
        Outcome::RejectedFast,
        Outcome::Unknown,
        Outcome::ErrorStatus,
    ];

    /// The default, and 2xx and 3xx are `ok` where the header says nothing known.
    pub fn any_service() -> Self {
        let mut mapping = Self::default();
        mapping.rules.push(Rule { statuses: 200..=399, path: None, outcome: Outcome::Ok });
        mapping
    }

    /// The outcome of a complete answer.
    pub(crate) fn outcome(&self, status: StatusCode, headers: &HeaderMap) -> Outcome {
        let said = find(headers, &self.header).map(|value| value.as_bytes());
        let fits = |rule: &&Rule| {
            let path = rule.path.as_deref().map(str::as_bytes);
            rule.statuses.contains(&status.as_u16()) && (path.is_none() || path == said)
        };
        self.rules.iter().find(fits).map_or(self.otherwise, |rule| rule.outcome)
    }
}

/// The first value of a header. Looking at a few takes less time than hashing the name.
fn find<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    if headers.len() > LOOKED_THROUGH_MAX {
        return headers.get(name);
    }
    headers.iter().find(|(it, _)| *it == name).map(|(_, value)| value)
}

/// Whether the body may say what was executed, so that it is worth keeping.
pub(crate) fn wants_body(status: StatusCode, headers: &HeaderMap) -> bool {
    let is_telling = status == StatusCode::ACCEPTED || !status.is_success();
    let is_json = || headers.get(header::CONTENT_TYPE).is_some_and(|it| it.as_bytes().ends_with(b"json"));
    is_telling && is_json() && !headers.contains_key(&EXECUTED)
}

/// What the answer said about execution; the header goes before the body.
pub(crate) fn executed(headers: &HeaderMap, body: &[u8]) -> Executed {
    #[derive(Deserialize)]
    struct Problem {
        executed: String,
    }
    if let Some(value) = find(headers, &EXECUTED) {
        return Executed::said(value.as_bytes());
    }
    if body.is_empty() {
        return Executed::NotSaid;
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
            let told = Mapping::default().outcome(status, &headers(&[("x-path", path)]));
            assert_eq!(told, expected, "{status} {path}");
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
        assert_eq!(Mapping::default().outcome(StatusCode::OK, &headers(&[])), Outcome::ErrorStatus);
    }

    #[test]
    fn any_service_answers_well_without_saying_which_way() {
        let told = |status: u16, path| {
            let status = StatusCode::from_u16(status).unwrap();
            Mapping::any_service().outcome(status, &headers(&[("x-path", path)]))
        };
        assert_eq!([200, 201, 304].map(|status| told(status, "")), [Outcome::Ok; 3]);
        assert_eq!(told(200, "sync"), Outcome::OkDegraded);
        assert_eq!([404, 500, 503].map(|status| told(status, "")), [Outcome::ErrorStatus; 3]);
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
