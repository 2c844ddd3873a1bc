//! Requests, connections and the view of the cluster: what producers and consumers share.
//!
//! Sources: librdkafka's `rd_kafka_conf_finalize` and `rd_kafka_broker_update_reconnect_backoff`; measurements on
//! stuck clusters.

use super::super::Dialect;
use super::super::report::{Finding, Severity};
use super::super::view::{Value, View};
use super::{Rule, chosen, found};

pub(super) const RULES: &[Rule] = &[
    socket_below_request,
    socket_too_short,
    socket_below_record,
    reconnects_backwards,
    late_heal,
    slow_connect,
    old_metadata,
    metadata_overflows,
    backoff_backwards,
    no_statistics,
];

/// Below this, reconnects dominate: 100 ms gave a p99 of 2.7 s.
const SOCKET_MS: i64 = 1000;
const HEAL_MS: i64 = 2000;
const CONNECT_MS: i64 = 10_000;
const METADATA_MS: i64 = 300_000;
/// librdkafka multiplies an `int` of milliseconds by 1,000 (`rd_kafka_metadata_cache_topic_update`).
const METADATA_AGE_MS_MAX: i64 = i32::MAX as i64 / 1000;

fn socket_below_request(view: &View<'_>) -> Option<Finding> {
    if !view.is(Dialect::Librdkafka) || !view.producer {
        return None;
    }
    let (socket, request) = (view.number("socket.timeout.ms"), view.number("request.timeout.ms"));
    if socket.number > request.number {
        return None;
    }
    let what = format!("{} is not more than {}", socket.shown(), request.shown());
    let why = "the client closes the connection before the leader can say that its followers are late: instead of an \
               answer and a retry there is a reconnect, and all other requests on the connection fail with it";
    let change = format!("`{}` = 2 x `{}`", socket.key, request.key);
    found(Severity::Error, "socket-below-request", chosen(&socket, &request), what, why, change)
}

fn socket_too_short(view: &View<'_>) -> Option<Finding> {
    if !view.is(Dialect::Librdkafka) {
        return None;
    }
    let socket = view.number("socket.timeout.ms");
    let what = format!("{} is shorter than a pause of a healthy broker", socket.shown());
    let why = "reconnects dominate: with 100 ms a p99 of 2.7 s was measured";
    let short = socket.number < SOCKET_MS;
    short.then(|| {
        found(
            Severity::Warning,
            "socket-too-short",
            &socket,
            what,
            why,
            "2000, twice a request.timeout.ms of 1000",
        )
    })?
}

fn socket_below_record(view: &View<'_>) -> Option<Finding> {
    let (socket, expiry) = (view.number_of("socket.timeout.ms")?, view.expiry());
    if !view.producer || expiry.number != 0 && socket.number >= expiry.number {
        return None;
    }
    let tries = match expiry.number {
        0 => "without an end".to_owned(),
        ms => format!("up to {} times", ms / socket.number.max(1) + 1),
    };
    let what = format!("{} is less than {}", socket.shown(), expiry.shown());
    let (severity, then) = match view.idempotent() {
        true => (Severity::Note, "the brokers drop the doubles, unless the record has expired in between"),
        false => (Severity::Warning, "every try that was written is a record of its own after the heal"),
    };
    let why = format!(
        "a record whose leader is frozen is sent again {tries}, each time on a new connection; {then}"
    );
    let change = "idempotence on, and consumers that de-duplicate by event id; a longer socket.timeout.ms would only \
                  find a frozen broker later";
    found(severity, "socket-below-record", chosen(&socket, &expiry), what, &why, change)
}

fn reconnects_backwards(view: &View<'_>) -> Option<Finding> {
    let (least, most) = (view.number("reconnect.backoff.ms"), view.number("reconnect.backoff.max.ms"));
    if least.number <= most.number {
        return None;
    }
    let what = format!("{} is more than {}", least.shown(), most.shown());
    let (severity, why) = match view.dialect {
        Dialect::Librdkafka => (Severity::Error, "the client refuses to start"),
        Dialect::Java => {
            (Severity::Warning, "the pause does not grow: the larger one counts from the first try")
        }
    };
    found(severity, "reconnect-backwards", chosen(&least, &most), what, why, "100 and 1000")
}

fn late_heal(view: &View<'_>) -> Option<Finding> {
    let most = view.number("reconnect.backoff.max.ms");
    if most.number <= HEAL_MS {
        return None;
    }
    let what = format!("{}: a broker that came back is found that much later", most.shown());
    let why = match view.dialect {
        Dialect::Java => "the outage of the client outlasts the one of the cluster",
        Dialect::Librdkafka => {
            "the outage of the client outlasts the one of the cluster, and a dead leader delays the expiry of its \
             records (measured: 5 s set, 8.7 s and more had)"
        }
    };
    found(Severity::Warning, "late-heal", &most, what, why, "1000")
}

fn slow_connect(view: &View<'_>) -> Option<Finding> {
    let key = match view.dialect {
        Dialect::Librdkafka => "socket.connection.setup.timeout.ms",
        Dialect::Java => "socket.connection.setup.timeout.max.ms",
    };
    let connect = view.number(key);
    let what = format!("{}: a try to connect to a black-holed broker lasts that long", connect.shown());
    let why = "a broker whose packets are dropped refuses nothing, so only this timeout moves the client on";
    let slow = connect.number > CONNECT_MS;
    slow.then(|| found(Severity::Note, "slow-connect", &connect, what, why, "1000 to 2000 within a region"))?
}

fn old_metadata(view: &View<'_>) -> Option<Finding> {
    let key = match view.dialect {
        Dialect::Librdkafka => "topic.metadata.refresh.interval.ms",
        Dialect::Java => "metadata.max.age.ms",
    };
    let age = view.number(key);
    if (0..METADATA_MS).contains(&age.number) {
        return None;
    }
    let what = format!("{}: an idle client's view of the leaders is that old", age.shown());
    let why = "a client that sends nothing does not learn that a leader is gone until it wants to send";
    found(Severity::Note, "old-metadata", &age, what, why, "10000")
}

fn metadata_overflows(view: &View<'_>) -> Option<Finding> {
    let age = view.number_of("metadata.max.age.ms")?;
    let refresh = view.number("topic.metadata.refresh.interval.ms");
    // Unless it is set, the client makes it three times the other.
    let (at, age_ms) = if age.set { (&age, age.number) } else { (&refresh, 3 * refresh.number) };
    let what = format!(
        "{}: the client counts the age of its metadata in microseconds, and they overflow",
        at.shown()
    );
    let why = "what it has just heard of leaders may count as outdated at once, and it finds none (measured with 3600000: \
               eight of ten readers were not ready after 10 s; with 300000 none of nine)";
    let overflows = age_ms > METADATA_AGE_MS_MAX;
    overflows.then(|| found(Severity::Error, "metadata-overflows", at, what, why, "10000"))?
}

fn backoff_backwards(view: &View<'_>) -> Option<Finding> {
    let (least, most) = (view.number("retry.backoff.ms"), view.number("retry.backoff.max.ms"));
    let what = format!("{} is more than {}", least.shown(), most.shown());
    let why = "the pause between two tries does not grow: the client uses a fixed one";
    let backwards = least.number > most.number;
    backwards.then(|| {
        found(Severity::Warning, "backoff-backwards", chosen(&least, &most), what, why, "100 and 1000")
    })?
}

fn no_statistics(view: &View<'_>) -> Option<Finding> {
    let interval = view.number_of("statistics.interval.ms")?;
    let what = format!("{}: the client reports nothing about itself", interval.shown());
    let why = "in an outage neither errors nor error callbacks come; leaders, queues and ack progress are in the \
               statistics alone";
    let off = interval.number == 0;
    off.then(|| {
        found(Severity::Note, "no-statistics", &interval, what, why, "250 to 1000, and a statistics callback")
    })?
}

impl View<'_> {
    /// The number of a key that only librdkafka has.
    fn number_of(&self, key: &str) -> Option<Value> {
        self.is(Dialect::Librdkafka).then(|| self.number(key))
    }
}
