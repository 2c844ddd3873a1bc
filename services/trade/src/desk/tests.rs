use circuit::Decision;
use contracts::EventType::{
    FeeRequest, LedgerPosted, OrderAccepted, OrderPlaced, OrderRejected, QuoteRequest, TradeExecuted,
};
use contracts::event_id::{Step, event_id_for};
use contracts::refusal::RefusalCode;
use proptest::prelude::*;
use trading::order::OrderState;

use super::*;
use crate::bench::{BUDGET, Layers, PLACES, WHOLE_WAY, bench, protected};
use crate::samples;
use crate::script::Fate;

#[tokio::test(start_paused = true)]
async fn a_healthy_order_goes_the_whole_way_and_is_executed() {
    let bench = protected();
    let Answer::Executed(trade) = bench.place("1").await else { panic!("executed") };
    assert_eq!(trade.event_id, event_id_for(&samples::key("1"), Step::TradeExecuted));
    assert_eq!(bench.script.taken(), WHOLE_WAY);
    assert_eq!(bench.state("1"), Some(OrderState::Filled));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_never_produces_and_leaves_the_id_free() {
    let bench = protected();
    bench.switches.set(0, Decision::Fallback);
    assert!(matches!(bench.place("1").await, Answer::NotPlaced(_)));
    assert_eq!(bench.script.taken(), []);
    bench.eventually(|bench| bench.state("1").is_none()).await;
    bench.switches.set(0, Decision::Primary);
    assert!(matches!(bench.place("1").await, Answer::Executed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_alone_ends_silence_and_asks_a_stuck_kafka_again_and_again() {
    let bench = bench(PLACES, Layers::Deadline);
    for id in ["1", "2", "3"] {
        bench.script.next(OrderPlaced, [Fate::Silence]);
        assert!(matches!(bench.place(id).await, Answer::Unknown(_)), "{id}");
    }
    assert!(matches!(bench.place("4").await, Answer::Executed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_lets_ten_orders_wait_in_vain_and_then_refuses_before_anything_is_produced() {
    let bench = bench(PLACES, Layers::Breaker);
    for id in 0..10 {
        bench.script.next(OrderPlaced, [Fate::Silence]);
        assert!(matches!(bench.place(&id.to_string()).await, Answer::Unknown(_)), "{id}");
        bench.eventually(|bench| bench.unresolved.get() == 0).await;
    }
    let produced = bench.script.taken();
    assert_eq!(bench.place("healthy").await, Answer::NotPlaced("the circuit breaker is open".to_owned()));
    assert_eq!(bench.script.taken(), produced);
    bench.eventually(|bench| bench.state("healthy").is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_breaker_learns_nothing_from_rules_and_from_customers_who_cancel() {
    let bench = bench(PLACES, Layers::Breaker);
    for id in 0..20 {
        bench.script.next(QuoteRequest, [Fate::Refusal(RefusalCode::Internal)]);
        assert!(matches!(bench.place(&format!("refused-{id}")).await, Answer::Refused(_)), "{id}");
    }
    for id in 0..20 {
        let id = format!("cancelled-{id}");
        bench.script.next(QuoteRequest, [Fate::Silence]);
        let cancelled = async {
            tokio::task::yield_now().await;
            Desk::cancel(&bench.desk.find(&samples::key(&id)).expect("it is placed"))
        };
        let (answer, cancelled) = tokio::join!(bench.place(&id), cancelled);
        assert_eq!((answer, cancelled.is_ok()), (Answer::Cancelled, true));
    }
    assert!(matches!(bench.place("healthy").await, Answer::Executed(_)));
}

#[tokio::test(start_paused = true)]
async fn an_order_without_time_left_is_refused_before_anything_is_produced() {
    for layers in [Layers::Deadline, Layers::All] {
        let bench = bench(PLACES, layers);
        let placed = bench.desk.place(samples::key("1"), samples::terms(2), Duration::ZERO).await;
        assert!(matches!(placed, Placed::Answered(_, Answer::NotPlaced(_))), "{placed:?}");
        assert_eq!(bench.script.taken(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_before_the_trade_is_unknown_at_the_deadline_and_then_never_trades() {
    for silent in [OrderPlaced, QuoteRequest, FeeRequest, OrderAccepted] {
        let bench = protected();
        bench.script.next(silent, [Fate::Silence]);
        assert!(matches!(bench.place("1").await, Answer::Unknown(_)), "{silent}");
        bench.eventually(|bench| bench.script.taken().contains(&OrderRejected)).await;
        bench.eventually(|bench| bench.unresolved.get() == 0).await;
        assert_eq!(bench.state("1"), Some(OrderState::Failed));
        assert_eq!(bench.script.ids(TradeExecuted), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_trade_in_doubt_is_produced_again_under_the_same_ids_until_it_is_filled() {
    for silent in [TradeExecuted, LedgerPosted] {
        let bench = protected();
        bench.script.next(silent, [Fate::Silence, Fate::Lost, Fate::Full]);
        assert!(matches!(bench.place("1").await, Answer::Unknown(_)), "{silent}");
        assert_eq!(bench.state("1"), Some(OrderState::Unknown));
        bench.eventually(|bench| bench.state("1") == Some(OrderState::Filled)).await;
        for (event_type, step) in [(TradeExecuted, Step::TradeExecuted), (LedgerPosted, Step::LedgerPosted)] {
            let ids = bench.script.ids(event_type);
            assert!(ids.len() >= 2 && ids.iter().all(|id| *id == event_id_for(&samples::key("1"), step)));
        }
        assert_eq!(bench.script.ids(OrderRejected), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_trade_that_the_producer_did_not_take_is_certainly_not_executed() {
    let bench = protected();
    bench.script.next(TradeExecuted, [Fate::Full]);
    assert!(matches!(bench.place("1").await, Answer::Failed(_)));
    bench.eventually(|bench| bench.unresolved.get() == 0).await;
    assert_eq!(bench.script.ids(TradeExecuted), []);
    assert_eq!(bench.script.ids(OrderRejected).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_quote_or_fee_rejects_the_order_for_good() {
    for asked in [QuoteRequest, FeeRequest] {
        let bench = protected();
        bench.script.next(asked, [Fate::Refusal(RefusalCode::PriceStale)]);
        let refused = bench.place("1").await;
        assert!(matches!(&refused, Answer::Refused(refusal) if refusal.code() == RefusalCode::PriceStale));
        bench.eventually(|bench| bench.script.taken().contains(&OrderRejected)).await;
        assert_eq!(bench.place("1").await, refused);
        assert_eq!(bench.state("1"), Some(OrderState::Rejected));
    }
}

#[tokio::test(start_paused = true)]
async fn the_resolver_produces_nothing_while_the_circuit_is_open() {
    let bench = protected();
    bench.script.next(OrderPlaced, [Fate::Silence]);
    let open_soon = async {
        tokio::time::sleep(BUDGET / 2).await;
        bench.switches.set(0, Decision::Fallback);
    };
    tokio::join!(bench.place("1"), open_soon);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.script.taken(), [QuoteRequest, OrderPlaced]);
    assert_eq!((bench.unresolved.get(), bench.state("1")), (1, Some(OrderState::Failed)));
    bench.switches.set(0, Decision::Primary);
    bench.eventually(|bench| bench.unresolved.get() == 0).await;
    assert_eq!(bench.script.taken(), [QuoteRequest, OrderPlaced, OrderRejected]);
}

#[tokio::test(start_paused = true)]
async fn the_same_order_twice_at_once_is_one_order_with_one_answer() {
    let bench = protected();
    let (one, two) = tokio::join!(bench.place("1"), bench.place("1"));
    assert_eq!(one, two);
    assert_eq!(bench.place("1").await, one);
    assert_eq!(bench.script.taken(), WHOLE_WAY);
    let other = bench.desk.place(samples::key("1"), samples::terms(3), BUDGET).await;
    assert!(matches!(other, Placed::Conflict));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_cancels_nothing() {
    let bench = protected();
    let place = bench.desk.place(samples::key("1"), samples::terms(2), BUDGET);
    assert!(futures::FutureExt::now_or_never(place).is_none());
    bench.eventually(|bench| bench.state("1") == Some(OrderState::Filled)).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_ends_at_once_and_never_trades() {
    let bench = protected();
    bench.script.next(QuoteRequest, [Fate::Silence]);
    let cancel = async {
        tokio::time::sleep(BUDGET / 2).await;
        let entry = bench.desk.find(&samples::key("1")).unwrap();
        assert_eq!(Desk::cancel(&entry), Ok(()));
        assert_eq!(Desk::cancel(&entry), Ok(()), "again");
    };
    let (answer, ()) = tokio::join!(bench.place("1"), cancel);
    assert_eq!(answer, Answer::Cancelled);
    bench.eventually(|bench| bench.script.taken().contains(&OrderRejected)).await;
    assert_eq!(bench.script.ids(TradeExecuted), []);
}

#[tokio::test(start_paused = true)]
async fn beyond_a_bound_an_order_is_refused_before_anything_is_produced() {
    let bench = bench(Places { in_flight_max: 1, unresolved_max: 2 }, Layers::All);
    bench.script.next(QuoteRequest, [Fate::Silence, Fate::Silence]);
    let second = async {
        tokio::time::sleep(BUDGET / 2).await;
        bench.place("2").await
    };
    let (_, second) = tokio::join!(bench.place("1"), second);
    assert!(matches!(second, Answer::NotPlaced(_)), "one in progress: {second:?}");

    bench.eventually(|bench| bench.unresolved.get() == 0).await;
    bench.script.next(OrderRejected, [Fate::Silence]);
    bench.script.next(QuoteRequest, [Fate::Silence]);
    for id in ["3", "4"] {
        assert!(matches!(bench.place(id).await, Answer::Unknown(_)), "{id}");
    }
    let before = bench.script.taken().len();
    assert!(matches!(bench.place("5").await, Answer::NotPlaced(_)), "two unresolved");
    assert_eq!(bench.script.taken().len(), before);
}

#[tokio::test(start_paused = true)]
async fn without_protection_an_order_waits_for_as_long_as_kafka_is_silent() {
    let bench = bench(PLACES, Layers::None);
    bench.switches.set(0, Decision::Fallback);
    bench.script.next(OrderPlaced, [Fate::Silence]);
    let hour = Duration::from_secs(3_600);
    let waiting = bench.desk.place(samples::key("1"), samples::terms(2), hour);
    assert!(tokio::time::timeout(hour / 2, waiting).await.is_err());
    assert_eq!(bench.state("1"), Some(OrderState::Pending));
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Good),
        1 => Just(Fate::Silence),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Full),
        1 => Just(Fate::Refusal(RefusalCode::Overloaded)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_kafka_does_no_means_no_trade_and_doubt_is_resolved(
        fates in prop::collection::vec((0usize..7, fate()), 0..14),
        cancel_after_ms in prop::option::of(0u64..400),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let bench = protected();
            for (which, fate) in fates {
                // A record of the resolver that is never reported would need the client's own timeout.
                let fate = if which >= 4 && matches!(fate, Fate::Silence) { Fate::Lost } else { fate };
                bench.script.next([WHOLE_WAY.as_slice(), &[OrderRejected]].concat()[which], [fate]);
            }
            let cancel = async {
                if let Some(ms) = cancel_after_ms {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    let _ = bench.desk.find(&samples::key("1")).map(|entry| Desk::cancel(&entry));
                }
            };
            let (answer, ()) = tokio::join!(bench.place("1"), cancel);
            bench.eventually(|bench| bench.unresolved.get() == 0).await;
            let traded = !bench.script.ids(TradeExecuted).is_empty();
            match answer {
                Answer::Executed(_) => assert!(traded),
                Answer::Unknown(_) => {}
                no => assert!(!traded, "{no:?}, and traded"),
            }
            let state = bench.state("1");
            assert_eq!(state == Some(OrderState::Filled), traded, "{state:?}");
            assert!(state.is_none_or(OrderState::is_terminal), "{state:?}");
        });
    }
}
