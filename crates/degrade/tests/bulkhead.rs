//! The limits of a fallback.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use circuit::{Decision, SwitchBoard};
use degrade::admission::Error;
use degrade::bulkhead::error::{Cause, Refused};
use degrade::bulkhead::{Counts, Settings};
use degrade::{BulkheadLayer, ByPartition, DegradeLayer};
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock::{self, Mock};
use tower_test::{assert_request_eq, mock::Handle};

const fn s(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A request is the age of what its answer is computed from.
type Age = Option<Duration>;
type AgeOf = fn(&Age) -> Age;

const SETTINGS: Settings = Settings { concurrency: 2, staleness_max: s(10), retry_after: s(3) };

fn layer() -> BulkheadLayer<AgeOf> {
    let age_of: AgeOf = |age| *age;
    BulkheadLayer::new(SETTINGS, age_of).expect("they are in bounds")
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn cause<E>(refused: Error<Refused, E>) -> Cause {
    refused.refusal().expect("it was refused").cause
}

#[tokio::test]
async fn one_call_too_many_is_refused_at_once_and_says_when_to_come_back() {
    let layer = layer();
    let (mut service, mut handle) = mock::spawn_layer::<Age, _, _>(layer.clone());
    handle.allow(9);
    let mut served = Vec::new();
    for _ in 0..2 {
        assert!(service.poll_ready().is_ready());
        served.push(Box::pin(service.call(Some(s(1)))));
    }
    assert!(service.poll_ready().is_ready());
    let Poll::Ready(Err(Error::Refused(refused))) = poll(pin!(service.call(Some(s(1))))) else {
        panic!("refused, at the first poll")
    };
    assert_eq!(refused, Refused { cause: Cause::Full { limit: 2 }, retry_after: s(3) });

    assert_request_eq!(handle, Some(s(1))).send_response("sync");
    assert!(poll(served[0].as_mut()).is_ready());
    assert!(service.poll_ready().is_ready());
    assert!(poll(pin!(service.call(Some(s(1))))).is_pending(), "the place is free again");
    assert_eq!(layer.tally().counts().in_flight_max, 2);
}

#[tokio::test]
async fn what_is_too_old_or_of_unknown_age_is_not_computed_from() {
    let layer = layer();
    let (mut service, mut handle) = mock::spawn_layer::<Age, (), _>(layer.clone());
    let too_old = s(10) + Duration::from_nanos(1);
    for (age, expected) in [
        (Some(too_old), Cause::Stale { age: too_old, max: s(10) }),
        (None, Cause::NothingToComputeFrom),
        (Some(Duration::MAX), Cause::Stale { age: Duration::MAX, max: s(10) }),
    ] {
        assert!(service.poll_ready().is_ready());
        assert_eq!(cause(service.call(age).await.unwrap_err()), expected);
    }
    assert!(handle.poll_request().is_pending());
    let counts = layer.tally().counts();
    assert_eq!(counts, Counts { stale: 2, missing: 1, ..Counts::default() });
}

#[tokio::test]
async fn a_refusal_takes_no_place() {
    let layer = layer();
    let (mut service, _handle) = mock::spawn_layer::<Age, (), _>(layer.clone());
    assert!(service.poll_ready().is_ready());
    let _kept = service.call(None);
    assert_eq!(layer.tally().counts().in_flight, 0);
}

#[tokio::test]
async fn a_service_inside_that_is_not_ready_is_not_waited_for() {
    let layer = layer();
    let (mut service, mut handle) = mock::spawn_layer::<Age, _, _>(layer.clone());
    handle.allow(0);
    assert!(service.poll_ready().is_ready());
    assert_eq!(cause(service.call(Some(s(0))).await.unwrap_err()), Cause::NotReady);
    assert_eq!(layer.tally().counts().not_ready, 1);

    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let answer = tokio::spawn(service.call(Some(s(0))));
    assert_request_eq!(handle, Some(s(0))).send_response("sync");
    assert_eq!(answer.await.unwrap().unwrap(), "sync");
}

#[tokio::test]
async fn a_clone_is_not_ready_because_its_original_was() {
    let (mut service, mut handle) = mock::spawn_layer::<Age, (), _>(layer());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let mut clone = service.get_ref().clone();
    assert_eq!(cause(clone.call(Some(s(0))).await.unwrap_err()), Cause::NotReady);
}

#[tokio::test]
async fn behind_an_open_circuit_the_customers_that_are_too_many_are_refused_and_none_waits() {
    let (fallback, mut handle): (Mock<Age, &str>, Handle<Age, &str>) = mock::pair();
    handle.allow(100);
    let switches = SwitchBoard::new(1);
    switches.set(0, Decision::Fallback);
    let bulkhead = layer();
    let fallback = bulkhead.layer(fallback).map_err(|error| error.to_string());
    let primary = service_fn(async |_: Age| Err::<&str, String>("it is stuck".to_owned()));
    let mut service = DegradeLayer::new(fallback, ByPartition::new(switches, |_: &Age| 0)).layer(primary);

    let mut calls = Vec::new();
    for _ in 0..50 {
        calls.push(Box::pin(service.ready().await.unwrap().call(Some(s(4)))));
    }
    let waiting = calls.iter_mut().map(|call| poll(call.as_mut())).filter(Poll::is_pending).count();
    let counts = bulkhead.tally().counts();
    assert_eq!((waiting, counts.admitted, counts.full), (2, 2, 48));
    assert_eq!((counts.in_flight_max, counts.age_max), (2, s(4)), "none was served beyond a limit");
}

#[test]
fn a_bad_setting_names_its_key() {
    let error = Settings { concurrency: 0, ..SETTINGS }.check().unwrap_err().to_string();
    assert_eq!(error, "bulkhead.concurrency is 0; allowed is 1 to 65536");
}

proptest! {
    /// Whatever is asked for, in whatever order: the extremes of what was served stay within the limits, and every call
    /// is counted once.
    #[test]
    fn no_call_is_served_beyond_a_limit(
        steps in prop::collection::vec(prop::option::of(prop::option::of(0_u64..20)), 1..100)
    ) {
        let layer = layer();
        let mut service = layer.layer(service_fn(|_: Age| std::future::pending::<Result<(), String>>()));
        let (mut in_flight, mut asked) = (Vec::new(), 0);
        for step in steps {
            let Some(age) = step else {
                drop((!in_flight.is_empty()).then(|| in_flight.remove(0)));
                continue;
            };
            prop_assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
            asked += 1;
            let mut call = Box::pin(service.call(age.map(s)));
            if poll(call.as_mut()).is_pending() {
                in_flight.push(call);
            }
        }
        let counts = layer.tally().counts();
        prop_assert!(counts.in_flight_max <= 2 && counts.age_max <= s(10));
        prop_assert_eq!(counts.admitted + counts.full + counts.stale + counts.missing, asked);
        prop_assert_eq!(counts.in_flight, in_flight.len());
    }
}
