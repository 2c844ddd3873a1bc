//! The way to a quote, by strategy: which one is taken, what ends it, and what is refused.

use std::sync::Arc;

use circuit::{Circuits, Decision, Settings, Words};
use degrade::deadline::error::Elapsed;
use degrade::proven::error::Doubt;
use service_kit::clock;
use service_kit::problem::PathTaken;
use trading::mode::Mode;

use super::*;
use crate::fixtures::{ask, desk};

struct Situation {
    circuits: Circuits,
    stack: Stack,
    used: FallbackUse,
    metrics: Metrics,
}

/// A quote as Kafka would bring it.
async fn over_kafka(ask: Ask) -> Result<Issued, QuoteError> {
    let (desk, now) = (Arc::new(desk(Duration::ZERO)), clock::now());
    let priced = desk.price(&ask, Mode::Normal, now)?;
    let fee = desk.cached_fee(&ask, &priced, now)?;
    Ok(desk.issue(&ask, priced, fee))
}

fn degrading<P, A>(primary: P, price_age: Duration, layers: LayerSettings) -> Situation
where
    P: Fn(Ask) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
{
    let words = Words { degraded: "down", restored: "up" };
    let circuits = Circuits::new(["0", "1"], words, Settings::default(), 1).unwrap();
    let (used, metrics) = (FallbackUse::default(), Metrics::new("quote"));
    let locally = Locally::new(Arc::new(desk(price_age)), None, metrics.clone());
    let parts = Parts {
        switches: circuits.switches(),
        unanswered: circuits.unanswered(),
        layers,
        used: used.clone(),
        metrics: metrics.clone(),
    };
    let stack = Stack::degrading(primary, locally, parts).unwrap();
    Situation { circuits, stack, used, metrics }
}

impl Situation {
    /// A good day: one quote over Kafka, and the fallback is proven on the side.
    async fn proven(&self) {
        assert_eq!(self.stack.quote(ask()).await.unwrap().path, PathTaken::Kafka);
        while !self.metrics.encode().contains(r#"shadows_total{verdict="agreed"}"#) {
            tokio::task::yield_now().await;
        }
    }

    fn open(&self) {
        self.circuits.switches().set(1, Decision::Fallback);
    }
}

#[tokio::test]
async fn an_open_circuit_makes_a_degraded_quote_of_its_own_partition_only() {
    let s = degrading(over_kafka, Duration::ZERO, LayerSettings::default());
    s.proven().await;
    s.open();
    let issued = s.stack.quote(ask()).await.unwrap();
    assert_eq!((issued.path, issued.signed.quote.mode), (PathTaken::Sync, Mode::Degraded));
    let elsewhere = Ask { partition: 0, ..ask() };
    assert_eq!(s.stack.quote(elsewhere).await.unwrap().path, PathTaken::Kafka);
    s.circuits.switches().set(1, Decision::Primary);
    assert_eq!(s.stack.quote(ask()).await.unwrap().path, PathTaken::Kafka);
    let counts = s.used.counts();
    assert_eq!((counts.served, counts.beyond_limit, counts.refused), (1, 0, 0));
}

#[tokio::test]
async fn a_fallback_that_was_never_proven_is_refused_and_says_so() {
    let s = degrading(over_kafka, Duration::ZERO, LayerSettings::default());
    s.open();
    let error = s.stack.quote(ask()).await.unwrap_err();
    assert!(matches!(&error, QuoteError::Unproven(unproven) if unproven.doubt == Doubt::Never), "{error}");
    assert_eq!(error.to_string(), "degraded, and the fallback was never proven");
    assert_eq!((s.used.counts().served, s.used.counts().refused), (0, 1));
    assert!(s.metrics.encode().contains(r#"layer_refusals_total{layer="proven"} 1"#));
}

#[tokio::test]
async fn a_price_that_is_older_than_the_limit_makes_no_degraded_quote() {
    let layers = LayerSettings { fallback_staleness_ms_max: 1_000, ..LayerSettings::default() };
    let s = degrading(over_kafka, Duration::from_secs(2), layers);
    s.proven().await;
    s.open();
    let error = s.stack.quote(ask()).await.unwrap_err();
    assert!(matches!(error, QuoteError::Limit(_)), "{error}");
    assert!(error.to_string().starts_with("degraded and at a limit"), "{error}");
    assert_eq!((s.used.counts().served, s.used.counts().refused), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn quotes_for_orders_find_room_where_customers_quotes_have_none_left() {
    let layers = LayerSettings { in_flight_max: 10, ..LayerSettings::default() };
    let s = degrading(|_| std::future::pending(), Duration::ZERO, layers);
    let hung: Vec<_> = (0..7)
        .map(|_| {
            let stack = s.stack.clone();
            tokio::spawn(async move { stack.quote(ask()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let error = s.stack.quote(ask()).await.unwrap_err();
    assert!(matches!(error, QuoteError::Overloaded(_)), "{error}");
    let cause = Some(contracts::event_id::fresh_event_id());
    let for_an_order = s.stack.quote(Ask { cause, ..ask() }).await;
    assert!(matches!(for_an_order, Err(QuoteError::Elapsed(_))), "it was let in, and hung: {for_an_order:?}");
    hung.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn who_is_too_late_is_refused_before_anything_is_done() {
    let s = degrading(
        |_| async { panic!("nothing may be asked for somebody who is gone") },
        Duration::ZERO,
        LayerSettings::default(),
    );
    let error = s.stack.quote(Ask { budget: Duration::ZERO, ..ask() }).await.unwrap_err();
    assert!(matches!(error, QuoteError::TooLate(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_is_counted_and_one_who_is_answered_is_not() {
    let s = degrading(|_| std::future::pending(), Duration::ZERO, LayerSettings::default());
    assert!(s.metrics.encode().contains("quote_abandoned_calls_total 0"), "{}", s.metrics.encode());
    let gives_up = tokio::time::timeout(Duration::from_millis(1), s.stack.quote(ask()));
    assert!(gives_up.await.is_err());
    assert!(s.metrics.encode().contains("quote_abandoned_calls_total 1"), "{}", s.metrics.encode());
    let late = s.stack.quote(Ask { budget: Duration::ZERO, ..ask() }).await;
    assert!(late.is_err() && s.metrics.encode().contains("quote_abandoned_calls_total 1"));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_budget_and_is_seen_by_its_circuit() {
    let Situation { mut circuits, stack, .. } =
        degrading(|_| std::future::pending(), Duration::ZERO, LayerSettings::default());
    let budget = Duration::from_millis(300);
    let call = tokio::spawn(async move { stack.quote(Ask { budget, ..ask() }).await });
    tokio::task::yield_now().await;
    let opened = (1..=60).any(|tick| {
        let changes = circuits.watch(Duration::from_millis(10 * tick));
        changes.iter().any(|change| change.partition == 1)
    });
    assert!(opened, "a call that is not answered opens its circuit");
    assert_eq!(call.await.unwrap(), Err(QuoteError::Elapsed(Elapsed { budget, passed_on: true })));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_alone_ends_silence_and_learns_nothing() {
    let stack = Stack::with_deadline(|_| std::future::pending());
    let budget = Duration::from_millis(300);
    for _ in 0..100 {
        let ended = stack.quote(Ask { budget, ..ask() }).await;
        assert_eq!(ended, Err(QuoteError::Elapsed(Elapsed { budget, passed_on: true })));
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_waits_for_as_long_as_it_takes() {
    let stack = Stack::hanging(|ask| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        over_kafka(ask).await
    });
    let ask = Ask { budget: Duration::from_millis(1), ..ask() };
    assert_eq!(stack.quote(ask).await.unwrap().path, PathTaken::Kafka);
}
