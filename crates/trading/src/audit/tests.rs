//! Each thing that must never happen, told to the auditor; and a property: an honest house is always clean.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::fee::{FeeQuote, Liquidity, TierFreshness};
use crate::ids::{AccountId, ClientOrderId, OrderId, ProductId, QuoteId, ScheduleVersion};
use crate::ledger::posting_for_trade;
use crate::order::Side;
use crate::product::Catalogue;
use crate::time::Timestamp;

fn key(n: u64) -> OrderKey {
    OrderKey {
        account: AccountId::new("alice").unwrap(),
        client_order_id: ClientOrderId::new(format!("c-{n}")).unwrap(),
    }
}

fn trade(n: u64, event: u128) -> Trade {
    Trade {
        event_id: EventId::from_u128(event),
        key: key(n),
        order_id: OrderId::new("o-1").unwrap(),
        quote_id: QuoteId::new("q-1").unwrap(),
        product: ProductId::new("BTC-USD").unwrap(),
        side: Side::Buy,
        price: Decimal::from(60_000),
        quantity: Decimal::ONE,
        fee: FeeQuote {
            amount: Decimal::TEN,
            rate_bps: Decimal::ONE,
            liquidity: Liquidity::Taker,
            tier: 0,
            fee_schedule_version: ScheduleVersion::new("2026-01").unwrap(),
            tier_as_of: Timestamp::from_unix_ms(0),
            freshness: TierFreshness::Normal,
        },
        executed_at: Timestamp::from_unix_ms(0),
    }
}

fn posting(trade: &Trade, event: u128) -> Posting {
    let product = Catalogue::default().get(&trade.product).unwrap().clone();
    posting_for_trade(trade, &product, EventId::from_u128(event)).unwrap()
}

fn execute(auditor: &mut Auditor, n: u64) {
    let trade = trade(n, u128::from(n));
    auditor.order_placed(&key(n), Decimal::ONE);
    auditor.trade(&trade);
    auditor.posting(&posting(&trade, 1_000_000 + u128::from(n)));
}

fn check(tell: impl FnOnce(&mut Auditor), expected: Expect) {
    let mut auditor = Auditor::new(AuditLimits::default());
    tell(&mut auditor);
    let audit = auditor.finish();
    assert_eq!(audit.violations_total, audit.violations.len() as u64);
    expected.assert_eq(&audit.violations.join("\n"));
}

#[test]
fn an_honest_house_is_clean_and_its_repetitions_are_counted() {
    let mut auditor = Auditor::new(AuditLimits::default());
    execute(&mut auditor, 1);
    execute(&mut auditor, 1);
    auditor.answer(&key(1), Executed::Unknown);
    auditor.answer(&key(2), Executed::No);
    auditor.answer(&key(3), Executed::Unknown);
    let audit = auditor.finish();
    assert!(audit.is_clean(), "{:?}", audit.violations);
    expect![[r#"{"orders":1,"orders_executed":1,"orders_rejected":0,"trades":1,"trades_duplicate":1,"trades_unposted":0,"postings":1,"postings_duplicate":1,"answers":{"yes":0,"no":1,"pending":0,"unknown":2},"unknown_resolved":1,"unknown_unresolved":1,"unaudited":0,"ledger_sums":{"BTC":"0","USD":"0"},"violations_total":0,"violations":[]}"#]]
        .assert_eq(&serde_json::to_string(&audit).unwrap());
}

#[test]
fn a_no_that_was_the_last_word_and_a_trade_is_a_violation() {
    check(
        |auditor| {
            auditor.answer(&key(1), Executed::Unknown);
            auditor.answer(&key(1), Executed::No);
            execute(auditor, 1);
        },
        expect!["order alice/c-1 was answered `executed: no` and has a trade"],
    );
}

#[test]
fn a_no_followed_by_a_retry_that_was_executed_is_honest() {
    check(
        |auditor| {
            auditor.answer(&key(1), Executed::No);
            execute(auditor, 1);
            auditor.answer(&key(1), Executed::Yes);
        },
        expect![""],
    );
}

#[test]
fn a_second_execution_under_another_event_id_is_a_violation() {
    check(
        |auditor| {
            execute(auditor, 1);
            auditor.trade(&trade(1, 77));
        },
        expect!["order alice/c-1 was executed 2 times"],
    );
}

#[test]
fn a_yes_without_trade_or_without_posting_is_a_violation() {
    check(
        |auditor| {
            auditor.answer(&key(1), Executed::Yes);
            auditor.order_placed(&key(2), Decimal::ONE);
            auditor.trade(&trade(2, 2));
            auditor.answer(&key(2), Executed::Yes);
        },
        expect![[r#"
            order alice/c-1 was answered `executed: yes` and has no trade
            order alice/c-2 was answered `executed: yes` and its trade is not in the ledger"#]],
    );
}

#[test]
fn trades_and_postings_without_their_origin_are_violations() {
    check(
        |auditor| {
            auditor.trade(&trade(1, 1));
            auditor.posting(&posting(&trade(2, 2), 9));
            auditor.order_placed(&key(3), Decimal::new(5, 1));
            auditor.trade(&trade(3, 3));
            auditor.order_rejected(&key(3));
        },
        expect![[r#"
            order alice/c-1 was executed and never placed
            order alice/c-3 was rejected and executed
            order alice/c-3 was filled beyond its quantity 0.5
            a posting books trade 00000000-0000-0000-0000-000000000002, which was never recorded"#]],
    );
}

#[test]
fn a_trade_that_is_booked_twice_is_a_violation() {
    check(
        |auditor| {
            execute(auditor, 1);
            auditor.posting(&posting(&trade(1, 1), 9));
        },
        expect!["trade 00000000-0000-0000-0000-000000000001 is booked by more than one posting"],
    );
}

#[test]
fn violations_are_all_counted_and_the_first_are_kept() {
    let mut auditor = Auditor::new(AuditLimits::default());
    for n in 0..100 {
        auditor.answer(&key(n), Executed::Yes);
    }
    let audit = auditor.finish();
    assert_eq!((audit.violations_total, audit.violations.len()), (100, VIOLATIONS_KEPT));
}

#[test]
fn what_found_no_room_is_not_called_clean() {
    let limits = AuditLimits { orders_max: 1, trades_max: 1, ledger: LedgerLimits::default() };
    let mut auditor = Auditor::new(limits);
    execute(&mut auditor, 1);
    auditor.answer(&key(2), Executed::No);
    auditor.trade(&trade(1, 5));
    let audit = auditor.finish();
    assert_eq!(audit.unaudited, 2);
    assert!(!audit.is_clean());
}

/// One record or answer, told to the auditor.
type Telling = Box<dyn Fn(&mut Auditor)>;

proptest! {
    #[test]
    fn an_honest_house_is_clean_in_any_order_of_its_records(
        orders in prop::collection::vec((any::<bool>(), 0u8..4, any::<bool>()), 1..40), rotate in 0usize..200,
    ) {
        let mut steps: Vec<Telling> = Vec::new();
        for (n, (executed, answer, twice)) in orders.iter().copied().enumerate() {
            let n = n as u64;
            let told = match answer { 0 => Executed::Unknown, 1 => Executed::Pending, _ if executed => Executed::Yes, _ => Executed::No };
            steps.push(Box::new(move |auditor| auditor.answer(&key(n), told)));
            for _ in 0..=u8::from(twice) {
                steps.push(Box::new(move |auditor| if executed { execute(auditor, n) } else { auditor.order_placed(&key(n), Decimal::ONE) }));
            }
        }
        let middle = rotate % steps.len();
        steps.rotate_left(middle);
        let mut auditor = Auditor::new(AuditLimits::default());
        for step in &steps { step(&mut auditor); }
        let audit = auditor.finish();
        prop_assert!(audit.is_clean(), "{:?}", audit.violations);
        prop_assert_eq!(audit.orders, orders.len() as u64);
        prop_assert_eq!(audit.trades, audit.postings);
    }
}
