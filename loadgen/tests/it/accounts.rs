//! Conservation: whatever a server does, every intended request ends in exactly one outcome.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::scripted::{Full, Raw, RawAnswer, Scripted, eventually, refusing, request, spec};
use loadgen::{Connections, Executed, Invalid, Limits, Mode, Plan, PlanSpec, RunResult, spawn};
use recorder::Outcome;

fn run(spec: PlanSpec) -> RunResult {
    let plan = Arc::new(Plan::new(spec).expect("the plan is valid"));
    spawn(plan).expect("a thread").join().expect("no crash")
}

fn assert_accounted(result: &RunResult) {
    let planned = result.plan().schedule().len() as u64;
    let conservation = result.conservation();
    assert!(conservation.holds, "{conservation:?}");
    assert_eq!(conservation.intended, planned);
    let summed: u64 = Outcome::ALL.into_iter().map(|outcome| result.count(outcome)).sum();
    assert_eq!(summed, planned);
    assert_eq!(result.recorder(&Default::default(), |_| true).total(), planned);
}

#[test]
fn every_kind_of_answer_ends_in_its_outcome() {
    let http = Scripted::start();
    let (close, half) = (Raw::start(RawAnswer::Close), Raw::start(RawAnswer::Half));
    let targets =
        [("http", http.address), ("close", close.address), ("half", half.address), ("refuse", refusing())];
    let requests = vec![
        request("http", "kafka"),
        request("http", "sync"),
        request("http", "pending"),
        request("http", "reject"),
        request("http", "unknown"),
        request("http", "teapot"),
        request("close", "close"),
        request("half", "half"),
        request("refuse", "refuse"),
    ];
    let result = run(PlanSpec { requests, ..spec(&targets) });
    assert_accounted(&result);
    let mut labels = BTreeSet::new();
    for it in result.observations() {
        let expected = match it.label {
            "kafka" => (Outcome::OkKafka, Executed::NotSaid, Some(200)),
            "sync" => (Outcome::OkDegraded, Executed::NotSaid, Some(200)),
            "pending" => (Outcome::AcceptedPending, Executed::Pending, Some(202)),
            "reject" => (Outcome::RejectedFast, Executed::No, Some(503)),
            "unknown" => (Outcome::Unknown, Executed::Unknown, Some(504)),
            "teapot" => (Outcome::ErrorStatus, Executed::NotSaid, Some(418)),
            "close" | "half" => (Outcome::ErrorIo, Executed::NotSaid, None),
            _ => (Outcome::ErrorConnect, Executed::NotSaid, None),
        };
        assert_eq!((it.outcome, it.executed, it.status.map(|status| status.as_u16())), expected, "{it:?}");
        assert!(it.service.is_none_or(|service| service <= it.response), "{it:?}");
        assert_eq!(it.service.is_none(), it.outcome == Outcome::ErrorConnect, "{it:?}");
        labels.insert(it.label);
    }
    assert_eq!(labels.len(), 9, "200 draws leave out none of 9 kinds");
}

#[test]
fn beyond_the_cap_nothing_is_sent_and_it_is_said() {
    let silent = Raw::start(RawAnswer::Silence);
    let limits = Limits { in_flight_max: 5, ..short(200) };
    let requests = vec![request("silent", "order")];
    let result = run(PlanSpec { requests, limits, ..spec(&[("silent", silent.address)]) });
    assert_accounted(&result);
    assert!(result.count(Outcome::UnsentCap) > 0);
    assert_eq!(
        result.count(Outcome::Timeout) + result.count(Outcome::UnsentCap),
        result.conservation().intended
    );
    let unsent = |it: &loadgen::Observation<'_>| it.outcome == Outcome::UnsentCap;
    assert!(result.observations().filter(unsent).all(|it| it.service.is_none()));
}

#[test]
fn a_request_that_waits_for_a_connection_times_out_by_its_intended_start() {
    let silent = Raw::start(RawAnswer::Silence);
    // Four connections a second for 200 requests: most must wait in vain.
    let limits =
        Limits { connections_max: 3, connections_preopened: 1, connections_per_s_max: 4, ..short(200) };
    let requests = vec![request("silent", "order")];
    let result = run(PlanSpec { requests, limits, ..spec(&[("silent", silent.address)]) });
    assert_accounted(&result);
    assert_eq!(result.count(Outcome::Timeout), result.conservation().intended);
    assert!(result.observations().all(|it| it.response >= limits.deadline));
    assert!(result.observations().any(|it| it.service.is_none()), "some never got a connection");
    assert!(result.connections().burned > 0, "a timeout takes its connection with it");
}

#[test]
fn a_target_that_takes_no_connection_lets_its_requests_time_out() {
    let full = Full::start();
    let limits = short(300);
    let requests = vec![request("full", "order")];
    let result = run(PlanSpec { requests, limits, ..spec(&[("full", full.address)]) });
    assert_accounted(&result);
    assert_eq!(result.count(Outcome::Timeout), result.conservation().intended);
    assert!(result.observations().all(|it| it.response >= limits.deadline));
    let Connections { failed, failure, .. } = result.connections();
    assert!(*failed > 0, "its queue takes a few and no more");
    assert_eq!(failure.as_deref(), Some("no connection within 300ms"));
}

#[test]
fn connections_stay_within_their_bound_and_none_is_left_behind() {
    let silent = Raw::start(RawAnswer::Silence);
    // Closing is seen by the server later than by us, so deadlines must outlast the run for an exact count.
    let limits = Limits { connections_max: 6, connections_preopened: 2, ..short(20_000) };
    let limits = Limits { drain_max: Duration::from_millis(100), ..limits };
    let requests = vec![request("silent", "order")];
    let result = run(PlanSpec { requests, limits, ..spec(&[("silent", silent.address)]) });
    assert_accounted(&result);
    assert_eq!((silent.open_max(), result.connections().opened), (6, 6));
    eventually("every connection is closed", || silent.open() == 0);
}

#[test]
fn what_is_open_after_the_drain_is_unfinished_and_at_least_that_old() {
    let silent = Raw::start(RawAnswer::Silence);
    let limits = Limits { drain_max: Duration::from_millis(100), ..short(20_000) };
    let requests = vec![request("silent", "order")];
    let result = run(PlanSpec { requests, limits, ..spec(&[("silent", silent.address)]) });
    assert_accounted(&result);
    assert_eq!(result.count(Outcome::Unfinished), result.conservation().intended);
    let last = result.observations().last().expect("200 requests").intended;
    assert!(result.observations().all(|it| it.seen() >= last + limits.drain_max));
}

#[test]
fn a_stopped_run_accounts_for_what_it_intended_so_far() {
    let silent = Raw::start(RawAnswer::Silence);
    let requests = vec![request("silent", "order")];
    let duration = Duration::from_secs(3600);
    let spec = PlanSpec { requests, duration, ..spec(&[("silent", silent.address)]) };
    let handle = spawn(Arc::new(Plan::new(spec).unwrap())).unwrap();
    let progress = handle.progress();
    eventually("some requests are in flight", || progress.borrow().in_flight > 10);
    let stopped = Instant::now();
    handle.stop();
    let result = handle.join().unwrap();
    // The promise is a second; the machine may be busy with others.
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    assert!(result.is_partial());
    assert!(result.conservation().holds && result.conservation().intended > 10);
    assert_eq!(result.count(Outcome::Unfinished), result.conservation().intended);
    eventually("every connection is closed", || silent.open() == 0);
}

#[test]
fn a_dropped_handle_leaves_no_connection_behind() {
    let silent = Raw::start(RawAnswer::Silence);
    let requests = vec![request("silent", "order")];
    let spec = PlanSpec { requests, ..spec(&[("silent", silent.address)]) };
    let handle = spawn(Arc::new(Plan::new(spec).unwrap())).unwrap();
    eventually("connections are open", || silent.open() > 0);
    drop(handle);
    eventually("every connection is closed", || silent.open() == 0);
}

#[test]
fn an_auditor_recomputes_what_was_sent() {
    let http = Scripted::start();
    let result =
        run(PlanSpec { requests: vec![request("http", "kafka")], ..spec(&[("http", http.address)]) });
    assert_accounted(&result);
    let plan = result.plan();
    let body = |k| plan.fill(r#"{"id":"{run}-{seq}","quantity":"{quantity}"}"#, k).unwrap();
    let expected: BTreeSet<String> = (0..plan.schedule().len() as u64).map(body).collect();
    assert_eq!(http.bodies().into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn progress_counts_up_to_the_result() {
    let http = Scripted::start();
    let spec = PlanSpec { requests: vec![request("http", "sync")], ..spec(&[("http", http.address)]) };
    let handle = spawn(Arc::new(Plan::new(spec).unwrap())).unwrap();
    let progress = handle.progress();
    eventually("a response time is shown", || progress.borrow().p50_now.is_some());
    let result = handle.join().unwrap();
    let last = *progress.borrow();
    assert_eq!(last.started, Some(result.started()));
    assert_eq!((last.intended, last.in_flight), (last.planned, 0));
    assert_eq!(last.count(Outcome::OkDegraded), result.count(Outcome::OkDegraded));
}

#[test]
fn a_generator_beyond_its_lag_limit_invalidates_the_run() {
    let http = Scripted::start();
    let limits = Limits { lag_p99_max: Duration::ZERO, ..short(20_000) };
    let requests = vec![request("http", "kafka")];
    let result = run(PlanSpec { requests, limits, ..spec(&[("http", http.address)]) });
    assert_accounted(&result);
    assert_eq!(result.lag().count(), result.conservation().intended);
    assert!(matches!(result.invalid()[..], [Invalid::ScheduleLag { .. }]), "{:?}", result.invalid());
}

#[test]
fn workers_share_a_run_out_and_leave_nothing_over() {
    let http = Scripted::start();
    let requests = vec![request("http", "kafka"), request("http", "sync")];
    let result = run(PlanSpec { requests, workers: 3, ..spec(&[("http", http.address)]) });
    assert_accounted(&result);
    let intended: Vec<Duration> = result.observations().map(|it| it.intended).collect();
    assert!(intended.is_sorted());
    let numbers: BTreeSet<u64> = result.observations().map(|it| it.k).collect();
    assert_eq!(numbers.len() as u64, result.conservation().intended);
    let labels = |it: &loadgen::Observation<'_>| (it.k, it.label.to_owned());
    assert!(result.observations().all(|it| labels(&it).1 == result.plan().label(it.k)));
    assert_eq!(result.lag().count(), result.conservation().intended);
}

#[test]
fn users_of_a_closed_loop_wait_for_each_answer_and_all_is_accounted() {
    let http = Scripted::start();
    let mode = Mode::Closed { users: 5 };
    let duration = Duration::from_millis(300);
    let requests = vec![request("http", "kafka")];
    let result = run(PlanSpec { requests, mode, duration, workers: 2, ..spec(&[("http", http.address)]) });
    assert!(result.conservation().holds && !result.is_partial());
    assert_eq!(result.count(Outcome::OkKafka), result.conservation().intended);
    assert!(result.conservation().intended >= 5, "every user asked at least once");
    assert!(result.observations().all(|it| it.intended < duration));
    assert!(result.connections().opened <= 8, "five users and four pre-opened need no more");
    let at_once =
        |at: Duration| result.observations().filter(|it| it.intended < at && it.seen() > at).count();
    assert!((1..30).all(|step| at_once(Duration::from_millis(step * 10)) <= 5));
}

#[test]
fn users_of_a_target_that_is_down_do_not_spin() {
    let requests = vec![request("refuse", "refuse")];
    let duration = Duration::from_millis(500);
    let mode = Mode::Closed { users: 2 };
    let result = run(PlanSpec { requests, mode, duration, ..spec(&[("refuse", refusing())]) });
    assert_eq!(result.count(Outcome::ErrorConnect), result.conservation().intended);
    assert!((2..=12).contains(&result.conservation().intended), "{:?}", result.conservation());
}

#[test]
fn a_warm_up_comes_before_the_schedule_and_is_accounted_for() {
    let http = Scripted::start();
    let warm_up = Duration::from_millis(500);
    let requests = vec![request("http", "kafka")];
    let plain =
        Plan::new(PlanSpec { requests: requests.clone(), ..spec(&[("http", http.address)]) }).unwrap();
    let result = run(PlanSpec { requests, warm_up, ..spec(&[("http", http.address)]) });
    assert_accounted(&result);
    let proper: Vec<u64> = result
        .observations()
        .filter(|it| it.intended >= warm_up)
        .map(|it| (it.intended - warm_up).as_nanos() as u64)
        .collect();
    assert_eq!(
        proper,
        plain.schedule().offsets_ns().collect::<Vec<_>>(),
        "it changes nothing about what is measured"
    );
    assert!(result.observations().any(|it| it.intended < warm_up));
}

fn short(deadline_ms: u64) -> Limits {
    let deadline = Duration::from_millis(deadline_ms);
    let drain_max = Duration::from_secs(20);
    Limits { deadline, drain_max, connections_preopened: 2, ..Limits::default() }
}
