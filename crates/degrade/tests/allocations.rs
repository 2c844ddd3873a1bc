//! No layer allocates on the way of a call that is served or rejected: counted, not guessed.

use std::convert::Infallible;
use std::future::{Future, Ready, pending, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use circuit::{Circuits, Decision, SwitchBoard, Words};
use degrade::shadow::Settings;
use degrade::shed::{Limits, Priority};
use degrade::{
    BulkheadLayer, ByPartition, DeadlineLayer, DegradeLayer, EarlyDropLayer, Proof, ProvenLayer, Reject,
    RescueLayer, ShadowLayer, ShedLayer, TrackLayer, bulkhead,
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

const CALLS: usize = 10_000;
const SECOND: Duration = Duration::from_secs(1);

/// Whether a poll ended as it should.
type Expected<T, E> = fn(&Poll<Result<T, E>>) -> bool;

type Answer = Result<usize, Infallible>;

fn bare() -> impl Service<usize, Response = usize, Error = Infallible, Future = Ready<Answer>> + Clone {
    service_fn(|request| ready(Ok(request)))
}

fn circuits() -> Circuits {
    let words = Words { degraded: "degraded", restored: "restored" };
    Circuits::new(["a", "b"], words, circuit::Settings::default(), 1).expect("the defaults are valid")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts")
}

/// Polls each call once; a runtime is entered, for the layers that keep time.
fn allocations<S: Service<usize>>(mut service: S, expected: Expected<S::Response, S::Error>) -> u64 {
    let runtime = runtime();
    let _entered = runtime.enter();
    let mut run = |calls| {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..calls {
            assert!(service.poll_ready(&mut cx).is_ready());
            let answer = pin!(service.call(1)).poll(&mut cx);
            assert!(expected(&answer));
        }
    };
    run(1); // thread-locals
    allocation_counter::measure(|| run(CALLS)).count_total
}

/// A proof that stands: every call of a fallback in doubt would be shadowed.
async fn proven(settings: Settings) -> Proof {
    let proof = Proof::new(settings, |_| {}).expect("they are in bounds");
    let service = ShadowLayer::new(bare(), |answer: &usize| *answer, proof.clone()).layer(bare());
    let Ok(_) = service.oneshot(1).await;
    while proof.standing().is_err() {
        tokio::task::yield_now().await;
    }
    proof
}

fn answered<T, E>(poll: &Poll<Result<T, E>>) -> bool {
    matches!(poll, Poll::Ready(Ok(_)))
}

fn refused<T, E>(poll: &Poll<Result<T, E>>) -> bool {
    matches!(poll, Poll::Ready(Err(_)))
}

#[test]
fn the_counter_counts() {
    let boxes = service_fn(|request: usize| ready(Ok::<_, Infallible>(Box::new(request))));
    assert_eq!(allocations(boxes, answered), CALLS as u64);
}

#[test]
fn a_closed_circuit_allocates_nothing() {
    let circuits = circuits();
    let tracked = TrackLayer::new(circuits.unanswered(), |request: &usize| *request).layer(bare());
    let by_partition = ByPartition::new(circuits.switches(), |request: &usize| *request);
    let refuse = Reject::new(|request: usize| Ok::<_, Infallible>(request));
    assert_eq!(allocations(DegradeLayer::new(refuse, by_partition).layer(tracked), answered), 0);
}

#[test]
fn a_call_that_hangs_allocates_nothing_either() {
    let circuits = circuits();
    let hangs = service_fn(|_: usize| pending::<Answer>());
    let service = TrackLayer::new(circuits.unanswered(), |request: &usize| *request).layer(hangs);
    assert_eq!(allocations(service, Poll::is_pending), 0);
}

#[test]
fn a_rejection_allocates_nothing() {
    let open = SwitchBoard::new(2);
    open.set(1, Decision::Fallback);
    let by_partition = ByPartition::new(open, |request: &usize| *request);
    let refuse = Reject::new(|_: usize| Err("stuck"));
    let primary = service_fn(|request: usize| ready(Ok::<_, &str>(request)));
    assert_eq!(allocations(DegradeLayer::new(refuse, by_partition).layer(primary), refused), 0);
}

#[test]
fn every_refusal_is_free_too() {
    let late = EarlyDropLayer::new(|_: &usize| Duration::ZERO, SECOND).layer(bare());
    assert_eq!(allocations(late, refused), 0);
    let spent = DeadlineLayer::new(|_: &usize| Duration::ZERO).layer(bare());
    assert_eq!(allocations(spent, refused), 0);
    let stale = BulkheadLayer::new(bulkhead::Settings::default(), |_: &usize| None).unwrap().layer(bare());
    assert_eq!(allocations(stale, refused), 0);
    let mut full = ShedLayer::new(Limits::of(1), SECOND, |_: &usize| Priority::Cancel)
        .unwrap()
        .layer(service_fn(|_: usize| pending::<Answer>()));
    let _takes_the_place = full.call(1);
    assert_eq!(allocations(full, refused), 0);
}

#[test]
fn the_full_stack_allocates_nothing_for_a_call_that_is_not_shadowed() {
    let (circuits, partition) = (circuits(), |request: &usize| *request);
    let rarely = Settings { one_in: 1_000_000, ..Settings::default() };
    let proof = runtime().block_on(proven(rarely));
    let fallback = ServiceBuilder::new()
        .map_err(|_| -> Infallible { unreachable!("the circuit is closed") })
        .layer(ProvenLayer::new(proof.clone()))
        .service(bare());
    let stack = ServiceBuilder::new()
        .layer(RescueLayer::new(|_| 0))
        .layer(EarlyDropLayer::new(|_: &usize| SECOND, Duration::from_millis(1)))
        .layer(DeadlineLayer::new(|_: &usize| SECOND))
        .layer(ShedLayer::new(Limits::of(100), SECOND, |_: &usize| Priority::Quote).unwrap())
        .layer(DegradeLayer::new(fallback, ByPartition::new(circuits.switches(), partition)))
        .layer(ShadowLayer::new(bare(), |answer: &usize| *answer, proof))
        .layer(TrackLayer::new(circuits.unanswered(), partition))
        .service(bare());
    assert_eq!(allocations(stack, answered), 0);
}
