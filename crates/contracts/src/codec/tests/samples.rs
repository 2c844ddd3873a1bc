//! Events to test with: one of each by hand where a test needs it, any of them by strategy.

use proptest::prelude::*;
use trading::Decimal;
use trading::fee::{FeeQuote, Liquidity, TierFreshness};
use trading::ids::{AccountId, EventId, OrderKey, ServiceId};
use trading::ledger::{Entry, LedgerAccount, Posting};
use trading::mode::Mode;
use trading::order::{OrderTerms, Side};
use trading::quote::{PriceFreshness, Quote};
use trading::signature::{Signature, SignedQuote};
use trading::time::Timestamp;
use trading::trade::Trade;
use uuid::Uuid;

use crate::event::{
    Event, FeeAssessed, FeeReply, FeeRequest, FeeSubject, Heartbeat, LedgerPosted, ModeChanged,
    OrderAccepted, OrderPlaced, OrderRejected, QuoteReply, QuoteRequest, Tick,
};
use crate::provenance::{Exchange, Provenance};
use crate::refusal::{Refusal, RefusalCode};
use crate::topics;

const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

pub(super) fn alice() -> OrderKey {
    OrderKey { account: "alice".parse().unwrap(), client_order_id: "c-1".parse().unwrap() }
}

pub(super) fn provenance() -> Provenance {
    let service_id = ServiceId::new("trade").unwrap();
    Provenance::root(service_id, EventId::from_u128(11), NOW, Mode::Normal).caused_by(EventId::from_u128(12))
}

pub(super) fn exchange() -> Exchange {
    Exchange {
        correlation_id: Uuid::from_u128(13),
        reply_topic: topics::QUOTE_REPLIES,
        reply_partition: 3,
        deadline: Timestamp::from_unix_ms(NOW.unix_ms() + 250),
    }
}

pub(super) fn order_placed() -> OrderPlaced {
    let terms =
        OrderTerms { product: "BTC-USD".parse().unwrap(), side: Side::Buy, quantity: Decimal::new(15, 1) };
    OrderPlaced { key: alice(), order_id: "o-1".parse().unwrap(), terms, placed_at: NOW }
}

pub(super) fn fee_request() -> FeeRequest {
    FeeRequest {
        account: "alice".parse().unwrap(),
        product: "BTC-USD".parse().unwrap(),
        subject: FeeSubject::Quote("q-1".parse().unwrap()),
        notional: Decimal::from(1000),
        liquidity: Liquidity::Taker,
    }
}

pub(super) fn trade() -> Trade {
    Trade {
        event_id: EventId::from_u128(99),
        key: alice(),
        order_id: "o-1".parse().unwrap(),
        quote_id: "q-1".parse().unwrap(),
        product: "BTC-USD".parse().unwrap(),
        side: Side::Sell,
        price: Decimal::from(60_000),
        quantity: Decimal::new(15, 1),
        fee: FeeQuote {
            amount: Decimal::new(108, 0),
            rate_bps: Decimal::from(120),
            liquidity: Liquidity::Taker,
            tier: 0,
            fee_schedule_version: "2026-01".parse().unwrap(),
            tier_as_of: NOW,
            freshness: TierFreshness::Normal,
        },
        executed_at: NOW,
    }
}

fn text_id<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    "[A-Za-z0-9._:-]{1,64}".prop_map(|text| text.parse().unwrap())
}

fn positive() -> impl Strategy<Value = Decimal> {
    (1i64..1_000_000_000_000_000, 0u32..=12).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
}

fn signed() -> impl Strategy<Value = Decimal> {
    (positive(), any::<bool>()).prop_map(|(value, negative)| if negative { -value } else { value })
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_unix_ms)
}

fn event_id() -> impl Strategy<Value = EventId> {
    any::<u128>().prop_map(EventId::from_u128)
}

fn key() -> impl Strategy<Value = OrderKey> {
    (text_id(), text_id()).prop_map(|(account, client_order_id)| OrderKey { account, client_order_id })
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Normal), Just(Mode::Degraded)]
}

fn liquidity() -> impl Strategy<Value = Liquidity> {
    prop_oneof![Just(Liquidity::Taker), Just(Liquidity::Maker)]
}

fn terms() -> impl Strategy<Value = OrderTerms> {
    (text_id(), side(), positive()).prop_map(|(product, side, quantity)| OrderTerms {
        product,
        side,
        quantity,
    })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    (0..RefusalCode::ALL.len(), ".{0,600}")
        .prop_map(|(code, text)| Refusal::new(RefusalCode::ALL[code], text))
}

fn fee() -> impl Strategy<Value = FeeQuote> {
    let freshness =
        prop_oneof![Just(TierFreshness::Normal), Just(TierFreshness::Flagged), Just(TierFreshness::Base)];
    (signed(), signed(), liquidity(), any::<u32>(), text_id(), time(), freshness).prop_map(
        |(amount, rate_bps, liquidity, tier, fee_schedule_version, tier_as_of, freshness)| FeeQuote {
            amount,
            rate_bps,
            liquidity,
            tier,
            fee_schedule_version,
            tier_as_of,
            freshness,
        },
    )
}

fn quote() -> impl Strategy<Value = SignedQuote> {
    let freshness = prop_oneof![Just(PriceFreshness::Normal), Just(PriceFreshness::Flagged)];
    let names = (text_id(), text_id(), terms(), positive());
    let times = (time(), freshness, mode(), time(), time());
    (names, fee(), times, any::<[u8; 32]>()).prop_map(
        |((quote_id, account, terms, price), fee, times, signature)| {
            let (price_as_of, price_freshness, mode, issued_at, expires_at) = times;
            let quote = Quote {
                quote_id,
                account,
                product: terms.product,
                side: terms.side,
                quantity: terms.quantity,
                price,
                fee,
                price_as_of,
                price_freshness,
                mode,
                issued_at,
                expires_at,
            };
            SignedQuote { quote, signature: Signature::from_bytes(signature) }
        },
    )
}

fn subject() -> impl Strategy<Value = FeeSubject> {
    prop_oneof![
        text_id().prop_map(FeeSubject::Quote),
        (text_id(), text_id())
            .prop_map(|(client_order_id, order_id)| FeeSubject::Order { client_order_id, order_id }),
    ]
}

fn trades() -> impl Strategy<Value = Trade> {
    let ids = (event_id(), key(), text_id(), text_id());
    (ids, terms(), positive(), fee(), time()).prop_map(
        |((event_id, key, order_id, quote_id), terms, price, fee, executed_at)| Trade {
            event_id,
            key,
            order_id,
            quote_id,
            product: terms.product,
            side: terms.side,
            price,
            quantity: terms.quantity,
            fee,
            executed_at,
        },
    )
}

fn posting() -> impl Strategy<Value = Posting> {
    let account = prop_oneof![
        text_id::<AccountId>().prop_map(LedgerAccount::User),
        Just(LedgerAccount::House),
        Just(LedgerAccount::FeeRevenue),
        Just(LedgerAccount::Rounding),
    ];
    let transfer = (account, "[A-Z0-9]{1,12}", signed()).prop_map(|(account, asset, amount)| {
        let asset: trading::ids::Asset = asset.parse().unwrap();
        let other = Entry { account: LedgerAccount::House, asset: asset.clone(), amount: -amount };
        [Entry { account, asset, amount }, other]
    });
    (event_id(), event_id(), prop::collection::vec(transfer, 1..8)).prop_map(
        |(event_id, trade, transfers)| {
            Posting::new(event_id, trade, transfers.into_iter().flatten().collect()).unwrap()
        },
    )
}

fn orders() -> impl Strategy<Value = Event> {
    prop_oneof![
        (key(), text_id(), terms(), time()).prop_map(|(key, order_id, terms, placed_at)| {
            Event::OrderPlaced(OrderPlaced { key, order_id, terms, placed_at })
        }),
        (key(), text_id(), time()).prop_map(|(key, order_id, accepted_at)| {
            Event::OrderAccepted(OrderAccepted { key, order_id, accepted_at })
        }),
        (key(), text_id(), refusal(), time()).prop_map(|(key, order_id, refusal, rejected_at)| {
            Event::OrderRejected(OrderRejected { key, order_id, refusal, rejected_at })
        }),
    ]
}

fn facts() -> impl Strategy<Value = Event> {
    let assessed = (text_id(), text_id(), subject(), positive(), fee(), time());
    let changed = (text_id(), ".{0,30}", mode(), mode(), ".{0,100}", time());
    prop_oneof![
        (text_id(), positive(), any::<u64>(), time())
            .prop_map(|(product, mid, sequence, at)| Event::Tick(Tick { product, mid, sequence, at })),
        quote().prop_map(|signed| Event::QuoteIssued(Box::new(signed))),
        assessed.prop_map(|(account, product, subject, notional, fee, assessed_at)| {
            Event::FeeAssessed(Box::new(FeeAssessed {
                account,
                product,
                subject,
                notional,
                fee,
                assessed_at,
            }))
        }),
        trades().prop_map(|trade| Event::TradeExecuted(Box::new(trade))),
        (key(), posting()).prop_map(|(key, posting)| Event::LedgerPosted(LedgerPosted { key, posting })),
        changed.prop_map(|(instance, scope, from, to, reason, changed_at)| {
            Event::ModeChanged(ModeChanged { instance, scope, from, to, reason, changed_at })
        }),
    ]
}

fn talk() -> impl Strategy<Value = Event> {
    let fee_request = (text_id(), text_id(), subject(), positive(), liquidity());
    let heartbeat = (0..topics::ALL.len() - 1, 0..i32::MAX, text_id(), any::<u64>(), time());
    prop_oneof![
        fee_request.prop_map(|(account, product, subject, notional, liquidity)| {
            Event::FeeRequest(FeeRequest { account, product, subject, notional, liquidity })
        }),
        (subject(), prop::result::maybe_ok(fee(), refusal()))
            .prop_map(|(subject, result)| Event::FeeReply(Box::new(FeeReply { subject, result }))),
        (text_id(), text_id(), terms()).prop_map(|(quote_id, account, terms)| {
            let OrderTerms { product, side, quantity } = terms;
            Event::QuoteRequest(QuoteRequest { quote_id, account, product, side, quantity })
        }),
        (text_id(), prop::result::maybe_ok(quote(), refusal()))
            .prop_map(|(quote_id, result)| Event::QuoteReply(Box::new(QuoteReply { quote_id, result }))),
        heartbeat.prop_map(|(topic, partition, instance, sequence, sent_at)| {
            let topic = topics::ALL[topic].name;
            Event::Heartbeat(Heartbeat { topic, partition, instance, sequence, sent_at })
        }),
    ]
}

/// Any event.
pub(super) fn events() -> impl Strategy<Value = Event> {
    prop_oneof![orders(), facts(), talk()]
}
