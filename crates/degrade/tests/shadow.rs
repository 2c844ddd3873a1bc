//! What is learned of a fallback on good days, and whether it may serve on bad ones.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use degrade::admission::Error;
use degrade::proven::error::Doubt;
use degrade::shadow::{Compare, Counts, Seen, Settings, Verdict};
use degrade::{Proof, ProvenLayer, ShadowLayer};
use tokio::time::{advance, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock::{self, Handle, Mock};
use tower_test::{assert_request_eq, mock::SendResponse};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const EVERY_CALL: Settings = Settings {
    one_in: 1,
    concurrency: 2,
    deadline: ms(100),
    distance_max: 5,
    strikes: 3,
    proven_for: Duration::from_secs(60),
    retry_after: Duration::from_secs(1),
};

/// How far two prices in cents are apart.
#[derive(Debug, Clone, Copy)]
struct Price;

impl Compare<u64> for Price {
    type Gist = u64;

    fn gist(&self, price: &u64) -> u64 {
        *price
    }

    fn distance(&self, primary: &u64, fallback: &u64) -> u64 {
        primary.abs_diff(*fallback)
    }
}

struct Situation {
    proof: Proof,
    seen: Arc<Mutex<Vec<Seen>>>,
    fallback: Mock<u64, u64>,
    handle: Handle<u64, u64>,
}

fn situation() -> Situation {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let observe = move |shadow| note.lock().expect("nobody panics").push(shadow);
    let proof = Proof::new(EVERY_CALL, observe).expect("they are in bounds");
    let (fallback, mut handle) = mock::pair();
    handle.allow(1_000);
    Situation { proof, seen, fallback, handle }
}

impl Situation {
    /// A customer's call on a good day: the primary answers with the price that was asked for.
    async fn call(&self, price: u64) -> u64 {
        let primary = service_fn(async |price: u64| Ok::<u64, String>(price));
        let layer = ShadowLayer::new(self.fallback.clone(), Price, self.proof.clone());
        layer.layer(primary).oneshot(price).await.expect("it always answers")
    }

    async fn shadow(&mut self) -> SendResponse<u64> {
        self.handle.next_request().await.expect("the fallback is there").1
    }

    /// One call, and a shadow that is off by `distance`.
    async fn compared(&mut self, distance: u64) {
        assert_eq!(self.call(100).await, 100);
        self.shadow().await.send_response(100 + distance);
        settle().await;
    }

    /// A customer's call on a bad day.
    async fn degraded(&self, price: u64) -> Result<u64, Doubt> {
        let service = ProvenLayer::new(self.proof.clone()).layer(self.fallback.clone());
        service.oneshot(price).await.map_err(|error| error.refusal().expect("a refusal").doubt)
    }
}

/// Lets tasks run that are ready; time stands still.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_caller_has_the_answer_before_the_shadow_begins() {
    let mut s = situation();
    assert!(s.handle.poll_request().is_pending());
    assert_eq!(s.call(250).await, 250);
    settle().await;
    assert_eq!(s.proof.counts(), Counts::default(), "the shadow is still under way");
    assert_request_eq!(s.handle, 250).send_response(250);
    settle().await;
    assert_eq!(s.proof.counts().agreed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_in_doubt_is_shadowed_by_every_call_and_a_proven_one_by_few() {
    let rarely = Settings { one_in: 1_000_000, strikes: 1, ..EVERY_CALL };
    let proof = Proof::new(rarely, |_| {}).expect("they are in bounds");
    let mut s = Situation { proof, ..situation() };
    s.compared(0).await;
    assert_eq!(s.proof.standing(), Ok(()), "the first answer proves it");
    for _ in 0..10 {
        s.call(100).await;
        settle().await;
    }
    assert!(s.handle.poll_request().is_pending(), "nobody looks now");
    assert_eq!(s.proof.counts().agreed, 1);
}

#[tokio::test(start_paused = true)]
async fn distance_and_time_are_recorded() {
    let mut s = situation();
    s.call(100).await;
    let shadow = s.shadow().await;
    sleep(ms(40)).await;
    shadow.send_response(104);
    settle().await;
    s.compared(6).await;
    let seen = s.seen.lock().unwrap().clone();
    assert_eq!(
        seen,
        [
            Seen { took: ms(40), verdict: Verdict::Agreed { distance: 4 } },
            Seen { took: ms(0), verdict: Verdict::Diverged { distance: 6 } }
        ]
    );
    let counts = s.proof.counts();
    assert_eq!((counts.agreed, counts.diverged), (1, 1));
    assert_eq!((counts.distance_max, counts.took_max), (6, ms(40)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_or_is_given_up_is_not_shadowed() {
    let mut s = situation();
    let layer = ShadowLayer::new(s.fallback.clone(), Price, s.proof.clone());
    let failing = service_fn(async |_: u64| Err::<u64, _>("no"));
    assert_eq!(layer.layer(failing).oneshot(1).await, Err("no"));
    let hangs = service_fn(|_: u64| std::future::pending::<Result<u64, &str>>());
    let mut hangs = layer.layer(hangs);
    drop(hangs.ready().await.unwrap().call(1));
    settle().await;
    assert!(s.handle.poll_request().is_pending());
    assert_eq!(s.proof.counts(), Counts::default());
}

#[tokio::test(start_paused = true)]
async fn a_shadow_that_hangs_is_late_and_ends() {
    let s = situation();
    s.call(100).await;
    settle().await;
    sleep(ms(101)).await;
    let counts = s.proof.counts();
    assert_eq!((counts.late, counts.took_max), (1, ms(100)));
}

#[tokio::test(start_paused = true)]
async fn as_many_run_as_may_and_one_more_is_skipped() {
    let mut s = situation();
    for _ in 0..5 {
        s.call(100).await;
    }
    settle().await;
    assert_eq!(s.proof.counts().skipped, 3);
    s.shadow().await.send_response(100);
    s.shadow().await.send_response(100);
    settle().await;
    s.compared(0).await;
    assert_eq!(s.proof.counts().agreed, 3);
}

#[tokio::test(start_paused = true)]
async fn a_shadow_that_panics_has_failed_and_gives_its_place_back() {
    let proof = Proof::new(EVERY_CALL, |_| {}).unwrap();
    let panics = service_fn(async |_: u64| -> Result<u64, String> { panic!("as the test wants it") });
    let primary = service_fn(async |price: u64| Ok::<u64, String>(price));
    let service = ShadowLayer::new(panics, Price, proof.clone()).layer(primary);
    for _ in 0..10 {
        assert_eq!(service.clone().oneshot(100).await, Ok(100));
        settle().await;
    }
    assert_eq!(proof.counts(), Counts { failed: 10, ..proof.counts() });
    assert_eq!(proof.counts().skipped, 0);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_was_never_proven_is_refused_and_says_so() {
    let mut s = situation();
    assert_eq!(s.degraded(1).await, Err(Doubt::Never));
    settle().await;
    assert!(s.handle.poll_request().is_pending(), "and is not tried, for that would prove nothing");
    assert_eq!(s.proof.counts().refused, 1);
    s.compared(6).await;
    assert_eq!(s.degraded(1).await, Err(Doubt::Never), "an answer that is off proves nothing either");
}

#[tokio::test(start_paused = true)]
async fn a_proven_fallback_serves_and_each_answer_renews_the_proof() {
    let mut s = situation();
    s.compared(5).await;
    for _ in 0..10 {
        advance(Duration::from_secs(59)).await;
        let service = ProvenLayer::new(s.proof.clone()).layer(s.fallback.clone());
        let customer = tokio::spawn(service.oneshot(7));
        s.shadow().await.send_response(8);
        assert_eq!(customer.await.unwrap().unwrap(), 8);
    }
}

#[tokio::test(start_paused = true)]
async fn three_divergences_in_a_row_disprove_it_until_it_agrees_again() {
    let mut s = situation();
    for distance in [0, 6, 6, 0, 6, 6] {
        s.compared(distance).await;
    }
    assert_eq!(s.proof.standing(), Ok(()), "two in a row are an accident");
    s.compared(6).await;
    let doubt = s.degraded(1).await.unwrap_err();
    assert_eq!(doubt.to_string(), "the fallback gave another answer the last 3 times");
    advance(Duration::from_secs(600)).await;
    assert_eq!(s.degraded(1).await, Err(Doubt::Diverging { in_a_row: 3 }), "time proves nothing");
    s.compared(5).await;
    assert_eq!(s.proof.standing(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_old_proof_refuses_one_customer_and_the_trial_of_its_request_serves_the_next() {
    let mut s = situation();
    s.compared(0).await;
    advance(Duration::from_secs(61)).await;
    let doubt = s.degraded(42).await.unwrap_err();
    assert_eq!(doubt.to_string(), "the fallback was last proven 61 s ago");
    assert_request_eq!(s.handle, 42).send_response(1);
    settle().await;
    assert_eq!(s.proof.standing(), Ok(()));
    assert_eq!((s.proof.counts().answered, s.proof.counts().refused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_hangs_for_ever_does_not_wedge_the_gate() {
    let mut s = situation();
    s.compared(0).await;
    advance(Duration::from_secs(61)).await;
    let mut hanging = Vec::new();
    for _ in 0..30 {
        assert!(s.degraded(1).await.is_err());
        settle().await;
        hanging.extend(std::iter::from_fn(|| match s.handle.poll_request() {
            std::task::Poll::Ready(request) => request,
            std::task::Poll::Pending => None,
        }));
        sleep(ms(60)).await;
    }
    assert!(hanging.len() >= 10, "{} were tried", hanging.len());
    sleep(ms(200)).await;
    assert!(matches!(s.degraded(1).await, Err(Doubt::Failing { .. })));
    s.shadow().await.send_response(1);
    settle().await;
    assert_eq!(s.proof.standing(), Ok(()), "one answer is enough");
}

#[tokio::test(start_paused = true)]
async fn errors_of_a_proven_fallback_are_passed_on_and_renew_nothing() {
    let mut s = situation();
    s.compared(0).await;
    advance(Duration::from_secs(59)).await;
    let service = ProvenLayer::new(s.proof.clone()).layer(s.fallback.clone());
    let customer = tokio::spawn(service.oneshot(7));
    s.shadow().await.send_error("unknown product");
    assert!(matches!(customer.await.unwrap(), Err(Error::Inner(_))));
    advance(Duration::from_secs(2)).await;
    assert!(matches!(s.proof.standing(), Err(Doubt::Old { .. })));
}

#[test]
fn outside_of_a_runtime_a_shadow_has_failed_and_the_caller_has_the_answer() {
    use std::future::{Future, ready};
    use std::task::{Context, Poll, Waker};
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let proof = runtime.block_on(async { Proof::new(EVERY_CALL, |_| {}) }).unwrap();
    let instant = service_fn(|price: u64| ready(Ok::<u64, String>(price)));
    let mut service = ShadowLayer::new(instant, Price, proof.clone()).layer(instant);
    let mut call = std::pin::pin!(service.call(3));
    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(Ok(3)));
    assert_eq!(proof.counts().failed, 1);
}
