//! How far an order has come, and whether it may still go on: a step machine without clock or I/O.
//!
//! Invariants:
//! - Nothing is produced for an order but through [`Flow::produce`] and [`Flow::commit`], which look at the state and
//!   hand over in one go, under the caller's lock. So a cancellation or a passed deadline comes before a hand-over or
//!   after it, never in between.
//! - [`Flow::commit`] succeeds at most once, and from then on the order *will* be executed: it can no longer be
//!   refused, cancelled or given up.
//! - Whatever was answered with `executed: no` is terminal, and a terminal order hands over nothing.
//! - UNKNOWN says that the customer was told so. An order that is unknown goes on only in [`Flow::give_up`] and
//!   [`Flow::executed`]; its executor is stopped.

use std::sync::Arc;

use contracts::refusal::Refusal;
use tokio::time::Instant;
use trading::ids::OrderKey;
use trading::ledger::Posting;
use trading::mode::Mode;
use trading::order::{Change, Order, OrderState};
use trading::trade::Trade;

/// What is produced when an order is executed: told again, it is told with the same ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Execution {
    pub(crate) trade: Arc<Trade>,
    pub(crate) posting: Posting,
    /// On which path the price was made.
    pub(crate) mode: Mode,
}

/// What the customer is told about an order that is not in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Executed and booked.
    Executed(Arc<Trade>),
    /// Refused by a rule; not executed, and never will be.
    Refused(Refusal),
    /// Nothing was produced: as if it had never been asked.
    NotPlaced(String),
    /// Placed, then given up; not executed, and never will be.
    Failed(String),
    /// Taken back by the customer; not executed, and never will be.
    Cancelled,
    /// Placed and then silent.
    Unknown(String),
}

/// What is left to be told to Kafka when the customer has been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// The trade and its posting, until both are acknowledged.
    Execute(Arc<Execution>),
    /// That a placed order ended without a trade.
    Reject,
}

/// Why something was not handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotHandedOver<E> {
    /// The order is over, in doubt or too late: its executor must end.
    Stopped,
    /// The producer did not take it. It was certainly not sent.
    Refused(E),
}

/// What was handed to the producer so far.
#[derive(Clone, Debug)]
enum Reach {
    Nothing,
    Placed,
    Committed(Arc<Execution>),
}

/// One order on its way.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    order: Order,
    deadline: Instant,
    reach: Reach,
    answer: Option<Answer>,
}

impl Flow {
    /// An order of which nothing was produced. After the deadline nothing is handed over any more.
    pub(crate) fn new(order: Order, deadline: Instant) -> Self {
        Self { order, deadline, reach: Reach::Nothing, answer: None }
    }

    pub(crate) fn order(&self) -> &Order {
        &self.order
    }

    pub(crate) fn key(&self) -> &OrderKey {
        &self.order.key
    }

    pub(crate) fn state(&self) -> OrderState {
        self.order.state()
    }

    /// What the customer is told now; nothing while the order is in progress.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// Whether the order ended before anything was produced, so that its id may be used again.
    pub(crate) fn was_never_placed(&self) -> bool {
        matches!(self.answer, Some(Answer::NotPlaced(_)))
    }

    /// What is left to be told to Kafka, once there is an answer.
    pub(crate) fn duty(&self) -> Option<Duty> {
        match (self.answer.as_ref()?, &self.reach) {
            (_, Reach::Nothing) | (Answer::Executed(_), _) => None,
            (_, Reach::Placed) => Some(Duty::Reject),
            (_, Reach::Committed(execution)) => Some(Duty::Execute(Arc::clone(execution))),
        }
    }

    /// Hands over a record that is not the execution.
    ///
    /// # Errors
    /// [`NotHandedOver`]; nothing was sent.
    pub(crate) fn produce<T, E>(
        &mut self,
        now: Instant,
        hand_over: impl FnOnce(&Order) -> Result<T, E>,
    ) -> Result<T, NotHandedOver<E>> {
        if !self.may_go_on(now) {
            return Err(NotHandedOver::Stopped);
        }
        let handed = hand_over(&self.order).map_err(NotHandedOver::Refused)?;
        if matches!(self.reach, Reach::Nothing) {
            self.reach = Reach::Placed;
        }
        Ok(handed)
    }

    /// OrderAccepted is acknowledged.
    pub(crate) fn accepted(&mut self) {
        if self.state() == OrderState::Pending {
            self.change(Change::Accept);
        }
    }

    /// The one decision to execute: hands over the trade, unless the order is over, in doubt or too late.
    /// `hand_over` gives an error only when the trade itself was not taken.
    ///
    /// # Errors
    /// [`NotHandedOver`]; no trade was sent, and none will be by this executor.
    pub(crate) fn commit<T, E>(
        &mut self,
        now: Instant,
        execution: Arc<Execution>,
        hand_over: impl FnOnce(&Execution) -> Result<T, E>,
    ) -> Result<T, NotHandedOver<E>> {
        if !self.may_go_on(now) || self.state() != OrderState::Open {
            return Err(NotHandedOver::Stopped);
        }
        let handed = hand_over(&execution).map_err(NotHandedOver::Refused)?;
        self.reach = Reach::Committed(execution);
        Ok(handed)
    }

    /// Trade and posting are acknowledged.
    pub(crate) fn executed(&mut self) {
        if let (Reach::Committed(execution), false) = (&self.reach, self.state().is_terminal()) {
            let trade = Arc::clone(&execution.trade);
            let filled = self.order.fill(trade.quantity);
            debug_assert!(filled.is_ok() && self.state() == OrderState::Filled, "{filled:?}");
            self.answer = Some(Answer::Executed(trade));
            // What the resolver would need is needed no more.
            self.reach = Reach::Placed;
        }
    }

    /// A rule refuses the order. Nothing happens to one that is over, in doubt or committed.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        // An order that was accepted cannot be called rejected any more; the answer gives the rule all the same.
        let change = if self.state() == OrderState::Open { Change::Fail } else { Change::Reject };
        if self.answer.is_none() && !self.is_committed() {
            self.change(change);
            self.answer = Some(Answer::Refused(refusal));
        }
    }

    /// The executor knows that it will not go on: the order is not executed. One that is committed is in doubt.
    pub(crate) fn fail(&mut self, why: impl Into<String>) {
        match (&self.answer, &self.reach) {
            (Some(_), _) => {}
            (None, Reach::Nothing) => self.end_without_trade(Answer::NotPlaced(why.into())),
            (None, Reach::Placed) => self.end_without_trade(Answer::Failed(why.into())),
            (None, Reach::Committed(_)) => self.lose_sight(why),
        }
    }

    /// The deadline passed, or the fate of a record is not known: an order of which nothing was produced was never
    /// placed, any other one is in doubt.
    pub(crate) fn lose_sight(&mut self, why: impl Into<String>) {
        match (&self.answer, &self.reach) {
            (Some(_), _) => {}
            (None, Reach::Nothing) => self.end_without_trade(Answer::NotPlaced(why.into())),
            (None, _) => {
                self.change(Change::LoseSight);
                self.answer = Some(Answer::Unknown(why.into()));
            }
        }
    }

    /// Resolves an order in doubt that is not committed: it will never be executed.
    pub(crate) fn give_up(&mut self) {
        if let (OrderState::Unknown, false, Some(Answer::Unknown(why))) =
            (self.state(), self.is_committed(), &self.answer)
        {
            self.end_without_trade(Answer::Failed(why.clone()));
        }
    }

    /// The customer takes the order back; one that is over without a trade stays as it is.
    ///
    /// # Errors
    /// [`TooLate`]: it is executed, or will be.
    pub(crate) fn cancel(&mut self) -> Result<(), TooLate> {
        if self.is_committed() || self.state() == OrderState::Filled {
            return Err(TooLate);
        }
        if !self.state().is_terminal() {
            self.change(Change::Cancel);
            self.answer = Some(Answer::Cancelled);
        }
        Ok(())
    }

    fn may_go_on(&self, now: Instant) -> bool {
        self.answer.is_none() && !self.is_committed() && now < self.deadline
    }

    fn is_committed(&self) -> bool {
        matches!(self.reach, Reach::Committed(_))
    }

    fn end_without_trade(&mut self, answer: Answer) {
        self.change(Change::Fail);
        self.answer = Some(answer);
    }

    /// Every caller has looked at the state before, so the step is legal.
    fn change(&mut self, change: Change) {
        let step = self.order.apply(change);
        debug_assert!(step.is_ok(), "{step:?}");
    }
}

/// The order is executed, or will be: it can no longer be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLate;

#[cfg(test)]
mod tests;
