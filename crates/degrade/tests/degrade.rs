//! Which way a call goes, and what happens to it when the way changes.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use circuit::{Decision, SwitchBoard};
use degrade::{ByPartition, Degrade, DegradeLayer, Reject};
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::assert_request_eq;
use tower_test::mock::{self, Handle, Mock, Spawn};

type Key = fn(&usize) -> usize;
type Both = Degrade<Mock<usize, &'static str>, Mock<usize, &'static str>, ByPartition<Key>>;

struct Situation {
    service: Spawn<Both>,
    primary: Handle<usize, &'static str>,
    fallback: Handle<usize, &'static str>,
    switches: SwitchBoard,
}

/// Three circuits; the request is its own partition.
fn situation() -> Situation {
    let switches = SwitchBoard::new(3);
    let (fallback_service, fallback) = mock::pair();
    let by_partition = ByPartition::new(switches.clone(), (|request| *request) as Key);
    let layer = DegradeLayer::new(fallback_service, by_partition);
    let (service, primary) = mock::spawn_layer(layer);
    Situation { service, primary, fallback, switches }
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_closed_circuit_goes_the_primary_way() {
    let mut s = situation();
    assert!(s.service.poll_ready().is_ready());
    let answer = s.service.call(1);
    assert_request_eq!(s.primary, 1).send_response("kafka");
    assert_eq!(answer.await.unwrap(), "kafka");
    assert!(s.fallback.poll_request().is_pending());
}

#[tokio::test]
async fn an_open_circuit_goes_the_fallback_way_and_the_others_do_not() {
    let mut s = situation();
    s.switches.set(1, Decision::Fallback);
    for (partition, expected) in [(0, "kafka"), (1, "sync"), (2, "kafka"), (77, "kafka")] {
        assert!(s.service.poll_ready().is_ready());
        let answer = tokio::spawn(s.service.call(partition));
        if expected == "sync" {
            assert_request_eq!(s.fallback, partition).send_response("sync");
        } else {
            assert_request_eq!(s.primary, partition).send_response("kafka");
        }
        assert_eq!(answer.await.unwrap().unwrap(), expected);
    }
}

#[tokio::test]
async fn an_open_circuit_never_reaches_the_primary() {
    let mut s = situation();
    s.switches.set(0, Decision::Fallback);
    for _ in 0..100 {
        assert!(s.service.poll_ready().is_ready());
        let answer = tokio::spawn(s.service.call(0));
        assert_request_eq!(s.fallback, 0).send_error("refused");
        assert_eq!(answer.await.unwrap().unwrap_err().to_string(), "refused");
    }
    assert!(s.primary.poll_request().is_pending());
}

#[tokio::test]
async fn a_call_in_flight_when_the_circuit_opens_stays_where_it_is() {
    let mut s = situation();
    assert!(s.service.poll_ready().is_ready());
    let mut answer = pin!(s.service.call(0));
    assert!(poll_once(answer.as_mut()).is_pending());
    s.switches.set(0, Decision::Fallback);
    assert!(poll_once(answer.as_mut()).is_pending());
    assert!(s.fallback.poll_request().is_pending());
    assert_request_eq!(s.primary, 0).send_response("late, and from Kafka");
    assert_eq!(answer.await.unwrap(), "late, and from Kafka");
}

#[tokio::test]
async fn when_the_primary_is_not_ready_the_fallback_still_serves() {
    let mut s = situation();
    s.primary.allow(0);
    s.switches.set(0, Decision::Fallback);
    assert!(s.service.poll_ready().is_ready());
    let answer = tokio::spawn(s.service.call(0));
    assert_request_eq!(s.fallback, 0).send_response("sync");
    assert_eq!(answer.await.unwrap().unwrap(), "sync");
}

#[tokio::test]
async fn when_the_primary_is_not_ready_its_call_waits_without_holding_up_others() {
    let mut s = situation();
    s.primary.allow(0);
    s.switches.set(1, Decision::Fallback);
    assert!(s.service.poll_ready().is_ready());
    let waiting = tokio::spawn(s.service.call(0));
    assert!(s.service.poll_ready().is_ready());
    let degraded = tokio::spawn(s.service.call(1));
    assert_request_eq!(s.fallback, 1).send_response("sync");
    assert_eq!(degraded.await.unwrap().unwrap(), "sync");

    s.primary.allow(1);
    assert_request_eq!(s.primary, 0).send_response("kafka");
    assert_eq!(waiting.await.unwrap().unwrap(), "kafka");
}

/// Takes a permit when it is asked for readiness, as a concurrency limit does, and must have one when it is called.
#[derive(Debug)]
struct Limited {
    permits: Arc<AtomicUsize>,
    held: bool,
}

impl Limited {
    fn new(permits: usize) -> Self {
        Self { permits: Arc::new(AtomicUsize::new(permits)), held: false }
    }
}

impl Clone for Limited {
    fn clone(&self) -> Self {
        Self { permits: Arc::clone(&self.permits), held: false }
    }
}

impl Service<usize> for Limited {
    type Response = &'static str;
    type Error = Infallible;
    type Future = Ready<Result<&'static str, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        let fewer = |permits: usize| permits.checked_sub(1);
        self.held = self.held || self.permits.fetch_update(Relaxed, Relaxed, fewer).is_ok();
        if self.held { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, _: usize) -> Self::Future {
        assert!(std::mem::take(&mut self.held), "called without being ready");
        ready(Ok("limited"))
    }
}

#[tokio::test]
async fn readiness_is_kept_for_the_next_primary_call_and_not_cloned() {
    let switches = SwitchBoard::new(1);
    let by_partition = ByPartition::new(switches.clone(), |_: &usize| 0);
    let fallback = Reject::new(|_: usize| Ok::<_, Infallible>("sync"));
    let mut service = Spawn::new(Degrade::new(Limited::new(1), fallback, by_partition));
    assert!(service.poll_ready().is_ready());
    switches.set(0, Decision::Fallback);
    assert_eq!(service.call(0).await, Ok("sync"));
    switches.set(0, Decision::Primary);

    let mut clone = service.clone();
    assert!(clone.poll_ready().is_ready());
    let mut waiting = pin!(clone.call(0));
    assert!(poll_once(waiting.as_mut()).is_pending(), "the one permit belongs to the original");
    assert!(service.poll_ready().is_ready());
    assert_eq!(service.call(0).await, Ok("limited"));
}

#[tokio::test]
async fn an_idle_service_holds_no_permit_of_the_fallback() {
    let primary = service_fn(async |_: usize| Ok::<_, Infallible>("kafka"));
    let service = Spawn::new(Degrade::new(primary, Limited::new(1), |_: &usize| Decision::Fallback));
    let mut idle: Vec<_> = (0..10).map(|_| service.clone()).collect();
    idle.iter_mut().for_each(|clone| assert!(clone.poll_ready().is_ready()));
    assert_eq!(service.into_inner().oneshot(0).await, Ok("limited"));
}

#[tokio::test]
async fn an_error_of_the_primarys_readiness_is_passed_on() {
    let mut s = situation();
    s.primary.send_error("closed");
    assert!(matches!(s.service.poll_ready(), Poll::Ready(Err(error)) if error.to_string() == "closed"));
}

#[tokio::test]
async fn a_rejection_is_there_at_the_first_poll() {
    let primary = service_fn(async |_: usize| Ok::<&str, String>("kafka"));
    let refuse = Reject::new(|partition| Err(format!("partition {partition} is stuck")));
    let open = |_: &usize| Decision::Fallback;
    let mut service = DegradeLayer::new(refuse, open).layer(primary);
    let mut answer = pin!(service.ready().await.unwrap().call(7));
    assert_eq!(poll_once(answer.as_mut()), Poll::Ready(Err("partition 7 is stuck".to_owned())));
}

/// What happens to a service under load.
#[derive(Debug, Clone, Copy)]
enum Step {
    Call(usize),
    Flip(usize),
    /// The primary becomes ready, or stops being.
    Ready(bool),
    /// Every call that waits is polled.
    Poll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..3).prop_map(Step::Call),
        2 => (0_usize..3).prop_map(Step::Flip),
        1 => any::<bool>().prop_map(Step::Ready),
        2 => Just(Step::Poll),
    ]
}

/// Notes the requests that reach it; ready when it is told to be.
#[derive(Debug, Clone)]
struct Ledger {
    served: Arc<AtomicUsize>,
    ready: Arc<AtomicBool>,
    way: usize,
}

impl Service<usize> for Ledger {
    type Response = usize;
    type Error = Infallible;
    type Future = Ready<Result<usize, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.ready.load(Relaxed) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, _: usize) -> Self::Future {
        self.served.fetch_add(1, Relaxed);
        ready(Ok(self.way))
    }
}

/// A call, and the way that it must take.
type Waiting = (usize, Pin<Box<dyn Future<Output = Result<usize, Infallible>>>>);

fn end_what_can_end(waiting: &mut Vec<Waiting>) {
    waiting.retain_mut(|(way, call)| match poll_once(call.as_mut()) {
        Poll::Ready(answer) => {
            assert_eq!(answer, Ok(*way));
            false
        }
        Poll::Pending => true,
    });
}

proptest! {
    /// Circuits flip and the primary comes and goes while calls wait: each call is served once, by the way that its
    /// circuit showed when it was made, and none is lost.
    #[test]
    fn whatever_flips_under_load_no_call_is_lost_and_none_is_served_twice(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let (primary, fallback) = (0, 1);
        let ledger = |way| Ledger { served: Arc::default(), ready: Arc::new(AtomicBool::new(true)), way };
        let (kafka, sync) = (ledger(primary), ledger(fallback));
        let switches = SwitchBoard::new(3);
        let by_partition = ByPartition::new(switches.clone(), |partition: &usize| *partition);
        let mut service = Degrade::new(kafka.clone(), sync.clone(), by_partition);
        let (mut waiting, mut made, mut expected) = (Vec::<Waiting>::new(), 0, [0, 0]);
        for step in steps {
            match step {
                Step::Call(partition) => {
                    prop_assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
                    let way = usize::from(switches.decide(partition) == Decision::Fallback);
                    made += 1;
                    expected[way] += 1;
                    waiting.push((way, Box::pin(service.call(partition))));
                }
                Step::Flip(partition) => {
                    let other = match switches.decide(partition) {
                        Decision::Primary => Decision::Fallback,
                        Decision::Fallback => Decision::Primary,
                    };
                    switches.set(partition, other);
                }
                Step::Ready(ready) => kafka.ready.store(ready, Relaxed),
                Step::Poll => end_what_can_end(&mut waiting),
            }
        }
        kafka.ready.store(true, Relaxed);
        end_what_can_end(&mut waiting);
        prop_assert!(waiting.is_empty(), "every call ends");
        let served = [kafka.served.load(Relaxed), sync.served.load(Relaxed)];
        prop_assert_eq!(served, expected);
        prop_assert_eq!(served[0] + served[1], made);
    }
}
