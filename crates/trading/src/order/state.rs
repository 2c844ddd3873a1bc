//! The states of an order and the legal steps between them.
//!
//! Invariants: terminal states absorb: whatever arrives later changes nothing; UNKNOWN is the honest name for an order that was
//! produced and then went silent, and it is left only by learning what happened.
//!
//! The states are those that public trading APIs show.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderState {
    /// Taken, not yet accepted.
    Pending,
    /// Accepted, nothing executed.
    Open,
    /// A part is executed.
    PartiallyFilled,
    /// All of it is executed. Terminal.
    Filled,
    /// Taken back by the customer. Terminal.
    Cancelled,
    /// Its time was over. Terminal.
    Expired,
    /// Refused by a rule. Terminal.
    Rejected,
    /// Given up by the house before anything was executed. Terminal.
    Failed,
    /// Produced, then silent: it may or may not have been executed.
    Unknown,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Open,
        Self::PartiallyFilled,
        Self::Filled,
        Self::Cancelled,
        Self::Expired,
        Self::Rejected,
        Self::Failed,
        Self::Unknown,
    ];

    /// Whether nothing can change any more.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected | Self::Failed)
    }

    /// Whether anything was executed, as far as this state tells.
    pub const fn executed(self) -> Executed {
        match self {
            Self::Filled | Self::PartiallyFilled => Executed::Yes,
            Self::Pending | Self::Open => Executed::Pending,
            Self::Unknown => Executed::Unknown,
            Self::Cancelled | Self::Expired | Self::Rejected | Self::Failed => Executed::No,
        }
    }

    /// The state after a change; [`Step::Absorbed`] when the order is over and the change comes too late.
    ///
    /// # Errors
    /// [`IllegalStep`]: the change does not fit the state; count it and leave the order as it is.
    pub fn step(self, change: Change) -> Result<Step, IllegalStep> {
        use OrderState::{
            Cancelled, Expired, Failed, Filled, Open, PartiallyFilled, Pending, Rejected, Unknown,
        };
        let next = match (self, change) {
            (Filled | Cancelled | Expired | Rejected | Failed, _) => return Ok(Step::Absorbed),
            (Pending | Unknown, Change::Accept) => Open,
            (Open | PartiallyFilled | Unknown, Change::FillPart) => PartiallyFilled,
            (Open | PartiallyFilled | Unknown, Change::FillRest) => Filled,
            (Pending | Open | PartiallyFilled | Unknown, Change::Cancel) => Cancelled,
            (Pending | Open | PartiallyFilled | Unknown, Change::Expire) => Expired,
            (Pending | Unknown, Change::Reject) => Rejected,
            (Pending | Open | Unknown, Change::Fail) => Failed,
            (Pending | Open | PartiallyFilled | Unknown, Change::LoseSight) => Unknown,
            (from, change) => return Err(IllegalStep { from, change }),
        };
        Ok(Step::To(next))
    }
}

/// Something that happens to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The house accepts it.
    Accept,
    /// A part is executed.
    FillPart,
    /// The rest is executed.
    FillRest,
    /// The customer takes it back.
    Cancel,
    /// Its time is over.
    Expire,
    /// A rule refuses it.
    Reject,
    /// The house gives it up, nothing executed.
    Fail,
    /// It was produced and nobody answers.
    LoseSight,
}

impl IllegalStep {
    pub(super) const fn new(from: OrderState, change: Change) -> Self {
        Self { from, change }
    }
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 8] = [
        Self::Accept,
        Self::FillPart,
        Self::FillRest,
        Self::Cancel,
        Self::Expire,
        Self::Reject,
        Self::Fail,
        Self::LoseSight,
    ];
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The order is in this state now.
    To(OrderState),
    /// The order was over before: nothing changed.
    Absorbed,
}

/// A change that does not fit the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order in state {from:?} cannot take the change {change:?}")]
pub struct IllegalStep {
    from: OrderState,
    change: Change,
}

/// What a customer is told about the execution, in every answer and every problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Executed {
    /// Executed.
    Yes,
    /// Not executed, and it never will be.
    No,
    /// Kept, and it may still be executed.
    Pending,
    /// Nobody knows yet.
    Unknown,
}

impl Executed {
    /// `yes`, `no`, `pending` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Executed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_absorb_every_change() {
        for state in OrderState::ALL.into_iter().filter(|state| state.is_terminal()) {
            for change in Change::ALL {
                assert_eq!(state.step(change), Ok(Step::Absorbed), "{state:?} {change:?}");
            }
        }
    }

    #[test]
    fn nothing_is_filled_before_it_is_accepted_and_nothing_rejected_after() {
        assert!(OrderState::Pending.step(Change::FillRest).is_err());
        assert!(OrderState::Open.step(Change::Reject).is_err());
        assert!(OrderState::PartiallyFilled.step(Change::Fail).is_err());
    }

    #[test]
    fn states_are_written_as_on_public_apis() {
        assert_eq!(serde_json::to_string(&OrderState::PartiallyFilled).unwrap(), r#""PARTIALLY_FILLED""#);
        assert_eq!(serde_json::to_string(&Executed::No).unwrap(), r#""no""#);
    }
}
