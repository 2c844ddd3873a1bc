//! What clients see of errors.

use std::convert::Infallible;
use std::task::Poll;
use std::time::Duration;

use degrade::admission::Error;
use degrade::bulkhead::error::{Cause, Refused};
use degrade::deadline::error::{Elapsed, Error as DeadlineError};
use degrade::early_drop::error::TooLate;
use degrade::proven::error::{Doubt, Unproven};
use degrade::shed::Priority;
use degrade::shed::error::Overloaded;
use degrade::{Problem, RescueLayer};
use expect_test::{Expect, expect};
use http::Response;
use tower_test::assert_request_eq;
use tower_test::mock;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn check(error: impl Into<Problem>, expected: Expect) {
    let response: Response<String> = error.into().into_response();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
    assert_eq!(header("content-type"), "application/problem+json");
    let (status, after) = (response.status(), header("retry-after"));
    expected.assert_eq(&format!("{status}, retry-after: {after}\n{}\n", response.body()));
}

#[test]
fn what_was_refused_is_503_and_was_not_executed() {
    check(
        Overloaded { priority: Priority::Quote, limit: 70, retry_after: ms(1_000) },
        expect![[r#"
            503 Service Unavailable, retry-after: 1
            {"type":"/problems/overloaded","title":"overloaded, nothing was executed","status":503,"detail":"70 calls are in flight, and that is all there may be for a quote to get in","executed":"no"}
        "#]],
    );
    check(
        Refused { cause: Cause::Full { limit: 64 }, retry_after: ms(1_001) },
        expect![[r#"
            503 Service Unavailable, retry-after: 2
            {"type":"/problems/fallback-limit","title":"degraded and at a limit, nothing was executed","status":503,"detail":"the fallback serves 64 calls at a time, and does","executed":"no"}
        "#]],
    );
    check(
        Unproven { doubt: Doubt::Old { ago: ms(61_000) }, retry_after: ms(1_000) },
        expect![[r#"
            503 Service Unavailable, retry-after: 1
            {"type":"/problems/fallback-unproven","title":"the fallback is not proven, nothing was executed","status":503,"detail":"the fallback was last proven 61 s ago","executed":"no"}
        "#]],
    );
    check(
        TooLate { left: ms(1), least: ms(2) },
        expect![[r#"
            503 Service Unavailable, retry-after: -
            {"type":"/problems/too-late","title":"too late, nothing was executed","status":503,"detail":"1 ms are left, and the answer takes 2 ms at least","executed":"no"}
        "#]],
    );
}

#[test]
fn silence_is_504_and_unknown_and_what_was_not_passed_on_is_neither() {
    check(
        Elapsed { budget: ms(300), passed_on: true },
        expect![[r#"
            504 Gateway Timeout, retry-after: -
            {"type":"/problems/unknown","title":"execution status unknown","status":504,"detail":"no answer within 300 ms","executed":"unknown"}
        "#]],
    );
    let nested: Error<TooLate, DeadlineError<Infallible>> =
        Error::Inner(DeadlineError::Elapsed(Elapsed { budget: ms(0), passed_on: false }));
    check(
        nested,
        expect![[r#"
            503 Service Unavailable, retry-after: -
            {"type":"/problems/too-late","title":"too late, nothing was executed","status":503,"detail":"no answer within 0 ms","executed":"no"}
        "#]],
    );
}

#[test]
fn what_is_quoted_in_a_detail_is_escaped() {
    let problem = Problem::refused("/problems/odd", "odd", &"a \"quote\",\na line", None);
    let response: Response<String> = problem.into_response();
    assert!(response.body().contains(r#""detail":"a \"quote\",\na line""#), "{}", response.body());
}

#[tokio::test]
async fn an_answer_is_passed_on_and_an_error_becomes_one() {
    let layer = RescueLayer::new(|error: tower::BoxError| error.to_string());
    let (mut service, mut handle) = mock::spawn_layer(layer);
    assert!(service.poll_ready().is_ready());
    let answer = tokio::spawn(service.call(1));
    assert_request_eq!(handle, 1).send_response("fine".to_owned());
    assert_eq!(answer.await.unwrap(), Ok("fine".to_owned()));

    assert!(service.poll_ready().is_ready());
    let answer = tokio::spawn(service.call(2));
    assert_request_eq!(handle, 2).send_error("lost");
    assert_eq!(answer.await.unwrap(), Ok("lost".to_owned()));
}

#[tokio::test]
async fn an_error_of_readiness_becomes_the_answer_to_the_next_call() {
    let layer = RescueLayer::new(|error: tower::BoxError| error.to_string());
    let (mut service, mut handle) = mock::spawn_layer::<u8, String, _>(layer);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.send_error("closed");
    for _ in 0..2 {
        assert_eq!(service.poll_ready(), Poll::Ready(Ok(())), "and it is not asked a second time");
    }
    assert_eq!(service.call(1).await, Ok("closed".to_owned()));
    assert!(service.poll_ready().is_pending());
}
