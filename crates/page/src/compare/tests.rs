//! Runs that are made up, and what comparing them says.

use std::collections::BTreeMap;

use expect_test::expect;
use recorder::Conservation;

use super::*;
use crate::counts::Counts;
use crate::log::{Log, Second};
use crate::run::{Mood, Status};

/// `seconds` of 100 requests each in the outage: `slow` of them 500 ms, one in the second 9 ms, the others about 10 ms.
fn arm(name: &str, seconds: u64, slow: impl Fn(u64) -> u64, factor: u64) -> Arm {
    let second = |at: u64| {
        let fast: Vec<(u64, u64)> =
            (0..100 - slow(at)).map(|k| ((10_000 + 37 * ((k * 31 + at) % 100)) * factor, 1)).collect();
        let mut values = fast;
        values.sort_unstable();
        let mut cells = BTreeMap::from([((Phase::Outage, Outcome::OkKafka), Counts::of(values))]);
        if slow(at) > 0 {
            cells.insert((Phase::Outage, Outcome::Timeout), Counts::of(vec![(500_000, slow(at))]));
        }
        Second { at: at as f64, length: 1.0, cells }
    };
    Arm {
        name: name.to_owned(),
        phases: BTreeMap::new(),
        conservation: Conservation::of(0, 0),
        invalid: None,
        times: Vec::new(),
        lag_ms: None,
        marks: Vec::new(),
        began: Vec::new(),
        lanes: Vec::new(),
        detectors: Vec::new(),
        ledger: Vec::new(),
        violations: Vec::new(),
        gates: Vec::new(),
        log: Log { seconds: (0..seconds).map(second).collect() },
    }
}

fn entrant(from: &str, hash: &str, arms: Vec<Arm>) -> Entrant {
    let run = Run {
        name: "a run".to_owned(),
        title: String::new(),
        status: Status { word: "passed".to_owned(), mood: Mood::Good },
        sentence: String::new(),
        schedule_hash: hash.to_owned(),
        settings: Vec::new(),
        repeat: Vec::new(),
        arms,
    };
    Entrant { from: from.to_owned(), run }
}

fn compared(first: Arm, other: Arm) -> Comparison {
    let entrants = vec![entrant("one", "aa", vec![first]), entrant("two", "aa", vec![other])];
    compare(entrants, false).unwrap()
}

#[test]
fn a_run_is_no_different_from_itself() {
    let it = || arm("degrade", 20, |at| at % 3, 1);
    let comparison = compared(it(), it());
    assert!(comparison.rows.len() >= 6);
    assert!(comparison.rows.iter().all(|row| row.verdict == Verdict::WithinNoise), "{:?}", comparison.rows);
    assert!(!comparison.is_worse());
}

#[test]
fn what_is_beyond_noise_is_told_with_its_interval() {
    let comparison = compared(arm("degrade", 20, |at| at % 3, 1), arm("degrade", 20, |at| 10 + at % 3, 2));
    expect![[r#"
        A: one (a run)
        B: two (a run)
        The same schedule: the same requests at the same times.

        degrade, outage
                                           A        B  A to B (95 %)
          answered                   99.05 %   89.0 %  -10.00 points  -11.48 to -8.60  WORSE
          p50 of all that were sent  11.8 ms  24.1 ms         x 2.03     2.01 to 2.06  WORSE
          p99 of all that were sent  13.7 ms   500 ms           x 37       1.00 to 37  within noise
          p50 of ok_kafka            11.8 ms  23.6 ms         x 2.00     1.98 to 2.02  WORSE
          p99 of ok_kafka            13.7 ms  27.3 ms         x 2.00     1.99 to 2.01  WORSE
          share of ok_kafka          99.05 %   89.0 %  -10.00 points  -11.48 to -8.60  WORSE
          share of timeout            0.95 %   10.9 %  +10.00 points  +8.60 to +11.48  WORSE

        6 of 9 figures differ beyond noise: 0 better, 6 worse, 0 neither. By chance alone about one in twenty would.
        2 more figures are within noise and not shown.
    "#]].assert_eq(&comparison.text());
    assert!(comparison.is_worse());
}

#[test]
fn a_few_more_of_what_comes_in_bursts_are_within_noise() {
    let bursts = |extra: u64| move |at: u64| if at.is_multiple_of(10) { 20 + extra } else { 0 };
    let comparison = compared(arm("degrade", 20, bursts(0), 1), arm("degrade", 20, bursts(8), 1));
    let answered = comparison.rows.iter().find(|row| row.what == "answered").unwrap();
    assert_eq!(answered.verdict, Verdict::WithinNoise, "{answered:?}");
}

#[test]
fn different_schedules_are_refused_unless_that_is_wanted() {
    let entrants = || {
        let it = || vec![arm("degrade", 5, |_| 0, 1)];
        vec![entrant("one", &"a".repeat(64), it()), entrant("two", &"b".repeat(64), it())]
    };
    let refused = compare(entrants(), false).unwrap_err();
    expect!["A and B did not ask for the same things at the same times (schedules aaaaaaaaaaaa and bbbbbbbbbbbb), so what differs may be the requests and not the target"]
        .assert_eq(&refused.to_string());
    let comparison = compare(entrants(), true).unwrap();
    assert!(!comparison.same_schedule);
    assert!(
        comparison.text().contains("DIFFERENT SCHEDULES")
            && comparison.page().contains("DIFFERENT SCHEDULES")
    );
}

#[test]
fn arms_are_compared_by_name_and_single_ones_whatever_they_are_called() {
    let one = |name: &str| arm(name, 5, |_| 0, 1);
    let two = || vec![one("hang"), one("degrade")];
    let refused =
        compare(vec![entrant("a", "h", two()), entrant("b", "h", vec![one("timeout"), one("x")])], false);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "A (hang, degrade) and B (timeout, x) have no arm in common"
    );
    let common =
        compare(vec![entrant("a", "h", two()), entrant("b", "h", vec![one("degrade")])], false).unwrap();
    assert!(common.rows.iter().all(|row| row.arm == "degrade"));
    let single =
        compare(vec![entrant("a", "h", vec![one("hang")]), entrant("b", "h", vec![one("degrade")])], false);
    assert!(single.unwrap().rows.iter().all(|row| row.arm == "hang, degrade"));
}

#[test]
fn runs_without_a_log_and_too_many_runs_are_refused() {
    let of = |seconds| entrant("a", "h", vec![arm("hang", seconds, |_| 0, 1)]);
    let refused = compare(vec![of(5), of(0)], false).unwrap_err();
    assert_eq!(refused, Refused::NoLog { letter: 'B', arm: "hang".to_owned() });
    assert_eq!(compare(vec![of(5)], false).unwrap_err(), Refused::Count(1));
    assert_eq!(compare((0..5).map(|_| of(5)).collect(), false).unwrap_err(), Refused::Count(5));
}

#[test]
fn what_was_never_sent_counts_as_unanswered_and_has_no_response_time() {
    let unsent = |mut arm: Arm, count: u64| {
        for second in &mut arm.log.seconds {
            second.cells.insert((Phase::Outage, Outcome::UnsentCap), Counts::of(vec![(1, count)]));
        }
        arm
    };
    let it = || arm("degrade", 20, |_| 0, 1);
    let comparison = compared(unsent(it(), 1), unsent(it(), 900));
    let row = |what: &str| comparison.rows.iter().find(|row| row.what == what);
    assert_eq!(row("answered").unwrap().verdict, Verdict::Worse);
    assert_eq!(row("p50 of all that were sent").unwrap().verdict, Verdict::WithinNoise);
    assert!(row("p50 of unsent_cap").is_none());
}

#[test]
fn what_too_few_requests_say_has_no_upper_end() {
    let comparison = compared(arm("degrade", 1, |_| 0, 1), arm("degrade", 1, |_| 0, 1));
    let p99 = comparison.rows.iter().find(|row| row.what == "p99 of all that were sent").unwrap();
    assert_eq!(p99.first.high, None, "100 requests do not bound a p99");
    assert_eq!(p99.verdict, Verdict::WithinNoise);
}
