//! What goes through the stack: a question for a quote, its answer, and why there is none.

use std::time::{Duration, Instant};

use bus::DeliveryError;
use contracts::refusal::Refusal;
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
}

impl Rescue for QuoteError {
    fn problem(&self, asked: Asked) -> Problem {
        match self {
            Self::Refused(refusal) => refusal.problem(asked),
            Self::FeeRefused(refusal) => refusal.problem(asked).over_kafka(),
            Self::Fee(error) => error.problem(asked),
            Self::Publish(error) => error.problem(asked),
            Self::Delivery(error) => error.problem(asked),
        }
    }
}
