//! Gates: what is read, what is refused and where, and what is held against a run.

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use recorder::{Outcome, Phase, Recorder};

use crate::{AuditFacts, Decision, Gate, Measurements, Share, Times};

/// 60 quotes over Kafka in 1..=60 ms and 40 answered by a fallback in 20 ms in the outage; 100 orders timed out.
fn run() -> Measurements {
    let ms = Duration::from_millis;
    let (mut quotes, mut orders) = (Recorder::new(), Recorder::new());
    for k in 1..=60 {
        quotes.record(Phase::Outage, Outcome::OkKafka, ms(k), None);
    }
    for _ in 0..40 {
        quotes.record(Phase::Outage, Outcome::OkDegraded, ms(20), None);
    }
    for _ in 0..100 {
        orders.record(Phase::Outage, Outcome::Timeout, ms(2000), None);
    }
    Measurements {
        by_label: [("quote".to_owned(), quotes), ("order".to_owned(), orders)].into(),
        times: Times { detect: Some(ms(212)), degrade: None, recover: Some(ms(3100)) },
        audit: AuditFacts {
            balanced: true,
            executions: 7,
            in_doubt: 2,
            unresolved: 1,
            duplicates: 0,
            violations: 0,
        },
    }
}

fn check(gate: &str, expected: Expect) {
    expected.assert_eq(&gate.parse::<Gate>().unwrap().check(&run()).sentence);
}

fn refuse(gate: &str, expected: Expect) {
    expected.assert_eq(&gate.parse::<Gate>().expect_err("this gate must not be accepted").to_string());
}

#[test]
fn a_percentile_is_taken_of_the_selected_requests() {
    check(
        "p99{outcome=ok_degraded,phase=outage,label=quote} < 50ms",
        expect!["expected p99{outcome=ok_degraded,phase=outage,label=quote} < 50ms: met, measured 20.0 ms"],
    );
    check(
        "p50{outcome=ok_kafka} <= 30ms",
        expect!["expected p50{outcome=ok_kafka} <= 30ms: NOT met, measured 30.0 ms"],
    );
    check("max{label=order} >= 2s", expect!["expected max{label=order} >= 2s: met, measured 2.0 s"]);
    check(
        "p90{ok_kafka,outage} > 1min",
        expect!["expected p90{outcome=ok_kafka,phase=outage} > 60s: NOT met, measured 54.0 ms"],
    );
}

#[test]
fn what_a_selector_leaves_out_is_merged_and_not_averaged() {
    check("p50 < 1s", expect!["expected p50 < 1s: met, measured 60.0 ms"]);
    check("p50{label=quote} < 1s", expect!["expected p50{label=quote} < 1s: met, measured 20.0 ms"]);
}

#[test]
fn a_percentile_of_nothing_is_not_met_whatever_it_is_compared_with() {
    check(
        "p99{outcome=unknown} < 50ms",
        expect!["expected p99{outcome=unknown} < 50ms: NOT met, measured no such request"],
    );
    check(
        "p99{outcome=unknown} > 50ms",
        expect!["expected p99{outcome=unknown} > 50ms: NOT met, measured no such request"],
    );
}

#[test]
fn what_was_never_sent_is_beyond_every_limit() {
    let mut recorder = Recorder::new();
    for k in 0..200 {
        let (outcome, service) = match k % 10 {
            0 => (Outcome::UnsentCap, None),
            _ => (Outcome::Ok, Some(Duration::from_millis(1))),
        };
        recorder.record(Phase::Before, outcome, Duration::from_millis(1), service);
    }
    let run = Measurements { by_label: [("all".to_owned(), recorder)].into(), ..Measurements::default() };
    let check = |gate: &str, expected: Expect| {
        expected.assert_eq(&gate.parse::<Gate>().unwrap().decide(&run, &[]).sentence);
    };
    check(
        "p99 < 50ms",
        expect!["expected p99 < 50ms: NOT met, measured no answer (20 of 200 were never sent)"],
    );
    check("p50 < 50ms", expect!["expected p50 < 50ms: met, measured 1.0 ms (20 of 200 were never sent)"]);
    check("p99{ok} < 50ms", expect!["expected p99{outcome=ok} < 50ms: met, measured 1.0 ms"]);
    let share = |gate: &str| gate.parse::<Gate>().unwrap().share(&run);
    assert_eq!(share("p99 < 50ms"), Some(Share { count: 20, of: 200 }));
    assert_eq!(share("p99 < 120min"), Some(Share { count: 20, of: 200 }));
}

#[test]
fn a_rate_is_the_share_among_the_requests_of_the_same_phase_and_label() {
    check(
        "rate{outcome=timeout,phase=outage} < 0.1%",
        expect!["expected rate{outcome=timeout,phase=outage} < 0.1%: NOT met, measured 50.00 % (100 of 200)"],
    );
    check(
        "rate{ok_degraded,label=quote} >= 40%",
        expect!["expected rate{outcome=ok_degraded,label=quote} >= 40%: met, measured 40.00 % (40 of 100)"],
    );
    check(
        "rate{outcome=timeout,phase=before} < 1%",
        expect![
            "expected rate{outcome=timeout,phase=before} < 1%: NOT met, measured no request to take a share of"
        ],
    );
}

#[test]
fn counts_are_exact() {
    check("count{outcome=error_io} = 0", expect!["expected count{outcome=error_io} = 0: met, measured 0"]);
    check("count = 199", expect!["expected count = 199: NOT met, measured 200"]);
}

#[test]
fn a_time_that_never_came_is_longer_than_any_limit() {
    check("detect < 500ms", expect!["expected detect < 500ms: met, measured 212 ms"]);
    check("degrade < 1s", expect!["expected degrade < 1s: NOT met, measured never"]);
    check("degrade > 1s", expect!["expected degrade > 1s: met, measured never"]);
    check("degrade = never", expect!["expected degrade = never: met, measured never"]);
    check("recover = never", expect!["expected recover = never: NOT met, measured 3.1 s"]);
}

#[test]
fn the_ledger_is_balanced_only_if_no_invariant_is_broken() {
    check("ledger = balanced", expect!["expected ledger = balanced: met, measured balanced"]);
    check("in_doubt <= 1", expect!["expected in_doubt <= 1: NOT met, measured 2"]);
    let gate: Gate = "ledger = balanced".parse().unwrap();
    let mut run = run();
    run.audit.violations = 2;
    expect!["expected ledger = balanced: NOT met, measured balanced, but 2 invariants are broken"]
        .assert_eq(&gate.check(&run).sentence);
    run.audit.balanced = false;
    expect!["expected ledger = balanced: NOT met, measured does not sum to zero"]
        .assert_eq(&gate.check(&run).sentence);
}

#[test]
fn a_gate_that_cannot_be_read_is_marked_at_its_column() {
    refuse(
        "p95{outcome=ok_kafka} < 50ms",
        expect![[r#"
            column 1: unknown measure `p95`; did you mean `p99`? (allowed: p50, p90, p99, p999, max, count, rate, detect, degrade, recover, ledger, executions, in_doubt, unresolved, duplicates, violations)
              p95{outcome=ok_kafka} < 50ms
              ^"#]],
    );
    refuse(
        "p99{outcome=ok_kafak} < 50ms",
        expect![[r#"
            column 13: unknown outcome `ok_kafak`; did you mean `ok_kafka`? (allowed: ok, ok_kafka, ok_degraded, accepted_pending, rejected_fast, unknown, timeout, error_connect, error_io, error_status, unsent_cap, unfinished)
              p99{outcome=ok_kafak} < 50ms
                          ^"#]],
    );
    refuse(
        "p99{fase=outage} < 50ms",
        expect![[r#"
        column 5: unknown selector `fase` (allowed: outcome, phase, label)
          p99{fase=outage} < 50ms
              ^"#]],
    );
    refuse(
        "p99{outage,before} < 50ms",
        expect![[r#"
        column 12: is selected twice; every intended request has one outcome, phase and label
          p99{outage,before} < 50ms
                     ^"#]],
    );
    refuse(
        "p99{quote} < 50ms",
        expect![[r#"
            column 5: unknown outcome or phase `quote` (allowed: ok, ok_kafka, ok_degraded, accepted_pending, rejected_fast, unknown, timeout, error_connect, error_io, error_status, unsent_cap, unfinished, before, outage, recovery)
              p99{quote} < 50ms
                  ^"#]],
    );
    refuse(
        "p99{outage < 50ms",
        expect![[r#"
        column 12: expected `,` or `}`
          p99{outage < 50ms
                     ^"#]],
    );
    refuse(
        "p99{label=} < 50ms",
        expect![[r#"
        column 11: expected a label
          p99{label=} < 50ms
                    ^"#]],
    );
    refuse(
        "p99{outage} = 50ms",
        expect![[r#"
        column 13: a latency is compared with <, <=, > or >=
          p99{outage} = 50ms
                      ^"#]],
    );
    refuse(
        "p99{outage} < 50",
        expect![[r#"
        column 15: expected a time with its unit (us, ms, s, min), e.g. 50ms; at most a day
          p99{outage} < 50
                        ^"#]],
    );
    refuse(
        "p99{outage} 50ms",
        expect![[r#"
        column 13: expected <, <=, >, >= or =
          p99{outage} 50ms
                      ^"#]],
    );
    refuse(
        "rate{timeout} < 0.1",
        expect![[r#"
        column 17: expected a share from 0% to 100%, e.g. 0.1%
          rate{timeout} < 0.1
                          ^"#]],
    );
    refuse(
        "count < 1.5",
        expect![[r#"
        column 9: expected a whole number without a unit
          count < 1.5
                  ^"#]],
    );
    refuse(
        "detect = 500ms",
        expect![[r#"
        column 10: a time can only be `= never`; compare it with <, <=, > or >=
          detect = 500ms
                   ^"#]],
    );
    refuse(
        "ledger = fine",
        expect![[r#"
        column 10: the ledger can only be `= balanced`
          ledger = fine
                   ^"#]],
    );
    refuse(
        "p99{outage} != 5ms",
        expect![[r#"
        column 13: expected <, <=, >, >= or =
          p99{outage} != 5ms
                      ^"#]],
    );
}

#[test]
fn an_empty_gate_is_told_what_a_gate_begins_with() {
    let error = "".parse::<Gate>().unwrap_err();
    assert!(error.message.starts_with("a name is missing here (allowed: p50, p90,"), "{error}");
}

/// 40 seconds of `per_second` requests, of which `slow` in each took 80 ms and the others 1 ms.
fn seconds(per_second: u64, slow: impl Fn(u64) -> u64) -> (Measurements, Vec<Measurements>) {
    let second = |at: u64| {
        let mut recorder = Recorder::new();
        for k in 0..per_second {
            let took = Duration::from_millis(if k < slow(at) { 80 } else { 1 });
            recorder.record(Phase::Before, Outcome::Ok, took, None);
        }
        Measurements { by_label: [("all".to_owned(), recorder)].into(), ..Measurements::default() }
    };
    let parts: Vec<Measurements> = (0..40).map(second).collect();
    let mut whole = Recorder::new();
    parts.iter().flat_map(|part| part.by_label.values()).for_each(|it| whole.merge(it));
    (Measurements { by_label: [("all".to_owned(), whole)].into(), ..Measurements::default() }, parts)
}

fn decide(gate: &str, (whole, parts): &(Measurements, Vec<Measurements>), expected: Expect) {
    let gate: Gate = gate.parse().unwrap();
    let shares: Vec<Share> = parts.iter().filter_map(|part| gate.share(part)).collect();
    expected.assert_eq(&gate.decide(whole, &shares).sentence);
}

#[test]
fn a_long_and_steady_run_decides() {
    let none = seconds(100, |_| 0);
    decide("p99 < 50ms", &none, expect!["expected p99 < 50ms: met, measured 1.0 ms"]);
    decide("p99 > 50ms", &none, expect!["expected p99 > 50ms: NOT met, measured 1.0 ms"]);
    let many = seconds(100, |_| 5);
    decide("p99 < 50ms", &many, expect!["expected p99 < 50ms: NOT met, measured 80.1 ms"]);
    decide("p99 >= 50ms", &many, expect!["expected p99 >= 50ms: met, measured 80.1 ms"]);
    decide("p50 < 50ms", &many, expect!["expected p50 < 50ms: met, measured 1.0 ms"]);
}

#[test]
fn a_run_that_cannot_tell_says_so() {
    decide(
        "p999 < 50ms",
        &seconds(50, |_| 0),
        expect![
            "expected p999 < 50ms: undecided, measured 1.0 ms; the share beyond it lies between 0.000 % and 0.192 % (95 %), where at most 0.100 % is asked: a longer run decides"
        ],
    );
    decide(
        "rate{unsent_cap} < 0.1%",
        &seconds(50, |_| 0),
        expect![
            "expected rate{outcome=unsent_cap} < 0.1%: undecided, measured 0.00 % (0 of 2000); the rate lies between 0.000 % and 0.192 % (95 %), where at most 0.100 % is asked: a longer run decides"
        ],
    );
    decide(
        "p99 < 50ms",
        &seconds(100, |at| u64::from(at == 7) * 30),
        expect![
            "expected p99 < 50ms: undecided, measured 1.0 ms; the share beyond it lies between 0.132 % and 4.147 % (95 %), where at most 1.000 % is asked: a longer run decides"
        ],
    );
}

#[test]
fn facts_of_the_run_are_always_decided() {
    let run = seconds(5, |_| 0);
    decide("count{error_io} = 0", &run, expect!["expected count{outcome=error_io} = 0: met, measured 0"]);
    decide("max < 50ms", &run, expect!["expected max < 50ms: met, measured 1.0 ms"]);
    decide(
        "rate{error_io} <= 0%",
        &run,
        expect!["expected rate{outcome=error_io} <= 0%: met, measured 0.00 % (0 of 200)"],
    );
    decide(
        "rate{ok} = 100%",
        &run,
        expect!["expected rate{outcome=ok} = 100%: met, measured 100.00 % (200 of 200)"],
    );
    decide(
        "p99{timeout} < 50ms",
        &run,
        expect!["expected p99{outcome=timeout} < 50ms: NOT met, measured no such request"],
    );
    decide("recover < 5s", &run, expect!["expected recover < 5s: NOT met, measured never"]);
}

fn any_gate() -> impl Strategy<Value = String> {
    let selector = prop_oneof![
        Just(String::new()),
        (0..Outcome::COUNT, 0..Phase::COUNT, "[a-z]{1,8}").prop_map(|(outcome, phase, label)| {
            let (outcome, phase) = (Outcome::ALL[outcome], Phase::ALL[phase]);
            format!("{{outcome={outcome}, phase={phase},label={label}}}")
        }),
    ];
    let op = proptest::sample::select(vec!["<", "<=", ">", ">="]);
    (selector, op, 0_u32..5_000_000, 0_u32..=1000).prop_flat_map(|(of, op, number, permille)| {
        let percent = f64::from(permille) / 10.0;
        proptest::sample::select(vec![
            format!("p999{of} {op} {number}us"),
            format!("count{of}{op}{number}"),
            format!("rate{of} {op} {percent}%"),
            format!("recover {op} {number}ms"),
            format!("duplicates {op} {number}"),
        ])
    })
}

proptest! {
    #[test]
    fn a_gate_is_printed_so_that_it_is_read_back_the_same(text in any_gate()) {
        let gate: Gate = text.parse().unwrap();
        prop_assert_eq!(gate.to_string().parse::<Gate>().unwrap(), gate);
    }

    #[test]
    fn no_text_makes_the_parser_panic_and_every_error_lies_inside(text in "\\PC{0,60}|p99[{}a-z=,<>0-9é ]{0,40}") {
        if let Err(error) = text.parse::<Gate>() {
            prop_assert!(error.offset <= text.len());
            prop_assert!(text.is_char_boundary(error.offset));
            error.to_string();
        }
    }

    #[test]
    fn strictly_less_and_at_least_are_never_both_met(limit_ms in 0_u32..3000, point in 0_usize..5) {
        let point = ["p50", "p90", "p99", "p999", "max"][point];
        let passed = |op: &str| format!("{point} {op} {limit_ms}ms").parse::<Gate>().unwrap().check(&run()).passed;
        prop_assert_ne!(passed("<"), passed(">="));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_decision_never_contradicts_what_was_measured(
        per_second in 1_u64..60, slow in 0_u64..60, point in 0_usize..4, op in 0_usize..4,
    ) {
        let (whole, parts) = seconds(per_second, |at| slow.min(per_second) * (at % 2));
        let (point, op) = (["p50", "p90", "p99", "p999"][point], ["<", "<=", ">", ">="][op]);
        let gate: Gate = format!("{point} {op} 50ms").parse().unwrap();
        let shares: Vec<Share> = parts.iter().filter_map(|part| gate.share(part)).collect();
        match gate.decide(&whole, &shares).decision {
            Decision::Undecided => {}
            decided => prop_assert_eq!(decided == Decision::Met, gate.check(&whole).passed),
        }
    }
}
