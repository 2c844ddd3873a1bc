//! The linter against the linked librdkafka, against the presets, and as people see it.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::producer::BaseProducer;

use super::known::Table;
use super::{Call, Dialect, Properties, Report, Severity, lint};
use crate::settings::{Preset, Side};

fn report(dialect: Dialect, text: &str) -> Report {
    lint(&Properties::parse(text, Some(dialect)).unwrap())
}

/// The errors of a file, by rule.
fn errors(dialect: Dialect, text: &str) -> Vec<&'static str> {
    let findings = report(dialect, text).findings.into_iter();
    findings.filter(|finding| finding.severity == Severity::Error).map(|finding| finding.rule).collect()
}

/// What is said beside errors, by rule.
fn said(dialect: Dialect, text: &str) -> Vec<&'static str> {
    report(dialect, text).findings.into_iter().map(|finding| finding.rule).collect()
}

fn check(dialect: Dialect, text: &str, expected: Expect) {
    expected.assert_eq(&report(dialect, text).to_string());
}

#[test]
fn every_default_of_the_table_is_the_one_of_the_linked_librdkafka() {
    let native = ClientConfig::new().create_native_config().unwrap();
    let mut wrong = String::new();
    for known in Table::of(Dialect::Librdkafka).iter() {
        // What this build leaves out, such as TLS, has no value to compare.
        let Ok(actual) = native.get(known.key) else { continue };
        let actual = actual.trim_end_matches('\0');
        let same = match (known.default, actual.parse::<f64>()) {
            (None, _) => true,
            (Some(expected), Ok(actual)) => expected.parse() == Ok(actual),
            (Some(expected), Err(_)) => expected == actual,
        };
        if !same {
            writeln!(wrong, "{}: {:?}, but {actual}", known.key, known.default).unwrap();
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn every_default_of_both_tables_is_a_value_that_the_key_takes() {
    for dialect in Dialect::ALL {
        for known in Table::of(dialect).iter() {
            let takes = known.default.map_or(Ok(()), |value| known.accepts(value));
            assert_eq!(takes, Ok(()), "{dialect} {}", known.key);
        }
    }
}

/// librdkafka's own verdict.
fn refused(side: Side, text: &str) -> bool {
    let mut config = ClientConfig::new();
    for line in text.lines() {
        let (key, value) = line.split_once('=').unwrap();
        config.set(key, value);
    }
    match side {
        Side::Producer => config.create::<BaseProducer>().is_err(),
        _ => config.set("group.id", "g").create::<BaseConsumer>().is_err(),
    }
}

#[test]
fn an_age_that_overflows_is_found_where_it_was_set() {
    let of = |text| errors(Dialect::Librdkafka, text);
    assert_eq!(of("topic.metadata.refresh.interval.ms=715827"), Vec::<&str>::new());
    assert_eq!(of("topic.metadata.refresh.interval.ms=715828"), ["metadata-overflows"]);
    assert_eq!(of("metadata.max.age.ms=2147484"), ["metadata-overflows"]);
    assert_eq!(
        of("topic.metadata.refresh.interval.ms=3600000\nmetadata.max.age.ms=900000"),
        Vec::<&str>::new()
    );
}

#[test]
fn what_librdkafka_refuses_is_an_error_and_its_remedy_is_not() {
    let cases = [
        (Side::Producer, "enable.idempotence=true\nacks=1", "acks=all", "idempotence-acks"),
        (
            Side::Producer,
            "enable.idempotence=true\nmax.in.flight=6",
            "max.in.flight=5",
            "idempotence-in-flight",
        ),
        (Side::Producer, "enable.idempotence=true\nretries=0", "retries=1", "idempotence-retries"),
        (
            Side::Producer,
            "linger.ms=1000\nmessage.timeout.ms=1000",
            "message.timeout.ms=40000",
            "expiry-below-linger",
        ),
        (
            Side::Producer,
            "reconnect.backoff.ms=2000\nreconnect.backoff.max.ms=1000\nacks=all",
            "reconnect.backoff.ms=100",
            "reconnect-backwards",
        ),
        (
            Side::Producer,
            "transactional.id=t\nmessage.timeout.ms=70000",
            "message.timeout.ms=60000",
            "record-outlives-transaction",
        ),
        (Side::Producer, "message.timeout.sm=1000", "", "unknown-key"),
        (Side::Producer, "linger.ms=soon", "linger.ms=5", "bad-value"),
        (Side::Producer, "socket.timeout.ms=9\nacks=all", "socket.timeout.ms=60000", "bad-value"),
        (
            Side::Reader,
            "session.timeout.ms=6000\nmax.poll.interval.ms=5000",
            "max.poll.interval.ms=6000",
            "poll-below-session",
        ),
        (Side::Reader, "group.protocol=consumer\nheartbeat.interval.ms=1000", "", "broker-side-group"),
    ];
    for (side, text, remedy, rule) in cases {
        assert!(refused(side, text), "librdkafka takes {text}");
        assert!(
            errors(Dialect::Librdkafka, text).contains(&rule),
            "{text}: {:?}",
            errors(Dialect::Librdkafka, text)
        );
        if let Some((key, _)) = remedy.split_once('=') {
            let kept = text.lines().filter(|line| !line.starts_with(&format!("{key}=")));
            let healed = kept.chain([remedy]).collect::<Vec<_>>().join("\n");
            assert!(!refused(side, &healed), "librdkafka refuses {healed}");
            assert_eq!(errors(Dialect::Librdkafka, &healed), Vec::<&str>::new(), "{healed}");
        }
    }
}

#[test]
fn what_the_java_client_refuses_is_an_error() {
    // Each tried with kafka-clients 4.3.0.
    let refused = [
        ("delivery.timeout.ms=1000", "expiry-below-request"),
        ("acks=1\nenable.idempotence=true", "idempotence-acks"),
        ("max.in.flight.requests.per.connection=6", "idempotence-in-flight"),
        ("retries=0\nenable.idempotence=true", "idempotence-retries"),
        ("max.block.ms=-1", "bad-value"),
        ("enable.idempotence=1", "bad-value"),
        ("session.timeout.ms=3000\nheartbeat.interval.ms=3000", "heartbeat-above-session"),
        ("group.protocol=consumer\nsession.timeout.ms=6000", "broker-side-group"),
    ];
    for (text, rule) in refused {
        assert_eq!(errors(Dialect::Java, text), [rule], "{text}");
    }
    let taken = [
        "request.timeout.ms=200000",
        "delivery.timeout.ms=2000\nrequest.timeout.ms=1000",
        "acks=1",
        "retries=0",
        "no.such.key=1",
        "session.timeout.ms=45000\nmax.poll.interval.ms=1000",
        "default.api.timeout.ms=1000",
    ];
    for text in taken {
        assert_eq!(errors(Dialect::Java, text), Vec::<&str>::new(), "{text}");
    }
    assert!(said(Dialect::Java, "acks=1").contains(&"idempotence-acks"), "given up silently");
}

#[test]
fn a_key_of_the_other_client_is_named_with_its_counterpart() {
    let report = report(Dialect::Librdkafka, "max.block.ms=500");
    let finding = &report.findings[0];
    assert_eq!(finding.what, "`max.block.ms` is a key of java, not of librdkafka");
    assert_eq!(finding.change, "librdkafka never blocks in a send: remove the line");
}

#[test]
fn the_presets_have_nothing_that_is_wrong() {
    for preset in [Preset::Defaults, Preset::FailFast] {
        let report = lint(&Properties::of_preset(preset));
        assert!(!report.has_errors(), "{preset:?}: {report}");
    }
}

#[test]
fn a_value_that_may_be_a_secret_is_never_shown() {
    for text in ["sasl.password=hunter2", "sasl.pasword=hunter2", "my.own.token=hunter2"] {
        for dialect in Dialect::ALL {
            let shown = report(dialect, text).to_string();
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}

#[test]
fn a_short_request_does_not_contradict_a_long_one_of_the_other_side() {
    let rules = said(Dialect::Librdkafka, "group.id=g\nsocket.timeout.ms=3000");
    assert!(
        !rules.iter().any(|rule| rule.starts_with("socket-below")),
        "a consumer sends no records: {rules:?}"
    );
}

#[test]
fn a_default_that_the_client_raises_by_itself_is_raised_here_too() {
    let report = report(Dialect::Java, "request.timeout.ms=200000\nmax.block.ms=1000");
    assert_eq!(report.bound(Call::Send).unwrap().worst_ms, Some(1000 + 200_005));
}

#[test]
fn a_record_that_never_expires_blocks_for_ever() {
    let report = report(Dialect::Librdkafka, "message.timeout.ms=0");
    assert_eq!(report.bound(Call::Send).unwrap().worst_ms, None);
    assert!(report.has_errors());
}

#[test]
fn a_set_of_contradictions_as_it_is_shown() {
    let text =
        "# a team's idea of failing fast\nmessage.timeout.ms=300\nsocket.timeout.ms=100\nretires=3\nacks=1\n";
    check(
        Dialect::Librdkafka,
        text,
        expect![[r#"
            The longest that each call can block (librdkafka):

            send     10.3 s
              the leader is lost, or frozen: 1.3 s
                  300 ms  message.timeout.ms: a record lives this long in the client
                     1 s  expired records are looked for once a second
              the leader's broker is dead: 10.3 s
                  300 ms  message.timeout.ms: a record lives this long in the client
                    10 s  reconnect.backoff.max.ms (default): the thread of a dead broker sleeps this long
                          between tries to connect, and looks for expired records when it wakes
              the client's queue is full: 0 ms
                  refused at once (QUEUE_FULL). A program that tries again adds its own wait: for ever, for
                  rdkafka's FutureProducer with Timeout::Never

            error [socket-below-request] line 3: `socket.timeout.ms` = 100 is not more than `request.timeout.ms`
            = 30000 (default)
              why:    the client closes the connection before the leader can say that its followers are late:
                      instead of an answer and a retry there is a reconnect, and all other requests on the
                      connection fail with it
              change: `socket.timeout.ms` = 2 x `request.timeout.ms`

            error [unknown-key] line 4: librdkafka knows no `retires`
              why:    librdkafka refuses to start with it
              change: did you mean `retries`?

            warning [request-outlives-record] line 2: `request.timeout.ms` = 30000 (default) is longer than
            `message.timeout.ms` = 300
              why:    a record gets one try: the leader still waits for its followers when the record has
                      expired, and the record may be written after its caller was told that it timed out
              change: `request.timeout.ms` of at most half of `message.timeout.ms`

            warning [socket-too-short] line 3: `socket.timeout.ms` = 100 is shorter than a pause of a healthy
            broker
              why:    reconnects dominate: with 100 ms a p99 of 2.7 s was measured
              change: 2000, twice a request.timeout.ms of 1000

            warning [socket-below-record] line 3: `socket.timeout.ms` = 100 is less than `message.timeout.ms` =
            300
              why:    a record whose leader is frozen is sent again up to 4 times, each time on a new
                      connection; every try that was written is a record of its own after the heal
              change: idempotence on, and consumers that de-duplicate by event id; a longer socket.timeout.ms
                      would only find a frozen broker later

            warning [weak-acks] line 5: `acks` = 1 acks before the followers have it
              why:    in an outage sends succeed that no consumer can see, and the next election may lose them
              change: `acks` = all

            warning [duplicates] retries without idempotence duplicate records and reorder them
              why:    measured on a stuck cluster: of 400 records that had timed out all were delivered after
                      the heal, 362 of them more than once; with idempotence a new epoch can still double what
                      expired, so consumers de-duplicate by event id in any case
              change: `enable.idempotence` = true

            warning [late-heal] `reconnect.backoff.max.ms` = 10000 (default): a broker that came back is found
            that much later
              why:    the outage of the client outlasts the one of the cluster, and a dead leader delays the
                      expiry of its records (measured: 5 s set, 8.7 s and more had)
              change: 1000

            note [slow-connect] `socket.connection.setup.timeout.ms` = 30000 (default): a try to connect to a
            black-holed broker lasts that long
              why:    a broker whose packets are dropped refuses nothing, so only this timeout moves the client
                      on
              change: 1000 to 2000 within a region

            note [old-metadata] `topic.metadata.refresh.interval.ms` = 300000 (default): an idle client's view
            of the leaders is that old
              why:    a client that sends nothing does not learn that a leader is gone until it wants to send
              change: 10000

            note [no-statistics] `statistics.interval.ms` = 0 (default): the client reports nothing about itself
              why:    in an outage neither errors nor error callbacks come; leaders, queues and ack progress are
                      in the statistics alone
              change: 250 to 1000, and a statistics callback

            Errors: 2. Warnings: 6. Notes: 3.
        "#]],
    );
}

#[test]
fn a_lost_coordinator_stops_the_reads_of_javas_classic_members_only() {
    let stops = |dialect, text| {
        let report = report(dialect, text);
        let cases = &report.bound(Call::Consume).unwrap().cases;
        cases.iter().any(|case| case.when.contains("no coordinator") && case.worst_ms.is_none())
    };
    assert!(stops(Dialect::Java, "group.id=g"));
    assert!(stops(Dialect::Java, "group.protocol=classic"));
    assert!(!stops(Dialect::Java, "group.protocol=consumer"), "measured: it reads on");
    assert!(!stops(Dialect::Librdkafka, "group.id=g"), "not measured");
}

#[test]
fn a_java_send_whose_leader_alone_is_lost_waits_for_its_delivery_only() {
    let report =
        report(Dialect::Java, "max.block.ms=2000\ndelivery.timeout.ms=3000\nrequest.timeout.ms=1000");
    let send = report.bound(Call::Send).unwrap();
    let cases: Vec<_> = send.cases.iter().map(|case| case.worst_ms).collect();
    assert_eq!((cases, send.worst_ms), (vec![Some(2_000), Some(3_000), Some(5_000)], Some(5_000)));
}

#[test]
fn java_defaults_as_they_are_shown() {
    check(
        Dialect::Java,
        "bootstrap.servers=a:1",
        expect![[r#"
            The longest that each call can block (java):

            send     180 s
              send() alone: no metadata, or a full buffer: 60 s
                    60 s  max.block.ms (default): send() itself waits for metadata, or for room in buffer.memory
                  the thread that calls send() stands still for this long
              send().get(): the leader is lost, frozen or dead: 120 s
                   120 s  delivery.timeout.ms (default): the record lives this long
              send().get(): no metadata at first, and then no leader: 180 s
                    60 s  max.block.ms (default): send() itself waits for metadata, or for room in buffer.memory
                   120 s  delivery.timeout.ms (default): the record lives this long

            consume  for ever
              the leader is lost or frozen, or the high watermark is stuck: for ever
                  no setting ends it. poll(Duration) returns with nothing and without an error: its argument is
                  the only bound
              the group has no coordinator, and the leaders are well: for ever
                  no setting ends it. poll() looks for a coordinator for as long as its argument allows, and
                  healthy partitions are not read meanwhile
              asking for a position or an offset: 60 s
                    60 s  default.api.timeout.ms (default): position, committed, offsetsForTimes

            join     for ever
              the group has no coordinator: for ever
                  no setting ends it: subscribing succeeds, and no assignment ever comes
              another member lives, but does not poll: 300 s
                   300 s  max.poll.interval.ms (default): the rebalance waits for it
              another member has died: 45 s
                    45 s  session.timeout.ms (default): its place is kept for this long

            commit   60 s
              the group has no coordinator: 60 s
                    60 s  default.api.timeout.ms (default): commitSync() without an argument
                  commitSync(Duration) ends after its own argument; commitAsync() never waits

            warning [long-timeouts] `delivery.timeout.ms` = 120000 (default) holds a caller who waits for it
            that long
              why:    AWS's guide to MSK clients advises 60 s and more, with a request.timeout.ms of 10 s and
                      more: that rides out a broker's restart, and in an outage of the control plane it makes
                      every caller wait it out. Failing fast is the opposite advice; the two cannot be had by
                      one setting
              change: keep it long only behind a deadline of the caller's own (150 to 300 ms), with a fallback
                      for what the deadline cuts off; otherwise 30000

            warning [send-blocks] `max.block.ms` = 60000 (default): send() itself blocks its thread that long
              why:    without metadata, or with buffer.memory full of a stuck partition's records, every thread
                      that sends stands still, to healthy partitions too
              change: 500, and a circuit that stops sending

            note [slow-eviction] `session.timeout.ms` = 45000 (default): a dead member keeps its partitions that
            long
              why:    nobody reads them meanwhile
              change: 6000, with `heartbeat.interval.ms` = 2000, unless pauses of that length are usual

            note [slow-connect] `socket.connection.setup.timeout.max.ms` = 30000 (default): a try to connect to
            a black-holed broker lasts that long
              why:    a broker whose packets are dropped refuses nothing, so only this timeout moves the client
                      on
              change: 1000 to 2000 within a region

            note [old-metadata] `metadata.max.age.ms` = 300000 (default): an idle client's view of the leaders
            is that old
              why:    a client that sends nothing does not learn that a leader is gone until it wants to send
              change: 10000

            Errors: 0. Warnings: 2. Notes: 3.
        "#]],
    );
}

proptest! {
    #[test]
    fn any_text_gets_a_report_whose_sums_add_up(text in "([a-z.]{1,12}|acks|linger\\.ms|message\\.timeout\\.ms)=[0-9a-z-]{0,12}\n{0,3}(session\\.timeout\\.ms=[0-9]{1,25})?") {
        for dialect in Dialect::ALL {
            let Ok(properties) = Properties::parse(&text, Some(dialect)) else { continue };
            for case in lint(&properties).bounds.iter().flat_map(|bound| &bound.cases) {
                let sum: u64 = case.steps.iter().map(|step| step.ms).sum();
                prop_assert_eq!(case.worst_ms.unwrap_or(sum), sum);
            }
        }
    }
}
