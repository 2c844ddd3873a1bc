//! How long the guard of an answer lives.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use circuit::{Circuits, Settings, Words};
use degrade::{DeadlineLayer, TrackLayer};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::assert_request_eq;
use tower_test::mock;

const WORDS: Words = Words { degraded: "degraded", restored: "restored" };

fn circuits() -> Circuits {
    Circuits::new(["a", "b"], WORDS, Settings::default(), 1).expect("defaults are valid")
}

fn in_flight(circuits: &Circuits) -> [usize; 2] {
    let views = circuits.snapshot(Duration::ZERO);
    [views[0].in_flight, views[1].in_flight]
}

#[tokio::test]
async fn a_call_is_in_flight_from_the_call_to_the_answer() {
    let circuits = circuits();
    let (mut service, mut handle) =
        mock::spawn_layer(TrackLayer::new(circuits.unanswered(), |partition: &usize| *partition));
    assert!(service.poll_ready().is_ready());
    assert_eq!(in_flight(&circuits), [0, 0]);
    let mut answer = pin!(service.call(1));
    assert_eq!(in_flight(&circuits), [0, 1]);
    assert_request_eq!(handle, 1).send_response("answer");
    let polled = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_ready());
    assert_eq!(in_flight(&circuits), [0, 0], "though the future is still there");
}

#[tokio::test]
async fn an_error_ends_the_call_too() {
    let circuits = circuits();
    let failing = service_fn(async |_: usize| Err::<(), _>("no"));
    let service = TrackLayer::new(circuits.unanswered(), |partition: &usize| *partition).layer(failing);
    assert_eq!(service.oneshot(0).await, Err("no"));
    assert_eq!(in_flight(&circuits), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_ends_the_call_and_not_the_record() {
    let circuits = circuits();
    let (unacked, unanswered) = (circuits.unacked(), circuits.unanswered());
    let (deliver, delivery_report) = tokio::sync::oneshot::channel();
    let mut record = Some((deliver, unacked));
    let produce = service_fn(move |partition: usize| {
        let (deliver, unacked) = record.take().expect("there is one call");
        assert!(deliver.send(unacked.begin(partition)).is_ok());
        std::future::pending::<Result<(), &str>>()
    });
    let tracked = TrackLayer::new(unanswered, |partition: &usize| *partition).layer(produce);
    let mut service = DeadlineLayer::new(|_: &usize| Duration::from_millis(50)).layer(tracked);

    assert!(service.ready().await.expect("always ready").call(0).await.is_err());
    let view = |circuits: &mut Circuits| {
        for tick in 1..=15 {
            circuits.watch(Duration::from_millis(tick * 10));
        }
        circuits.snapshot(Duration::from_millis(150)).remove(0)
    };
    let mut circuits = circuits;
    let stuck = view(&mut circuits);
    assert_eq!((stuck.oldest_unanswered, stuck.in_flight), (None, 1));
    assert!(stuck.oldest_unacked >= Some(Duration::from_millis(150)));
    drop(delivery_report.await);
    assert_eq!(in_flight(&circuits), [0, 0]);
}
