//! A record's life in the client, and the queue it lives in.
//!
//! Sources: librdkafka's `rd_kafka_conf_finalize`; Apache Kafka 4.3's `KafkaProducer`, tried with these values; AWS's
//! best practices for MSK clients; measurements on stuck clusters.

use super::super::Dialect;
use super::super::report::{Finding, Severity};
use super::super::view::View;
use super::{Rule, chosen, found};

pub(super) const RULES: &[Rule] = &[
    never_expires,
    expires_before_it_lingers,
    request_outlives_record,
    long_timeouts,
    short_expiry,
    queue_without_bound,
    queue_fills_first,
    weak_acks,
    send_blocks,
];

/// AWS: "60 seconds or higher for most use cases", of the delivery timeout.
const AWS_EXPIRY_MS: i64 = 60_000;
/// Longer than any caller of a trading path waits.
const BLOCK_MS: i64 = 2000;
/// A client that sends more than this to one partition knows that it has to bound it.
const STUCK_PER_S: i64 = 2000;
/// With idempotence, an expiry makes the producer drain; below this it does so within a usual outage, again and again.
const SHORT_EXPIRY_MS: i64 = 5000;

fn never_expires(view: &View<'_>) -> Option<Finding> {
    let expiry = view.expiry();
    if !view.is(Dialect::Librdkafka) || expiry.number != 0 {
        return None;
    }
    let why = "a record of a leaderless partition stays in the queue for the whole outage, its caller is never told, \
               and the queue fills for all partitions";
    let change = format!("`{}` = 30000, and a deadline of the caller's own that is tighter", expiry.key);
    found(
        Severity::Error,
        "never-expires",
        &expiry,
        format!("{} means for ever", expiry.shown()),
        why,
        change,
    )
}

fn expires_before_it_lingers(view: &View<'_>) -> Option<Finding> {
    let (expiry, linger) = (view.expiry(), view.number("linger.ms"));
    if view.is(Dialect::Java) {
        let request = view.number("request.timeout.ms");
        let least = linger.number + request.number;
        if expiry.number >= least {
            return None;
        }
        let what = format!("{} is less than {} + {}", expiry.shown(), linger.shown(), request.shown());
        let why = "the client refuses to start: a record could expire before its first try has ended";
        let change = format!("`{}` >= {least}, or a `{}` of at most half of `{0}`", expiry.key, request.key);
        return found(Severity::Error, "expiry-below-request", chosen(&expiry, &request), what, why, change);
    }
    // A linger that nobody chose is lowered by the client itself.
    if expiry.number == 0 || expiry.number > linger.number || !linger.set {
        return None;
    }
    let what = format!("{} is not more than {}", expiry.shown(), linger.shown());
    let why = "the client refuses to start: every record would expire before it is sent";
    found(Severity::Error, "expiry-below-linger", &linger, what, why, "a `linger.ms` of 0 to 5")
}

fn request_outlives_record(view: &View<'_>) -> Option<Finding> {
    let (expiry, request) = (view.expiry(), view.number("request.timeout.ms"));
    if !view.is(Dialect::Librdkafka) || expiry.number == 0 || request.number <= expiry.number || !expiry.set {
        return None;
    }
    let what = format!("{} is longer than {}", request.shown(), expiry.shown());
    let why = "a record gets one try: the leader still waits for its followers when the record has expired, and the \
               record may be written after its caller was told that it timed out";
    let change = format!("`{}` of at most half of `{}`", request.key, expiry.key);
    found(Severity::Warning, "request-outlives-record", chosen(&request, &expiry), what, why, change)
}

fn long_timeouts(view: &View<'_>) -> Option<Finding> {
    let expiry = view.expiry();
    if expiry.number < AWS_EXPIRY_MS {
        return None;
    }
    let what = format!("{} holds a caller who waits for it that long", expiry.shown());
    let why = "AWS's guide to MSK clients advises 60 s and more, with a request.timeout.ms of 10 s and more: that rides \
               out a broker's restart, and in an outage of the control plane it makes every caller wait it out. \
               Failing fast is the opposite advice; the two cannot be had by one setting";
    let change = "keep it long only behind a deadline of the caller's own (150 to 300 ms), with a fallback for what \
                  the deadline cuts off; otherwise 30000";
    found(Severity::Warning, "long-timeouts", &expiry, what, why, change)
}

fn short_expiry(view: &View<'_>) -> Option<Finding> {
    let expiry = view.expiry();
    if !view.is(Dialect::Librdkafka) || !view.idempotent() || !(1..SHORT_EXPIRY_MS).contains(&expiry.number) {
        return None;
    }
    let what = format!("{} with idempotence", expiry.shown());
    let why = "when a record expires, an idempotent producer drains and begins a new epoch, and the healthy partitions \
               stand still for up to request.timeout.ms (measured: 0.9 s of every 2 s)";
    let change = "30000, and a deadline of the caller's own as the tight bound";
    found(Severity::Warning, "short-expiry", &expiry, what, why, change)
}

fn queue_without_bound(view: &View<'_>) -> Option<Finding> {
    if !view.is(Dialect::Librdkafka) {
        return None;
    }
    let records = view.number("queue.buffering.max.messages");
    if records.number != 0 {
        return None;
    }
    let kilobytes = view.number("queue.buffering.max.kbytes");
    let what = format!("{} leaves {} as the only bound", records.shown(), kilobytes.shown());
    let why = "a stuck partition takes that much memory before anybody is refused";
    let change = "records per second x seconds until you react x 2, such as 10000";
    found(Severity::Warning, "queue-without-bound", &records, what, why, change)
}

/// Whether one stuck partition's records can fill the queue before the first of them expires.
fn queue_fills_first(view: &View<'_>) -> Option<Finding> {
    let expiry = view.expiry();
    if !view.is(Dialect::Librdkafka) || expiry.number == 0 {
        return None;
    }
    let records = view.number("queue.buffering.max.messages");
    let per_second = records.number.checked_mul(1000)? / expiry.number;
    if records.number == 0 || per_second >= STUCK_PER_S {
        return None;
    }
    let what =
        format!("{} and {}: {per_second} stuck records a second fill it", records.shown(), expiry.shown());
    let why = "the queue is shared: when records of one stuck partition have filled it before the first of them \
               expires, sends to healthy partitions are refused as well (QUEUE_FULL); retrying those blocks everybody";
    let change = "stop sending to a stuck partition (a circuit per partition); give critical topics a producer of their \
                  own; treat QUEUE_FULL as a refusal and do not retry it";
    found(Severity::Note, "queue-fills-first", chosen(&records, &expiry), what, why, change)
}

fn weak_acks(view: &View<'_>) -> Option<Finding> {
    let acks = view.number("acks");
    let (what, why) = match acks.number {
        0 => (
            "acks nothing",
            "every send succeeds, whether a broker is there or not: no detector can see an outage",
        ),
        n if n > 0 => (
            "acks before the followers have it",
            "in an outage sends succeed that no consumer can see, and the next election may lose them",
        ),
        _ => return None,
    };
    let what = format!("{} {what}", acks.shown());
    found(Severity::Warning, "weak-acks", &acks, what, why, "`acks` = all")
}

fn send_blocks(view: &View<'_>) -> Option<Finding> {
    if !view.is(Dialect::Java) {
        return None;
    }
    let block = view.number("max.block.ms");
    if block.number <= BLOCK_MS {
        return None;
    }
    let what = format!("{}: send() itself blocks its thread that long", block.shown());
    let why = "without metadata, or with buffer.memory full of a stuck partition's records, every thread that sends \
               stands still, to healthy partitions too";
    let change = "500, and a circuit that stops sending";
    found(Severity::Warning, "send-blocks", &block, what, why, change)
}
