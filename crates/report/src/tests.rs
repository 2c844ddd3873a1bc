//! The printed report, the schema and the files, on a run that is made up.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::{Expect, expect};
use indexmap::IndexMap;
use recorder::{Conservation, Outcome, Percentiles, Phase, Recorder};
use scenario::{ArgValue, AuditFacts, Gate, Measurements, Times};
use serde_json::{Value, json};

use crate::{
    ArmResult, ArmVerdict, BREAKER_VERSION, ClockUsed, ClusterUsed, DetectorResult, EntryKind,
    FallbackResult, FaultRecord, LedgerResult, LoadUsed, Machine, RunResult, RunVerdict, SCHEMA,
    SCHEMA_VERSION, Status, Style, TimelineEntry, Written, table, write,
};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// (label, phase, outcome, count, milliseconds of the slowest).
type Cells = &'static [(&'static str, Phase, Outcome, u64, u64)];

const HANG: Cells = &[
    ("quote", Phase::Before, Outcome::OkKafka, 800, 8),
    ("order", Phase::Before, Outcome::OkKafka, 200, 14),
    ("quote", Phase::Outage, Outcome::OkKafka, 900, 9),
    ("order", Phase::Outage, Outcome::OkKafka, 217, 2),
    ("quote", Phase::Outage, Outcome::Timeout, 380, 2000),
    ("order", Phase::Outage, Outcome::Timeout, 103, 2001),
    ("quote", Phase::Recovery, Outcome::OkKafka, 1600, 1900),
];

const DEGRADE: Cells = &[
    ("quote", Phase::Before, Outcome::OkKafka, 1000, 8),
    ("quote", Phase::Outage, Outcome::OkKafka, 1100, 9),
    ("quote", Phase::Outage, Outcome::OkDegraded, 380, 13),
    ("order", Phase::Outage, Outcome::RejectedFast, 99, 1),
    ("order", Phase::Outage, Outcome::Unknown, 21, 310),
    ("quote", Phase::Recovery, Outcome::OkKafka, 1600, 30),
];

fn measurements(cells: Cells, times: Times, ledger: &LedgerResult) -> Measurements {
    let mut by_label = BTreeMap::<String, Recorder>::new();
    for &(label, phase, outcome, count, slowest_ms) in cells {
        let recorder = by_label.entry(label.to_owned()).or_default();
        for k in 1..=count {
            let response = MS(slowest_ms) * k as u32 / count as u32;
            recorder.record(phase, outcome, response, Some(response / 2));
        }
    }
    Measurements { by_label, times, audit: AuditFacts::from(ledger) }
}

fn ledger(in_doubt: u64) -> LedgerResult {
    LedgerResult {
        posted: 1668,
        balanced: true,
        executions: 417,
        duplicates: 3,
        in_doubt,
        unresolved: 0,
        violations_total: 0,
        violations: Vec::new(),
    }
}

fn arm(strategy: &str, cells: Cells, times: Times, ledger: LedgerResult, gates: &[&str]) -> ArmResult {
    let run = measurements(cells, times, &ledger);
    let gates: Vec<Gate> = gates.iter().map(|gate| gate.parse().unwrap()).collect();
    let count: u64 = cells.iter().map(|cell| cell.3).sum();
    let args = BTreeMap::from([("broker".to_owned(), ArgValue::Integer(2))]);
    ArmResult {
        strategy: strategy.to_owned(),
        phases: ArmResult::phases_of(&run),
        labels: ArmResult::labels_of(&run),
        conservation: Conservation::of(count, count),
        times: times.into(),
        schedule_lag_ms: Some(Percentiles { p50: 0.06, p90: 0.2, p99: 0.41, p999: 0.9, max: 1.3 }),
        detectors: detectors(times.detect),
        faults: vec![FaultRecord {
            at_ms: 5300.4,
            kind: "kill_broker".to_owned(),
            args,
            heals: false,
            effect: "broker 2 is dead".to_owned(),
        }],
        fallback: fallback(strategy),
        verdict: ArmVerdict::judge(&gates, &run, None),
        ledger,
    }
}

fn fallback(strategy: &str) -> FallbackResult {
    match strategy {
        "degrade" => {
            FallbackResult { served: 1382, refused: 4, at_once_max: 7, at_once_limit: 64, beyond_limit: 0 }
        }
        _ => FallbackResult::default(),
    }
}

/// What noticed, if anything did; the cluster's own metrics could be asked.
fn detectors(noticed: Option<Duration>) -> Vec<DetectorResult> {
    let ms = noticed.map(|after| after.as_secs_f64() * 1e3);
    [("in_flight_age", ms), ("client_error", None), ("OfflinePartitionsCount", None)]
        .map(|(name, first_sign_ms)| DetectorResult { name: name.to_owned(), first_sign_ms })
        .to_vec()
}

fn run() -> RunResult {
    let hang = Times { detect: None, degrade: None, recover: Some(MS(3120)) };
    let degrade = Times { detect: Some(MS(212)), degrade: Some(MS(219)), recover: Some(MS(2480)) };
    let hang = arm("hang", HANG, hang, ledger(103), &["rate{timeout,outage} > 10%", "ledger = balanced"]);
    let gates = ["detect < 500ms", "p99{ok_degraded,outage,label=quote} < 50ms", "ledger = balanced"];
    let degrade = arm("degrade", DEGRADE, degrade, ledger(0), &gates);
    let clock = [("session".to_owned(), 1500), ("heartbeat".to_owned(), 300)];
    let arms = IndexMap::from([("hang".to_owned(), hang), ("degrade".to_owned(), degrade)]);
    RunResult {
        schema_version: SCHEMA_VERSION,
        scenario: "frozen-controller".to_owned(),
        title: "The controller freezes, one broker dies, and nobody can elect".to_owned(),
        seed: 42,
        schedule_hash: "5f".repeat(32),
        partial: false,
        load: LoadUsed {
            arrivals: "poisson".to_owned(),
            rate_per_s: 200.0,
            warmup_ms: 1000,
            before_ms: 5000,
            outage_ms: 8000,
            recovery_ms: 8000,
            deadline_ms: 2000,
            in_flight_max: 512,
        },
        cluster: ClusterUsed {
            backend: "embedded".to_owned(),
            brokers: 9,
            zones: 3,
            replication_factor: 3,
            min_isr: 2,
            partitions: 9,
            placement: "aligned".to_owned(),
            clock: ClockUsed { preset: "compressed".to_owned(), values_ms: clock.into() },
        },
        machine: Machine {
            cores: 2,
            os: "linux".to_owned(),
            versions: [("leaderless".to_owned(), "0.1.0".to_owned())].into(),
        },
        verdict: RunVerdict::of(false, &arms),
        arms,
    }
}

fn written() -> Written {
    let dir = std::path::Path::new("out/frozen-controller-42");
    let file = |name| dir.join(name);
    Written { page: file("report.html"), result: file("result.json"), timeline: file("timeline.jsonl") }
}

/// The verdict again, after something was changed.
fn judged(mut run: RunResult) -> RunResult {
    run.verdict = RunVerdict::of(run.partial, &run.arms);
    run
}

fn check(run: &RunResult, expected: Expect) {
    let printed = table(run, Some(&written()), Style::Plain);
    expected.assert_eq(&printed);
}

#[test]
fn the_report_of_a_run_that_passed() {
    check(
        &run(),
        expect![[r#"
            frozen-controller, seed 42
            The controller freezes, one broker dies, and nobody can elect
            cluster: embedded, 9 brokers in 3 zones, 9 partitions per topic, RF 3, min ISR 2, aligned
            compressed clock: heartbeat 300 ms, session 1.5 s

            Response time from the intended start, by how requests ended:

              arm      phase     outcome        count      p50      p90      p99    p99.9      max
              hang     before    ok_kafka       1,000   4.4 ms   7.9 ms  13.3 ms  13.9 ms  14.0 ms
                       outage    ok_kafka       1,117   3.4 ms   7.9 ms   8.9 ms   9.0 ms   9.0 ms
                                 timeout          483    1.0 s    1.8 s    2.0 s    2.0 s    2.0 s
                       recovery  ok_kafka       1,600   950 ms    1.7 s    1.9 s    1.9 s    1.9 s
              degrade  before    ok_kafka       1,000   4.0 ms   7.2 ms   7.9 ms   8.0 ms   8.0 ms
                       outage    ok_kafka       1,100   4.5 ms   8.1 ms   8.9 ms   9.0 ms   9.0 ms
                                 ok_degraded      380   6.5 ms  11.7 ms  12.9 ms  13.0 ms  13.0 ms
                                 rejected_fast     99   0.5 ms   0.9 ms   1.0 ms   1.0 ms   1.0 ms
                                 unknown           21   162 ms   281 ms   310 ms   310 ms   310 ms
                       recovery  ok_kafka       1,600  15.0 ms  27.0 ms  29.7 ms  30.0 ms  30.0 ms

              arm      detected after  degraded after  recovered after       accounted  sent late (p99)
              hang              never           never            3.1 s  4,200 of 4,200           0.4 ms
              degrade          212 ms          219 ms            2.5 s  4,200 of 4,200           0.4 ms

              first sign of            hang  degrade
              in_flight_age           never   212 ms
              client_error            never    never
              OfflinePartitionsCount  never    never

              arm      postings   sum  executions  duplicates  in doubt  unresolved  broken rules
              hang        1,668  zero         417           3       103           0          none
              degrade     1,668  zero         417           3         0           0          none

              fallback of degrade: 1,382 served, 4 refused, 7 at once of 64, beyond a limit none

            Expected of hang: all 2 expectations were met
              met      rate{outcome=timeout,phase=outage} > 10%  30.19 % (483 of 1600)
              met      ledger = balanced                         balanced

            Expected of degrade: all 3 expectations were met
              met      detect < 500ms                                            212 ms
              met      p99{outcome=ok_degraded,phase=outage,label=quote} < 50ms  12.9 ms
              met      ledger = balanced                                         balanced

            Passed: in the outage hang left 483 of 1,600 requests unanswered, and one waited for 2.0 s; degrade
            left none of 1,600 requests unanswered (380 answered by a fallback, 99 refused at once, 21 in
            doubt).

            Files: out/frozen-controller-42/report.html
                   out/frozen-controller-42/result.json
                   out/frozen-controller-42/timeline.jsonl
        "#]],
    );
}

#[test]
fn the_report_of_a_run_that_failed_shows_what_was_measured_and_what_is_broken() {
    let mut run = run();
    let arm = &mut run.arms["hang"];
    arm.ledger.balanced = false;
    arm.ledger.violations_total = 9;
    arm.ledger.violations = (1..=7).map(|k| format!("order {k} was executed twice")).collect();
    let ledger = arm.ledger.clone();
    let measured = measurements(HANG, Times::default(), &ledger);
    let gates =
        ["detect < 500ms", "ledger = balanced", "count{unfinished} = 0"].map(|gate| gate.parse().unwrap());
    arm.verdict = ArmVerdict::judge(&gates, &measured, None);
    let printed = table(&judged(run), None, Style::Plain);
    let shown = printed.split_once("postings").map(|(_, rest)| rest);
    expect![[r#"
               sum  executions  duplicates  in doubt  unresolved  broken rules
          hang        1,668  NOT ZERO         417           3       103           0             9
          degrade     1,668      zero         417           3         0           0          none
          hang: order 1 was executed twice
          hang: order 2 was executed twice
          hang: order 3 was executed twice
          hang: order 4 was executed twice
          hang: order 5 was executed twice
          hang: and 4 more

          fallback of degrade: 1,382 served, 4 refused, 7 at once of 64, beyond a limit none

        Expected of hang: 2 of 3 not met
          NOT met  detect < 500ms                 never
          NOT met  ledger = balanced              does not sum to zero
          met      count{outcome=unfinished} = 0  0

        Expected of degrade: all 3 expectations were met
          met      detect < 500ms                                            212 ms
          met      p99{outcome=ok_degraded,phase=outage,label=quote} < 50ms  12.9 ms
          met      ledger = balanced                                         balanced

        Failed: 2 expectations of hang not met; in the outage hang left 483 of 1,600 requests unanswered,
        and one waited for 2.0 s; degrade left none of 1,600 requests unanswered (380 answered by a
        fallback, 99 refused at once, 21 in doubt).
    "#]]
    .assert_eq(shown.unwrap());
}

#[test]
fn the_report_fits_into_100_columns_and_has_colours_only_when_told_so() {
    let plain = table(&run(), Some(&written()), Style::Plain);
    let widest = plain.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}\n{plain}");
    assert!(!plain.contains('\x1b'));
    let colour = table(&run(), Some(&written()), Style::Colour);
    assert!(colour.contains("\x1b[32mPassed: "));
    assert_eq!(colour.lines().count(), plain.lines().count());
}

#[test]
fn an_invalid_run_says_why_and_nothing_else() {
    let mut run = run();
    let reason = "requests were sent 81 ms late at p99 (limit 50 ms)".to_owned();
    run.arms["hang"].verdict = ArmVerdict::judge(&[], &Measurements::default(), Some(reason));
    let run = judged(run);
    assert_eq!(run.verdict.status, Status::Invalid);
    expect!["Invalid: hang: requests were sent 81 ms late at p99 (limit 50 ms)."]
        .assert_eq(&run.verdict.sentence);
}

#[test]
fn a_run_that_was_ended_early_is_partial_whatever_its_gates_say() {
    let mut run = run();
    run.partial = true;
    run.arms.shift_remove("degrade");
    let run = judged(run);
    assert_eq!(run.verdict.status, Status::Partial);
    expect!["Partial: in the outage hang left 483 of 1,600 requests unanswered, and one waited for 2.0 s."]
        .assert_eq(&run.verdict.sentence);
    let nothing = RunVerdict::of(true, &IndexMap::new());
    assert_eq!(nothing.sentence, "Partial: no arm ran.");
}

#[test]
fn a_run_without_any_arm_shows_no_empty_tables() {
    let mut run = run();
    run.partial = true;
    run.arms.clear();
    let shown = table(&judged(run), None, Style::Plain);
    assert!(shown.ends_with("\n\nPartial: no arm ran.\n"), "{shown}");
    assert!(!shown.contains("p99.9") && !shown.contains("postings"), "{shown}");
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn a_breaker_is_named_with_its_version_and_what_a_fallback_did_beyond_a_limit_is_told() {
    let mut run = run();
    assert!(!table(&run, None, Style::Plain).contains("breaker:"));
    run.machine.versions.insert(BREAKER_VERSION.to_owned(), "0.14.0".to_owned());
    run.arms["degrade"].fallback.beyond_limit = 2;
    let table = table(&run, None, Style::Plain);
    assert!(
        table.contains("breaker: tower-resilience-circuitbreaker 0.14.0, its preset standard()"),
        "{table}"
    );
    assert!(
        table.contains("fallback of degrade: 1,382 served, 4 refused, 7 at once of 64, beyond a limit 2"),
        "{table}"
    );
}

#[test]
fn a_result_matches_its_schema_and_reads_back_the_same() {
    let run = run();
    let value = serde_json::to_value(&run).unwrap();
    let problems: Vec<String> = validator().iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(serde_json::from_value::<RunResult>(value).unwrap(), run);
}

#[test]
fn arms_keep_the_order_in_which_they_ran() {
    let text = serde_json::to_string(&run()).unwrap();
    let again: RunResult = serde_json::from_str(&text).unwrap();
    assert_eq!(again.arms.keys().collect::<Vec<_>>(), ["hang", "degrade"]);
}

#[test]
fn what_does_not_match_the_schema_is_refused() {
    let good = serde_json::to_value(run()).unwrap();
    let validator = validator();
    let broken: [(&str, Value); 13] = [
        ("/schema_version", json!(SCHEMA_VERSION + 1)),
        ("/seed", json!(-1)),
        ("/schedule_hash", json!("abc")),
        ("/surprise", json!(1)),
        ("/cluster/placement", json!("scattered")),
        ("/cluster/clock/values_ms/session", json!("9 s")),
        ("/arms/hang/phases/outage/ok_maybe", json!({ "count": 1 })),
        ("/arms/hang/phases/outage/timeout/count", json!(0)),
        ("/arms/hang/phases/afterwards", json!({})),
        ("/arms/hang/times/detect_ms", json!(-3)),
        ("/arms/hang/detectors/0/first_sign_ms", json!("never")),
        ("/arms/hang/verdict/gates/0/passed", json!("yes")),
        ("/verdict/status", json!("fine")),
    ];
    for (pointer, value) in broken {
        let mut changed = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match changed.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            parent => parent[key] = value,
        }
        assert!(!validator.is_valid(&changed), "{pointer} was accepted");
    }
    for missing in ["scenario", "arms", "verdict", "partial"] {
        let mut changed = good.clone();
        changed.as_object_mut().unwrap().remove(missing);
        assert!(!validator.is_valid(&changed), "{missing} was not missed");
    }
}

#[test]
fn the_files_of_a_run_are_complete_and_nothing_is_left_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out/frozen-controller-42");
    let entry = |at_ms, detail| TimelineEntry {
        arm: "hang".to_owned(),
        at_ms,
        kind: EntryKind::Fault,
        message: "broker 2 is dead".to_owned(),
        detail,
    };
    let timeline = [entry(5300.4, json!({ "broker": 2 })), entry(13_000.0, Value::Null)];
    let logs = IndexMap::from([("hang".to_owned(), Vec::new()), ("degrade".to_owned(), Vec::new())]);
    write(&out, &run(), &timeline[..1], &logs).unwrap();
    let written = write(&out, &run(), &timeline, &logs).unwrap();
    let result: RunResult = serde_json::from_slice(&std::fs::read(&written.result).unwrap()).unwrap();
    assert_eq!(result, run());
    expect![[r#"
        {"arm":"hang","at_ms":5300.4,"kind":"fault","message":"broker 2 is dead","detail":{"broker":2}}
        {"arm":"hang","at_ms":13000.0,"kind":"fault","message":"broker 2 is dead"}
    "#]]
    .assert_eq(&std::fs::read_to_string(&written.timeline).unwrap());
    let mut names: Vec<_> = std::fs::read_dir(&out).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["latency-degrade.hlog", "latency-hang.hlog", "report.html", "result.json", "timeline.jsonl"]
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error =
        write::<TimelineEntry>(&file.join("out"), &run(), &[], &IndexMap::new()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot write {}: ", file.join("out").display())), "{error}");
}

#[test]
fn a_file_that_cannot_be_replaced_is_named_and_nothing_is_left_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = dir.path().join("result.json");
    std::fs::create_dir(&in_the_way).unwrap();
    let error = write::<TimelineEntry>(dir.path(), &run(), &[], &IndexMap::new()).unwrap_err();
    assert_eq!(error.path, in_the_way);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}
