//! Orders, quotes and executions for tests.

use std::sync::Arc;
use std::time::Duration;

use contracts::event::QuoteRequest;
use contracts::event_id::{Step, event_id_for, order_id_for, quote_id_for};
use trading::Decimal;
use trading::fee::{FeeQuote, Liquidity, TierFreshness};
use trading::ids::{AccountId, ClientOrderId, OrderKey, ProductId, ScheduleVersion};
use trading::ledger::posting_for_trade;
use trading::mode::Mode;
use trading::order::{Order, OrderTerms, Side};
use trading::product::Catalogue;
use trading::quote::{PriceFreshness, Quote};
use trading::signature::{QuoteSigner, SignedQuote};
use trading::time::Timestamp;
use trading::trade::Trade;

use crate::flow::Execution;

pub(crate) fn key(client_order_id: &str) -> OrderKey {
    OrderKey {
        account: AccountId::new("alice").unwrap(),
        client_order_id: ClientOrderId::new(client_order_id).unwrap(),
    }
}

pub(crate) fn terms(quantity: i64) -> OrderTerms {
    let product = ProductId::new("BTC-USD").unwrap();
    OrderTerms { product, side: Side::Buy, quantity: Decimal::from(quantity) }
}

pub(crate) fn order(client_order_id: &str) -> Order {
    let key = key(client_order_id);
    let order_id = order_id_for(&key);
    Order::new(key, order_id, terms(2), Timestamp::from_unix_ms(1_000))
}

pub(crate) fn fee() -> FeeQuote {
    FeeQuote {
        amount: Decimal::new(12, 1),
        rate_bps: Decimal::from(60),
        liquidity: Liquidity::Taker,
        tier: 0,
        fee_schedule_version: ScheduleVersion::new("2026-1").unwrap(),
        tier_as_of: Timestamp::from_unix_ms(500),
        freshness: TierFreshness::Normal,
    }
}

/// What the quote service would answer, ten seconds before it expires.
pub(crate) fn quote(request: QuoteRequest, now: Timestamp) -> SignedQuote {
    let quote = Quote {
        quote_id: request.quote_id,
        account: request.account,
        product: request.product,
        side: request.side,
        quantity: request.quantity,
        price: Decimal::from(100),
        fee: fee(),
        price_as_of: now,
        price_freshness: PriceFreshness::Normal,
        mode: Mode::Normal,
        issued_at: now,
        expires_at: now.plus(Duration::from_secs(10)),
    };
    QuoteSigner::new(&[7; 32]).unwrap().sign(quote)
}

pub(crate) fn execution(order: &Order) -> Arc<Execution> {
    let trade = Trade {
        event_id: event_id_for(&order.key, Step::TradeExecuted),
        key: order.key.clone(),
        order_id: order.order_id.clone(),
        quote_id: quote_id_for(&order.key),
        product: order.terms.product.clone(),
        side: order.terms.side,
        price: Decimal::from(100),
        quantity: order.terms.quantity,
        fee: fee(),
        executed_at: Timestamp::from_unix_ms(2_000),
    };
    let catalogue = Catalogue::default();
    let product = catalogue.get(&order.terms.product).unwrap();
    let posting = posting_for_trade(&trade, product, event_id_for(&order.key, Step::LedgerPosted)).unwrap();
    Arc::new(Execution { trade: Arc::new(trade), posting, mode: Mode::Normal })
}
