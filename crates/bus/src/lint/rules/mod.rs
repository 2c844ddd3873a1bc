//! What settings say together: contradictions, and choices that will hurt in an outage.
//!
//! A rule is a function that looks at the settings in force and finds one thing or nothing. A rule about producers is
//! not asked of properties that make a consumer alone, and the other way round.

mod consumer;
mod idempotence;
mod network;
mod producer;

use super::report::{Finding, Severity};
use super::view::{Value, View};

type Rule = fn(&View<'_>) -> Option<Finding>;

/// Asks every rule.
pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let producer = [producer::RULES, idempotence::RULES].concat().into_iter().filter(|_| view.producer);
    let consumer = consumer::RULES.iter().copied().filter(|_| view.consumer);
    let both = network::RULES.iter().copied();
    producer.chain(consumer).chain(both).filter_map(|rule| rule(view)).collect()
}

/// A finding about `at`, which is where it is shown.
fn found(
    severity: Severity,
    rule: &'static str,
    at: &Value,
    what: String,
    why: &str,
    change: impl Into<String>,
) -> Option<Finding> {
    Some(Finding { severity, rule, line: at.line, what, why: why.into(), change: change.into() })
}

/// The one of two settings that somebody chose, the first if both or neither.
fn chosen<'v>(one: &'v Value, other: &'v Value) -> &'v Value {
    if !one.set && other.set { other } else { one }
}
