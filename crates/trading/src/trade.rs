//! An execution: what changed hands, at which price, for which fee.
//!
//! Invariant: a trade carries the id of its event, so that the same execution told twice is one execution.

use rust_decimal::Decimal;

use crate::fee::FeeQuote;
use crate::ids::{EventId, OrderId, OrderKey, ProductId, QuoteId};
use crate::order::Side;
use crate::time::Timestamp;

/// One execution of one order against the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The id of the event that tells it.
    pub event_id: EventId,
    /// Whose order, and which.
    pub key: OrderKey,
    /// The house's own id of the order.
    pub order_id: OrderId,
    /// The quote that fixed the price.
    pub quote_id: QuoteId,
    /// The product.
    pub product: ProductId,
    /// Buy or sell, from the customer's side.
    pub side: Side,
    /// The price, on the tick.
    pub price: Decimal,
    /// How much of the base asset, on the increment.
    pub quantity: Decimal,
    /// The fee.
    pub fee: FeeQuote,
    /// When.
    pub executed_at: Timestamp,
}
