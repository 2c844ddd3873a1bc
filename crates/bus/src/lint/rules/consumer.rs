//! Groups, fetches and prefetching.
//!
//! Sources: librdkafka's `rd_kafka_conf_finalize` and `rd_kafka_conf_warn`; Apache Kafka 4.3's `KafkaConsumer`, tried
//! with these values, and its consumer reference.

use super::super::Dialect;
use super::super::report::{Finding, Severity};
use super::super::view::View;
use super::{Rule, chosen, found};

pub(super) const RULES: &[Rule] = &[
    heartbeat,
    poll_below_session,
    broker_side_group,
    slow_eviction,
    fetch_outlasts_request,
    api_below_request,
    prefetch_stalls,
];

const EVICTION_MS: i64 = 30_000;
/// librdkafka warns when a fetch may be held for longer than the request's timeout less this.
const MARGIN_MS: i64 = 1000;

fn heartbeat(view: &View<'_>) -> Option<Finding> {
    let (beat, session) = (view.number("heartbeat.interval.ms"), view.number("session.timeout.ms"));
    if view.broker_side_group() || beat.number * 3 <= session.number {
        return None;
    }
    let at = chosen(&beat, &session);
    let change = format!("`{}` of a third of `{}`", beat.key, session.key);
    if beat.number >= session.number {
        let what = format!("{} is not less than {}", beat.shown(), session.shown());
        let why = "every member is dropped before it can say that it lives";
        return found(Severity::Error, "heartbeat-above-session", at, what, why, change);
    }
    let what = format!("{} is more than a third of {}", beat.shown(), session.shown());
    let why = "one or two lost heartbeats drop a member that lives, and the group rebalances";
    found(Severity::Warning, "heartbeat-near-session", at, what, why, change)
}

fn poll_below_session(view: &View<'_>) -> Option<Finding> {
    let (poll, session) = (view.number("max.poll.interval.ms"), view.number("session.timeout.ms"));
    if !view.is(Dialect::Librdkafka) || view.broker_side_group() || poll.number >= session.number {
        return None;
    }
    let what = format!("{} is less than {}", poll.shown(), session.shown());
    let why = "the client refuses to start";
    let change = format!("`{}` >= `{}`", poll.key, session.key);
    found(Severity::Error, "poll-below-session", chosen(&poll, &session), what, why, change)
}

fn broker_side_group(view: &View<'_>) -> Option<Finding> {
    let classic = ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"];
    let entry = classic.into_iter().find_map(|key| view.entry(key)).filter(|_| view.broker_side_group())?;
    Some(Finding {
        severity: Severity::Error,
        rule: "broker-side-group",
        line: entry.line,
        what: format!("`{}` with `group.protocol` = consumer", entry.key),
        why: "the client refuses to start: with this protocol the broker decides it".into(),
        change: "remove the line, and set the group's configuration on the broker".into(),
    })
}

fn slow_eviction(view: &View<'_>) -> Option<Finding> {
    let session = view.number("session.timeout.ms");
    if view.broker_side_group() || session.number < EVICTION_MS {
        return None;
    }
    let what = format!("{}: a dead member keeps its partitions that long", session.shown());
    let why = match view.dialect {
        Dialect::Java => "nobody reads them meanwhile",
        Dialect::Librdkafka => {
            "nobody reads them meanwhile, and a commit without a coordinator waits as long"
        }
    };
    let change = "6000, with `heartbeat.interval.ms` = 2000, unless pauses of that length are usual";
    found(Severity::Note, "slow-eviction", &session, what, why, change)
}

fn fetch_outlasts_request(view: &View<'_>) -> Option<Finding> {
    let (wait, limit, margin) = match view.dialect {
        Dialect::Librdkafka => ("fetch.wait.max.ms", "socket.timeout.ms", MARGIN_MS),
        Dialect::Java => ("fetch.max.wait.ms", "request.timeout.ms", 0),
    };
    let (wait, limit) = (view.number(wait), view.number(limit));
    if wait.number + margin < limit.number {
        return None;
    }
    let at = chosen(&wait, &limit);
    let change = format!("`{}` = 500", wait.key);
    if wait.number >= limit.number {
        let what = format!("{} is not less than {}", wait.shown(), limit.shown());
        let why = "every fetch of an idle partition times out, and its connection is closed";
        return found(Severity::Error, "fetch-outlasts-request", at, what, why, change);
    }
    let what = format!("{} is within a second of {}", wait.shown(), limit.shown());
    let why = "a fetch that the broker holds can time out the requests behind it";
    found(Severity::Warning, "fetch-near-request", at, what, why, change)
}

fn api_below_request(view: &View<'_>) -> Option<Finding> {
    if !view.is(Dialect::Java) {
        return None;
    }
    let (api, request) = (view.number("default.api.timeout.ms"), view.number("request.timeout.ms"));
    if api.number >= request.number {
        return None;
    }
    let what = format!("{} is less than {}", api.shown(), request.shown());
    let why = "a commit gives up before its first try has ended, so it is never tried again";
    let change = format!("`{}` of at most half of `{}`", request.key, api.key);
    found(Severity::Warning, "api-below-request", chosen(&api, &request), what, why, change)
}

/// Below this a fast reader empties the queue within the pause that follows a full one.
const PREFETCH: i64 = 10_000;
const STALL_MS: i64 = 100;

fn prefetch_stalls(view: &View<'_>) -> Option<Finding> {
    if !view.is(Dialect::Librdkafka) {
        return None;
    }
    let (queued, pause) = (view.number("queued.min.messages"), view.number("fetch.queue.backoff.ms"));
    if queued.number >= PREFETCH || pause.number <= STALL_MS {
        return None;
    }
    let what = format!("{} with {}", queued.shown(), pause.shown());
    let why = "a small prefetch queue is full at once, and the next fetch waits the whole pause: a reader that caught up \
               stands still";
    found(
        Severity::Warning,
        "prefetch-stalls",
        chosen(&queued, &pause),
        what,
        why,
        "`fetch.queue.backoff.ms` = 10",
    )
}
