//! Orders: what was asked for, where it stands, and how much of it was executed.
//!
//! Invariants: the state moves by the steps of [`OrderState::step`] only; fills never exceed the quantity; an order with a fill
//! is never called failed.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, OrderKey, ProductId};
use crate::money;
use crate::time::Timestamp;

mod state;

pub use state::{Change, Executed, IllegalStep, OrderState, Step};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The customer buys the base asset.
    Buy,
    /// The customer sells the base asset.
    Sell,
}

/// What the customer asked for. The same client order id with equal terms is a repetition; with other terms it is a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// The product.
    pub product: ProductId,
    /// Buy or sell.
    pub side: Side,
    /// How much of the base asset.
    #[serde(with = "crate::money::text")]
    pub quantity: Decimal,
}

/// An order as the trade service keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whose order, and which.
    pub key: OrderKey,
    /// The house's own id.
    pub order_id: OrderId,
    /// What was asked for.
    pub terms: OrderTerms,
    /// When it was placed; fixes the fee tier.
    pub placed_at: Timestamp,
    state: OrderState,
    filled: Decimal,
}

/// Why a fill was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The fill would exceed the quantity.
    #[error("a fill of {fill} after {filled} exceeds the quantity {quantity}")]
    Overfill {
        /// The fill.
        fill: Decimal,
        /// Filled before.
        filled: Decimal,
        /// The quantity of the order.
        quantity: Decimal,
    },
    /// A fill is positive.
    #[error("a fill of {0} is not positive")]
    NotPositive(Decimal),
    /// The state does not take fills.
    #[error(transparent)]
    Step(#[from] IllegalStep),
}

impl Order {
    /// A new order, [`OrderState::Pending`].
    pub fn new(key: OrderKey, order_id: OrderId, terms: OrderTerms, placed_at: Timestamp) -> Self {
        Self { key, order_id, terms, placed_at, state: OrderState::Pending, filled: Decimal::ZERO }
    }

    /// Where it stands.
    pub fn state(&self) -> OrderState {
        self.state
    }

    /// How much was executed.
    pub fn filled(&self) -> Decimal {
        self.filled
    }

    /// Whether the customer may be told that something was executed.
    pub fn executed(&self) -> Executed {
        if self.filled.is_zero() { self.state.executed() } else { Executed::Yes }
    }

    /// Applies a change other than a fill.
    ///
    /// # Errors
    /// [`IllegalStep`]; the order is as before.
    pub fn apply(&mut self, change: Change) -> Result<Step, IllegalStep> {
        if matches!(change, Change::FillPart | Change::FillRest)
            || (change == Change::Fail && !self.filled.is_zero())
        {
            return Err(IllegalStep::new(self.state, change));
        }
        self.take(change)
    }

    /// Applies a fill; one that comes after the end is [`Step::Absorbed`].
    ///
    /// # Errors
    /// [`FillError`]; the order is as before.
    pub fn fill(&mut self, quantity: Decimal) -> Result<Step, FillError> {
        if quantity <= Decimal::ZERO {
            return Err(FillError::NotPositive(quantity));
        }
        let overfill =
            || FillError::Overfill { fill: quantity, filled: self.filled, quantity: self.terms.quantity };
        let filled = money::exact_add(self.filled, quantity).map_err(|_| overfill())?;
        if !self.state.is_terminal() && filled > self.terms.quantity {
            return Err(overfill());
        }
        let step =
            self.take(if filled == self.terms.quantity { Change::FillRest } else { Change::FillPart })?;
        if matches!(step, Step::To(_)) {
            self.filled = filled;
        }
        Ok(step)
    }

    fn take(&mut self, change: Change) -> Result<Step, IllegalStep> {
        let step = self.state.step(change)?;
        if let Step::To(next) = step {
            self.state = next;
        }
        Ok(step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{AccountId, ClientOrderId};

    fn order(quantity: i64) -> Order {
        let key = OrderKey {
            account: AccountId::new("alice").unwrap(),
            client_order_id: ClientOrderId::new("1").unwrap(),
        };
        let product = ProductId::new("BTC-USD").unwrap();
        let terms = OrderTerms { product, side: Side::Buy, quantity: Decimal::from(quantity) };
        Order::new(key, OrderId::new("o-1").unwrap(), terms, Timestamp::from_unix_ms(0))
    }

    #[test]
    fn an_order_in_doubt_is_resolved_by_what_happened() {
        let mut order = order(2);
        order.apply(Change::LoseSight).unwrap();
        assert_eq!((order.state(), order.executed()), (OrderState::Unknown, Executed::Unknown));
        assert_eq!(order.fill(Decimal::from(2)), Ok(Step::To(OrderState::Filled)));
        assert_eq!(order.executed(), Executed::Yes);
    }

    #[test]
    fn an_order_that_is_cancelled_half_way_was_executed() {
        let mut order = order(2);
        order.apply(Change::Accept).unwrap();
        order.fill(Decimal::ONE).unwrap();
        order.apply(Change::LoseSight).unwrap();
        assert!(order.apply(Change::Fail).is_err());
        order.apply(Change::Cancel).unwrap();
        assert_eq!(order.executed(), Executed::Yes);
    }

    proptest! {
        #[test]
        fn fills_never_exceed_the_quantity_whatever_happens(
            steps in prop::collection::vec((0usize..10, -1i64..5), 0..40)
        ) {
            let mut order = order(7);
            for (kind, quantity) in steps {
                let before = order.clone();
                let changed = match Change::ALL.get(kind) {
                    Some(change) => order.apply(*change).is_ok(),
                    None => order.fill(Decimal::from(quantity)).is_ok(),
                };
                prop_assert!(order.filled() <= order.terms.quantity);
                prop_assert_eq!(order.state() == OrderState::Filled, order.filled() == order.terms.quantity);
                if !changed || before.state().is_terminal() {
                    prop_assert_eq!(before, order.clone());
                }
            }
        }
    }
}
