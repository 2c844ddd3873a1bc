//! What goes through the stack: a question for a quote, its answer, and why there is none.

use std::time::{Duration, Instant};

use bus::DeliveryError;
use contracts::refusal::Refusal;
use degrade::admission;
use degrade::bulkhead::error::Refused;
use degrade::deadline::error::{Elapsed, Error as DeadlineError};
use degrade::early_drop::error::TooLate;
use degrade::proven::error::Unproven;
use degrade::shed::error::Overloaded;
use service_kit::breaker::BreakerError;
use service_kit::exchange::AskError;
use service_kit::problem::{PathTaken, Problem};
use service_kit::publisher::{PublishError, circuit_index};
use service_kit::rescue::{Asked, Rescue};
use trading::Decimal;
use trading::ids::{AccountId, EventId, ProductId, QuoteId};
use trading::order::Side;
use trading::signature::SignedQuote;

/// A question for a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The id that the quote will have.
    pub quote_id: QuoteId,
    /// For which account.
    pub account: AccountId,
    /// Of which product.
    pub product: ProductId,
    /// Buy or sell.
    pub side: Side,
    /// How much of the base asset, positive.
    pub quantity: Decimal,
    /// The partition of the account: the index of its circuit.
    pub partition: i32,
    /// How long the asker waits.
    pub budget: Duration,
    /// Until when.
    pub deadline: Instant,
    /// The event that it comes from, if any.
    pub cause: Option<EventId>,
}

impl Ask {
    /// The index of its circuit.
    #[must_use]
    pub fn circuit(&self) -> usize {
        circuit_index(self.partition)
    }
}

/// A quote, and the way that it was come by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The quote.
    pub signed: SignedQuote,
    /// Over Kafka, or calculated synchronously.
    pub path: PathTaken,
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A rule of the house, found here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A rule of the house, told by the fee service over Kafka.
    #[error("no fee: {0}")]
    FeeRefused(Refusal),
    /// The fee service could not be asked, or did not answer.
    #[error("no fee: {0}")]
    Fee(#[from] AskError),
    /// The quote could not be handed over.
    #[error("quote not issued: {0}")]
    Publish(#[from] PublishError),
    /// The quote was not acknowledged.
    #[error("quote not issued: {0}")]
    Delivery(#[from] DeliveryError),
    /// It came too late to be begun.
    #[error(transparent)]
    TooLate(#[from] TooLate),
    /// There was no answer in time.
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    /// Too many quotes are in progress for one of its class.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// Kafka is stuck, and the fallback may not serve.
    #[error("degraded, and {0}")]
    Unproven(#[from] Unproven),
    /// Kafka is stuck, and the fallback is at a limit.
    #[error("degraded and at a limit: {0}")]
    Limit(#[from] Refused),
    /// The breaker that people install is open.
    #[error("the circuit breaker is open")]
    BreakerOpen,
}

impl QuoteError {
    /// Whether this speaks against Kafka: a rule of the house does not.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::FeeRefused(_))
    }

    /// The layer that refused, certainly before anything was sent, if one did.
    #[must_use]
    pub const fn refused_by(&self) -> Option<&'static str> {
        match self {
            Self::TooLate(_) => Some("early_drop"),
            Self::Elapsed(Elapsed { passed_on: false, .. }) => Some("deadline"),
            Self::Overloaded(_) => Some("shed"),
            Self::Unproven(_) => Some("proven"),
            Self::Limit(_) => Some("bulkhead"),
            Self::BreakerOpen => Some("breaker"),
            _ => None,
        }
    }
}

impl<R: Into<Self>, E: Into<Self>> From<admission::Error<R, E>> for QuoteError {
    fn from(error: admission::Error<R, E>) -> Self {
        match error {
            admission::Error::Refused(refusal) => refusal.into(),
            admission::Error::Inner(error) => error.into(),
        }
    }
}

impl<E: Into<Self>> From<DeadlineError<E>> for QuoteError {
    fn from(error: DeadlineError<E>) -> Self {
        match error {
            DeadlineError::Elapsed(error) => error.into(),
            DeadlineError::Inner(error) => error.into(),
        }
    }
}

impl<E: Into<Self>> From<BreakerError<E>> for QuoteError {
    fn from(error: BreakerError<E>) -> Self {
        match error {
            BreakerError::Open => Self::BreakerOpen,
            BreakerError::Elapsed(budget) => Self::Elapsed(Elapsed { budget, passed_on: true }),
            BreakerError::Inner(error) => error.into(),
        }
    }
}

impl Rescue for QuoteError {
    fn problem(&self, asked: Asked) -> Problem {
        match self {
            Self::Refused(refusal) => refusal.problem(asked),
            Self::FeeRefused(refusal) => refusal.problem(asked).over_kafka(),
            Self::Fee(error) => error.problem(asked),
            Self::Publish(error) => error.problem(asked),
            Self::Delivery(error) => error.problem(asked),
            Self::TooLate(error) => error.problem(asked),
            Self::Elapsed(error) => error.problem(asked),
            Self::Overloaded(error) => error.problem(asked),
            Self::Unproven(error) => error.problem(asked),
            Self::Limit(error) => error.problem(asked),
            Self::BreakerOpen => BreakerError::<Problem>::Open.problem(asked),
        }
    }
}
