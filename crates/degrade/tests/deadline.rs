//! Budgets, on paused time.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use degrade::deadline::error::{Elapsed, Error};
use degrade::{Deadline, DeadlineLayer};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A request is its budget and the time its answer takes.
type Request = (Duration, Duration);

async fn answer_after((_, takes): Request) -> Result<&'static str, Infallible> {
    sleep(takes).await;
    Ok("answer")
}

async fn ask(budget: Duration, takes: Duration) -> Result<&'static str, Error<Infallible>> {
    let layer = DeadlineLayer::new(|request: &Request| request.0);
    layer.layer(service_fn(answer_after)).oneshot((budget, takes)).await
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_is_passed_on() {
    assert_eq!(ask(ms(100), ms(99)).await, Ok("answer"));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_ends_when_its_budget_is_spent() {
    let began = Instant::now();
    let elapsed = ask(ms(100), Duration::MAX).await.unwrap_err();
    assert_eq!(elapsed, Error::Elapsed(Elapsed { budget: ms(100), passed_on: true }));
    assert_eq!(elapsed.to_string(), "no answer within 100 ms");
    assert_eq!(began.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn each_request_has_its_own_budget() {
    let (short, long) = tokio::join!(ask(ms(10), ms(50)), ask(ms(60), ms(50)));
    assert!(short.is_err());
    assert_eq!(long, Ok("answer"));
}

#[tokio::test(start_paused = true)]
async fn a_budget_without_end_never_elapses() {
    assert_eq!(ask(Duration::MAX, Duration::from_secs(100_000)).await, Ok("answer"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_wins_over_a_deadline_that_has_passed() {
    let inner = service_fn(|_: Duration| ready(Ok::<_, Infallible>("answer")));
    let answer = Deadline::new(inner, |budget: &Duration| *budget).call(ms(10));
    sleep(ms(500)).await;
    assert_eq!(answer.await, Ok("answer"));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_budget_is_not_passed_on() {
    let (inner, mut handle) = mock::pair::<Duration, ()>();
    let mut service = Deadline::new(inner, |budget: &Duration| *budget);
    let answer = service.ready().await.unwrap().call(Duration::ZERO).await;
    assert!(matches!(answer, Err(Error::Elapsed(Elapsed { passed_on: false, .. }))));
    assert!(handle.poll_request().is_pending());
}
