//! The events and questions of an order, each under its deterministic id.

use contracts::Event;
use contracts::event::{
    FeeRequest, FeeSubject, LedgerPosted, OrderAccepted, OrderPlaced, OrderRejected, QuoteRequest,
};
use contracts::event_id::{Step, event_id_for, quote_id_for};
use contracts::refusal::Refusal;
use trading::Decimal;
use trading::fee::Liquidity;
use trading::ids::{EventId, OrderKey};
use trading::mode::Mode;
use trading::order::Order;
use trading::time::Timestamp;

use crate::flow::Execution;
use crate::wire::Fact;

/// The event that starts the chain of an order.
pub(crate) fn cause(key: &OrderKey) -> EventId {
    event_id_for(key, Step::OrderPlaced)
}

pub(crate) fn placed(order: &Order) -> Fact {
    let event = Event::OrderPlaced(OrderPlaced {
        key: order.key.clone(),
        order_id: order.order_id.clone(),
        terms: order.terms.clone(),
        placed_at: order.placed_at,
    });
    fact(&order.key, Step::OrderPlaced, event, order.placed_at, Mode::Normal)
}

pub(crate) fn accepted(order: &Order, accepted_at: Timestamp) -> Fact {
    let event = Event::OrderAccepted(OrderAccepted {
        key: order.key.clone(),
        order_id: order.order_id.clone(),
        accepted_at,
    });
    fact(&order.key, Step::OrderAccepted, event, accepted_at, Mode::Normal)
}

pub(crate) fn rejected(order: &Order, refusal: Refusal, rejected_at: Timestamp) -> Fact {
    let event = Event::OrderRejected(OrderRejected {
        key: order.key.clone(),
        order_id: order.order_id.clone(),
        refusal,
        rejected_at,
    });
    fact(&order.key, Step::OrderRejected, event, rejected_at, Mode::Normal)
}

pub(crate) fn trade(execution: &Execution) -> Fact {
    let trade = &execution.trade;
    let event = Event::TradeExecuted(Box::new(trade.as_ref().clone()));
    fact(&trade.key, Step::TradeExecuted, event, trade.executed_at, execution.mode)
}

pub(crate) fn posting(execution: &Execution) -> Fact {
    let trade = &execution.trade;
    let event =
        Event::LedgerPosted(LedgerPosted { key: trade.key.clone(), posting: execution.posting.clone() });
    let fact = fact(&trade.key, Step::LedgerPosted, event, trade.executed_at, execution.mode);
    Fact { causation_id: trade.event_id, ..fact }
}

pub(crate) fn quote_request(order: &Order) -> QuoteRequest {
    QuoteRequest {
        quote_id: quote_id_for(&order.key),
        account: order.key.account.clone(),
        product: order.terms.product.clone(),
        side: order.terms.side,
        quantity: order.terms.quantity,
    }
}

/// An order that is executed at once takes liquidity.
pub(crate) fn fee_request(order: &Order, notional: Decimal) -> FeeRequest {
    FeeRequest {
        account: order.key.account.clone(),
        product: order.terms.product.clone(),
        subject: FeeSubject::Order {
            client_order_id: order.key.client_order_id.clone(),
            order_id: order.order_id.clone(),
        },
        notional,
        liquidity: Liquidity::Taker,
    }
}

fn fact(key: &OrderKey, step: Step, event: Event, at: Timestamp, mode: Mode) -> Fact {
    Fact { event, event_id: event_id_for(key, step), causation_id: cause(key), at, mode }
}
