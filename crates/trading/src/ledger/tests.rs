//! What the ledger must never do, by example and by property.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::fee::{FeeQuote, Liquidity, TierFreshness};
use crate::ids::{ClientOrderId, OrderId, OrderKey, QuoteId, ScheduleVersion};
use crate::product::Catalogue;
use crate::time::Timestamp;

fn dec(text: &str) -> Decimal {
    money::parse_decimal(text).unwrap()
}

fn bitcoin() -> Product {
    Catalogue::default().get(&ProductId::new("BTC-USD").unwrap()).unwrap().clone()
}

fn alice() -> AccountId {
    AccountId::new("alice").unwrap()
}

fn usd() -> Asset {
    Asset::new("USD").unwrap()
}

fn trade(id: u128, side: Side, price: Decimal, quantity: Decimal, fee: Decimal) -> Trade {
    Trade {
        event_id: EventId::from_u128(id),
        key: OrderKey { account: alice(), client_order_id: ClientOrderId::new(format!("c-{id}")).unwrap() },
        order_id: OrderId::new("o-1").unwrap(),
        quote_id: QuoteId::new("q-1").unwrap(),
        product: ProductId::new("BTC-USD").unwrap(),
        side,
        price,
        quantity,
        fee: FeeQuote {
            amount: fee,
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

fn posting(trade: &Trade) -> Posting {
    posting_for_trade(trade, &bitcoin(), EventId::from_u128(trade.event_id.as_u128() + (1 << 64))).unwrap()
}

fn entry(account: LedgerAccount, amount: i64) -> Entry {
    Entry { account, asset: usd(), amount: Decimal::from(amount) }
}

fn check_posting(trade: &Trade, expected: Expect) {
    let lines: Vec<_> = posting(trade)
        .entries()
        .iter()
        .map(|entry| format!("{:12} {} {}\n", entry.account.to_string(), entry.asset, entry.amount))
        .collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn a_buyer_pays_up_to_the_cent_and_rounding_keeps_the_rest() {
    check_posting(
        &trade(1, Side::Buy, dec("60300.01"), dec("0.00012345"), dec("0.09")),
        expect![[r#"
            user alice   BTC 0.00012345
            house        BTC -0.00012345
            user alice   USD -7.45
            house        USD 7.4440362345
            rounding     USD 0.0059637655
            user alice   USD -0.09
            fee revenue  USD 0.09
        "#]],
    );
}

#[test]
fn a_seller_receives_down_to_the_cent_and_a_rebate_comes_out_of_revenue() {
    check_posting(
        &trade(1, Side::Sell, dec("59700"), dec("0.00012345"), dec("-0.01")),
        expect![[r#"
            user alice   BTC -0.00012345
            house        BTC 0.00012345
            user alice   USD 7.36
            house        USD -7.369965
            rounding     USD 0.009965
            user alice   USD 0.01
            fee revenue  USD -0.01
        "#]],
    );
}

#[test]
fn entries_that_do_not_sum_to_zero_are_no_posting() {
    let id = EventId::from_u128(1);
    let lopsided = vec![entry(LedgerAccount::House, 5), entry(LedgerAccount::FeeRevenue, -4)];
    let error = Posting::new(id, id, lopsided).unwrap_err();
    expect!["the entries in USD sum to 1 and not to zero"].assert_eq(&error.to_string());
    assert_eq!(Posting::new(id, id, vec![entry(LedgerAccount::House, 0)]), Err(PostingError::Count(1)));
    let many = vec![entry(LedgerAccount::House, 0); ENTRIES_MAX + 1];
    assert_eq!(Posting::new(id, id, many), Err(PostingError::Count(ENTRIES_MAX + 1)));
}

#[test]
fn a_trade_of_another_product_is_not_booked() {
    let mut other = trade(1, Side::Buy, Decimal::ONE, Decimal::ONE, Decimal::ONE);
    other.product = ProductId::new("ETH-USD").unwrap();
    let refused = posting_for_trade(&other, &bitcoin(), EventId::from_u128(2));
    assert!(matches!(refused, Err(PostingError::OtherProduct(_))));
}

#[test]
fn a_posting_that_comes_again_changes_nothing() {
    let mut ledger = Ledger::default();
    let posting = posting(&trade(1, Side::Buy, dec("60000"), Decimal::ONE, dec("10")));
    assert_eq!(ledger.post(&posting), Ok(Posted::Yes));
    assert_eq!(ledger.post(&posting), Ok(Posted::Duplicate));
    assert_eq!(ledger.balance(&LedgerAccount::User(alice()), &usd()), dec("-60010"));
    assert_eq!((ledger.postings(), ledger.duplicates()), (1, 1));
}

#[test]
fn a_full_ledger_refuses_and_stays_as_it_was() {
    let first = posting(&trade(1, Side::Buy, dec("60000"), Decimal::ONE, dec("10")));
    let second = posting(&trade(2, Side::Buy, dec("60000"), Decimal::ONE, dec("10")));
    let mut ledger = Ledger::new(LedgerLimits { postings_max: 1, balances_max: 10 });
    ledger.post(&first).unwrap();
    assert!(matches!(ledger.post(&second), Err(LedgerError::Full(_))));
    assert_eq!(ledger.post(&first), Ok(Posted::Duplicate));
    assert_eq!(ledger.balance(&LedgerAccount::FeeRevenue, &usd()), dec("10"));

    let mut narrow = Ledger::new(LedgerLimits { postings_max: 10, balances_max: 4 });
    assert!(matches!(narrow.post(&first), Err(LedgerError::Full(_))));
    assert_eq!((narrow.postings(), narrow.balances().count()), (0, 0));
}

fn trades() -> impl Strategy<Value = Vec<Trade>> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let one = (0u128..30, side, 1i64..10_000_000, 1i64..100_000_000_000, -10_000i64..10_000);
    let one = one.prop_map(|(id, side, cents, quantity, fee)| {
        trade(id, side, Decimal::new(cents, 2), Decimal::new(quantity, 8), Decimal::new(fee, 2))
    });
    prop::collection::vec(one, 0..60)
}

proptest! {
    #[test]
    fn the_ledger_sums_to_zero_per_asset_and_takes_each_event_once(trades in trades()) {
        let mut ledger = Ledger::default();
        let mut ids = HashSet::new();
        for trade in &trades {
            let posted = ledger.post(&posting(trade)).unwrap();
            prop_assert_eq!(posted == Posted::Yes, ids.insert(trade.event_id));
            prop_assert!(ledger.sums().unwrap().values().all(Decimal::is_zero));
        }
        prop_assert_eq!(ledger.postings() as u64 + ledger.duplicates(), trades.len() as u64);
        prop_assert!(ledger.balance(&LedgerAccount::Rounding, &usd()) >= Decimal::ZERO);
    }

    #[test]
    fn the_order_of_postings_does_not_matter(trades in trades()) {
        let mut unique: Vec<_> = trades;
        unique.sort_by_key(|trade| trade.event_id);
        unique.dedup_by_key(|trade| trade.event_id);
        let fold = |trades: &mut dyn Iterator<Item = &Trade>| {
            let mut ledger = Ledger::default();
            for trade in trades { ledger.post(&posting(trade)).unwrap(); }
            ledger.balances
        };
        prop_assert_eq!(fold(&mut unique.iter()), fold(&mut unique.iter().rev()));
    }

    #[test]
    fn any_entries_are_a_balanced_posting_or_an_error(amounts in prop::collection::vec(any::<i64>(), 0..20)) {
        let entries = amounts.iter().map(|amount| entry(LedgerAccount::House, *amount)).collect();
        if let Ok(posting) = Posting::new(EventId::from_u128(1), EventId::from_u128(2), entries) {
            prop_assert!(posting.entries().iter().map(|entry| entry.amount).sum::<Decimal>().is_zero());
        }
    }
}
