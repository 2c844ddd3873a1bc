//! Calls that are too late, and callers who give up.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use degrade::EarlyDropLayer;
use degrade::admission::Error;
use degrade::early_drop::Counts;
use degrade::early_drop::error::TooLate;
use tower::{Layer, ServiceExt, service_fn};
use tower_test::assert_request_eq;
use tower_test::mock;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

type Budget = fn(&Duration) -> Duration;

/// The request is its budget; the answer takes 20 ms at least.
fn layer() -> EarlyDropLayer<Budget> {
    EarlyDropLayer::new(|budget| *budget, ms(20))
}

#[tokio::test]
async fn a_call_that_can_be_answered_in_time_is_passed_on() {
    let layer = layer();
    let (mut service, mut handle) = mock::spawn_layer(layer.clone());
    for budget in [ms(20), ms(300), Duration::MAX] {
        assert!(service.poll_ready().is_ready());
        let answer = tokio::spawn(service.call(budget));
        assert_request_eq!(handle, budget).send_response("answer");
        assert_eq!(answer.await.unwrap().unwrap(), "answer");
    }
    assert_eq!(layer.tally().counts(), Counts::default());
}

#[tokio::test]
async fn a_call_that_is_too_late_never_reaches_the_service_inside() {
    let layer = layer();
    let (mut service, mut handle) = mock::spawn_layer::<Duration, (), _>(layer.clone());
    for left in [Duration::ZERO, Duration::from_nanos(1), ms(19)] {
        assert!(service.poll_ready().is_ready());
        let refused = service.call(left).await.unwrap_err();
        assert!(
            matches!(refused, Error::Refused(TooLate { left: l, least }) if (l, least) == (left, ms(20)))
        );
    }
    assert!(handle.poll_request().is_pending());
    assert_eq!(layer.tally().counts(), Counts { passed: 1, unmeetable: 2, abandoned: 0 });
}

#[tokio::test]
async fn without_a_least_time_only_what_is_late_already_is_dropped() {
    let layer = EarlyDropLayer::new(|budget: &Duration| *budget, Duration::ZERO);
    let service = layer.layer(service_fn(async |_: Duration| Ok::<_, String>("answer")));
    assert!(service.clone().oneshot(Duration::from_nanos(1)).await.is_ok());
    let refused = service.oneshot(Duration::ZERO).await.unwrap_err();
    assert_eq!(refused.to_string(), "the deadline had passed before the call was begun");
}

#[tokio::test]
async fn a_caller_who_gives_up_is_counted_once_and_one_who_has_the_answer_is_not() {
    let layer = layer();
    let (mut service, mut handle) = mock::spawn_layer::<Duration, _, _>(layer.clone());
    assert!(service.poll_ready().is_ready());
    drop(service.call(ms(100)));
    assert_eq!(layer.tally().counts().abandoned, 1);

    let _given_up = handle.next_request().await;
    assert!(service.poll_ready().is_ready());
    let mut answer = pin!(service.call(ms(100)));
    assert_request_eq!(handle, ms(100)).send_response("answer");
    let polled = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok("answer"))));
    assert_eq!(layer.tally().counts().abandoned, 1);
}

#[tokio::test]
async fn readiness_and_its_errors_are_those_of_the_service_inside() {
    let (mut service, mut handle) = mock::spawn_layer::<Duration, (), _>(layer());
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.send_error("closed");
    assert!(matches!(service.poll_ready(), Poll::Ready(Err(Error::Inner(_)))));
}
