//! The worst-case block of each call: which settings bound it, and the sum.
//!
//! Sources: librdkafka 2.12.1's `rdkafka_broker.c` (expiry scan, reconnects), `rdkafka_cgrp.c` (deferred commits),
//! `rdkafka_buf.c` (retries that were never sent are not counted); Apache Kafka 4.3's producer and consumer reference;
//! and the measurements of `docs/client-settings.md`.

use super::Dialect;
use super::report::{Bound, Call, Case, Step};
use super::view::View;

/// librdkafka looks for what has expired once a second.
const SCAN_MS: u64 = 1000;
/// The broker's `group.consumer.session.timeout.ms`, as Apache ships it.
const BROKER_SESSION_MS: u64 = 45_000;

/// One bound per call that these properties make possible.
pub(super) fn all(view: &View<'_>) -> Vec<Bound> {
    let (send, commit) = match view.dialect {
        Dialect::Librdkafka => (librdkafka_send(view), librdkafka_commit(view)),
        Dialect::Java => (java_send(view), java_commit(view)),
    };
    let producer = [Bound::new(Call::Send, send)].into_iter().filter(|_| view.producer);
    let consumer = [
        Bound::new(Call::Consume, consume(view)),
        Bound::new(Call::Join, join(view)),
        Bound::new(Call::Commit, commit),
    ];
    producer.chain(consumer.into_iter().filter(|_| view.consumer)).collect()
}

fn librdkafka_send(view: &View<'_>) -> Vec<Case> {
    let refused = Case::ends("the client's queue is full", Vec::new()).noting(
        "refused at once (QUEUE_FULL). A program that tries again adds its own wait: for ever, for rdkafka's \
         FutureProducer with Timeout::Never",
    );
    let expiry = view.expiry();
    if expiry.number == 0 {
        let note = "0 means that a record never expires: its delivery report comes after the heal, or never";
        return vec![Case::never_ends("the leader is lost, or frozen", note), refused];
    }
    let lives = expiry.step("a record lives this long in the client");
    let scan = Step { setting: None, ms: SCAN_MS, why: "expired records are looked for once a second" };
    let reconnect = view.number("reconnect.backoff.max.ms");
    let late = "the thread of a dead broker sleeps this long between tries to connect, and looks for expired records \
                when it wakes";
    let mut cases = vec![Case::ends("the leader is lost, or frozen", vec![lives.clone(), scan])];
    if reconnect.number > SCAN_MS.cast_signed() {
        cases.push(Case::ends("the leader's broker is dead", vec![lives, reconnect.step(late)]));
    }
    cases.push(refused);
    cases
}

fn java_send(view: &View<'_>) -> Vec<Case> {
    let block =
        view.number("max.block.ms").step("send() itself waits for metadata, or for room in buffer.memory");
    let lives = view.expiry().step("the record lives this long");
    let itself = Case::ends("send() alone: no metadata, or a full buffer", vec![block.clone()])
        .noting("the thread that calls send() stands still for this long");
    let lost = Case::ends("send().get(): the leader is lost, frozen or dead", vec![lives.clone()]);
    let whole = Case::ends("send().get(): no metadata at first, and then no leader", vec![block, lives]);
    vec![itself, lost, whole]
}

fn consume(view: &View<'_>) -> Vec<Case> {
    let stuck = "the leader is lost or frozen, or the high watermark is stuck";
    let silent = match view.dialect {
        Dialect::Librdkafka => {
            "no setting ends it. A poll with a timeout returns with nothing, without an error and without a word to the \
             error callback: its own timeout is the only bound"
        }
        Dialect::Java => {
            "no setting ends it. poll(Duration) returns with nothing and without an error: its argument is the only \
             bound"
        }
    };
    let mut cases = vec![Case::never_ends(stuck, silent)];
    if view.is(Dialect::Java) && !view.broker_side_group() {
        cases.push(Case::never_ends(
            "the group has no coordinator, and the leaders are well",
            "no setting ends it. poll() looks for a coordinator for as long as its argument allows, and healthy partitions \
             are not read meanwhile",
        ));
    }
    if view.is(Dialect::Java) {
        let api = view.number("default.api.timeout.ms").step("position, committed, offsetsForTimes");
        cases.push(Case::ends("asking for a position or an offset", vec![api]));
    }
    cases
}

fn join(view: &View<'_>) -> Vec<Case> {
    let session = if view.broker_side_group() {
        let why = "the broker's group.consumer.session.timeout.ms, as Apache ships it";
        Step { setting: None, ms: BROKER_SESSION_MS, why }
    } else {
        view.number("session.timeout.ms").step("its place is kept for this long")
    };
    let poll = view.number("max.poll.interval.ms").step("the rebalance waits for it");
    vec![
        Case::never_ends(
            "the group has no coordinator",
            "no setting ends it: subscribing succeeds, and no assignment ever comes",
        ),
        Case::ends("another member lives, but does not poll", vec![poll]),
        Case::ends("another member has died", vec![session]),
    ]
}

fn librdkafka_commit(view: &View<'_>) -> Vec<Case> {
    let session =
        view.number("session.timeout.ms").step("the commit is put off until a coordinator is found");
    let scan = Step { setting: None, ms: SCAN_MS, why: "what was put off is looked at once a second" };
    vec![
        Case::never_ends(
            "the coordinator is lost or frozen, and this commit is the first to find out",
            "no setting ends it: a try that could not be sent is not counted as one. Commit asynchronously, or on a \
             thread that may be lost",
        ),
        Case::ends("the client knows that there is no coordinator", vec![session, scan]),
    ]
}

fn java_commit(view: &View<'_>) -> Vec<Case> {
    let api = view.number("default.api.timeout.ms").step("commitSync() without an argument");
    vec![
        Case::ends("the group has no coordinator", vec![api])
            .noting("commitSync(Duration) ends after its own argument; commitAsync() never waits"),
    ]
}
