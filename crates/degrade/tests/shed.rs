//! Who finds room when it is scarce.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use degrade::ShedLayer;
use degrade::admission::Error;
use degrade::shed::error::Overloaded;
use degrade::shed::{Limits, Priority};
use proptest::prelude::*;
use tower::{Layer, Service, service_fn};
use tower_test::assert_request_eq;
use tower_test::mock;

type Classify = fn(&Priority) -> Priority;

/// Ten places: quotes may fill four of them, new orders six, orders that only reduce eight.
const LIMITS: Limits = Limits { quote: 4, new_order: 6, reduce_only: 8, cancel: 10 };

fn layer() -> ShedLayer<Classify> {
    let classify: Classify = |class| *class;
    ShedLayer::new(LIMITS, Duration::from_secs(2), classify).expect("they are in order")
}

#[tokio::test]
async fn each_class_is_refused_at_its_own_ceiling_and_the_greater_ones_still_find_room() {
    let layer = layer();
    let (mut service, mut handle) = mock::spawn_layer::<Priority, (), _>(layer.clone());
    handle.allow(100);
    let mut in_flight = Vec::new();
    for (priority, room) in Priority::ALL.into_iter().zip([4, 2, 2, 2]) {
        for _ in 0..room {
            assert!(service.poll_ready().is_ready());
            in_flight.push(service.call(priority));
        }
        for lesser in Priority::ALL.into_iter().filter(|lesser| *lesser <= priority) {
            assert!(service.poll_ready().is_ready());
            let refused = service.call(lesser).await.unwrap_err();
            assert!(matches!(refused, Error::Refused(Overloaded { priority, .. }) if priority == lesser));
        }
    }
    let counts = layer.tally().counts();
    assert_eq!(Priority::ALL.map(|class| counts.shed(class)), [4, 3, 2, 1]);
    assert_eq!((counts.in_flight, counts.in_flight_max), (10, 10));
    drop(in_flight);
    assert_eq!(layer.tally().counts().in_flight, 0, "who gives up frees a place");
}

#[tokio::test]
async fn an_answer_frees_its_place_though_its_future_is_still_there() {
    let layer = layer();
    let (mut service, mut handle) = mock::spawn_layer(layer.clone());
    assert!(service.poll_ready().is_ready());
    let mut answer = Box::pin(service.call(Priority::Quote));
    assert_eq!(layer.tally().counts().in_flight, 1);
    assert_request_eq!(handle, Priority::Quote).send_response(());
    assert!(poll(answer.as_mut()).is_ready());
    assert_eq!(layer.tally().counts().in_flight, 0);
}

#[tokio::test]
async fn a_refusal_says_who_how_many_and_when_to_come_back() {
    let layer = layer();
    let mut service = layer.layer(service_fn(|_: Priority| std::future::pending::<Result<(), String>>()));
    let _full: Vec<_> = (0..10).map(|_| service.call(Priority::Cancel)).collect();
    let Error::Refused(refused) = service.call(Priority::ReduceOnly).await.unwrap_err() else {
        panic!("it was refused")
    };
    assert_eq!(
        refused.to_string(),
        "8 calls are in flight, and that is all there may be for a reduce-only order to get in"
    );
    assert_eq!(refused.retry_after, Duration::from_secs(2));
}

#[tokio::test]
async fn everything_that_the_layer_makes_shares_its_places() {
    let layer = layer();
    let hangs = service_fn(|_: Priority| std::future::pending::<Result<(), String>>());
    let (mut one, mut other) = (layer.layer(hangs), layer.layer(hangs));
    let mut clone = one.clone();
    let _four = [
        one.call(Priority::Quote),
        other.call(Priority::Quote),
        clone.call(Priority::Quote),
        one.call(Priority::Quote),
    ];
    assert!(other.call(Priority::Quote).await.is_err());
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

proptest! {
    /// Whatever comes and goes, no class is served beyond its ceiling, and one below its ceiling is never refused.
    #[test]
    fn no_call_is_served_beyond_its_ceiling_and_none_is_refused_below(
        steps in prop::collection::vec(prop::option::of(0_usize..4), 1..100)
    ) {
        let inside = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&inside);
        let mut service = layer().layer(service_fn(move |_: Priority| {
            seen.fetch_add(1, Relaxed);
            std::future::pending::<Result<(), String>>()
        }));
        let mut in_flight = Vec::new();
        for step in steps {
            let Some(class) = step else {
                drop((!in_flight.is_empty()).then(|| in_flight.remove(0)));
                continue;
            };
            let ceiling = [4, 6, 8, 10][class];
            let before = inside.load(Relaxed);
            let mut call = Box::pin(service.call(Priority::ALL[class]));
            let admitted = poll(call.as_mut()).is_pending();
            prop_assert_eq!(admitted, in_flight.len() < ceiling);
            prop_assert_eq!(inside.load(Relaxed) - before, usize::from(admitted));
            in_flight.extend(admitted.then_some(call));
        }
    }
}
