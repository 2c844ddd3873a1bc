//! The one place that turns an inner error into an HTTP answer, and the layer that does it around a whole stack.
//!
//! Invariant: *not sent* is 503 and `executed: no`; anything after that is 504, and `executed: unknown` where
//! something could have been executed. There is no third kind.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use bus::{DeliveryError, RequestError, SendError};
use contracts::refusal::{Refusal, RefusalCode};
use degrade::RescueLayer;
use degrade::bulkhead::error::Refused;
use degrade::deadline::error::{Elapsed, Error as DeadlineError};
use degrade::early_drop::error::TooLate;
use degrade::proven::error::Unproven;
use degrade::shed::error::Overloaded;

use crate::breaker::BreakerError;
use crate::exchange::AskError;
use crate::problem::Problem;
use crate::publisher::PublishError;

/// When a client may try again after a refusal: about one dwell of an open circuit.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// An order: what was produced may be executed.
    ToExecute,
    /// A fee or a quote: whatever was produced, nothing is executed.
    ToRead,
}

/// An error that says whether anything was sent.
pub trait Rescue {
    /// The HTTP answer.
    fn problem(&self, asked: Asked) -> Problem;
}

/// Outermost of a stack: makes the HTTP answer of each error.
pub fn layer<E: Rescue>(asked: Asked) -> RescueLayer<impl Fn(E) -> Response + Clone, E> {
    RescueLayer::new(move |error: E| error.problem(asked).into_response())
}

fn not_sent(error: &impl ToString) -> Problem {
    Problem::rejected(error.to_string(), RETRY_AFTER)
}

fn silent(error: &impl ToString, asked: Asked) -> Problem {
    match asked {
        Asked::ToExecute => Problem::unknown(error.to_string()),
        Asked::ToRead => Problem::no_answer(error.to_string()),
    }
}

impl Rescue for SendError {
    fn problem(&self, _: Asked) -> Problem {
        not_sent(self)
    }
}

impl Rescue for PublishError {
    fn problem(&self, _: Asked) -> Problem {
        not_sent(self)
    }
}

impl Rescue for DeliveryError {
    fn problem(&self, asked: Asked) -> Problem {
        // Not even a purge is certain: librdkafka also purges records that wait for a retry.
        silent(self, asked)
    }
}

impl Rescue for RequestError {
    fn problem(&self, asked: Asked) -> Problem {
        match self {
            Self::NotSent(error) => not_sent(error),
            Self::Unknown(error) => silent(error, asked),
        }
    }
}

impl Rescue for AskError {
    fn problem(&self, asked: Asked) -> Problem {
        match self {
            Self::Publish(error) => error.problem(asked),
            Self::Request(error) => error.problem(asked),
            Self::Undecodable(_) | Self::OtherKind => silent(self, asked),
        }
    }
}

impl Rescue for Elapsed {
    fn problem(&self, asked: Asked) -> Problem {
        if self.passed_on { silent(self, asked) } else { not_sent(self) }
    }
}

impl Rescue for TooLate {
    fn problem(&self, _: Asked) -> Problem {
        not_sent(self)
    }
}

impl Rescue for Overloaded {
    fn problem(&self, _: Asked) -> Problem {
        Problem::rejected(self.to_string(), self.retry_after)
    }
}

impl Rescue for Refused {
    fn problem(&self, _: Asked) -> Problem {
        Problem::rejected(format!("degraded and at a limit: {self}"), self.retry_after)
    }
}

impl Rescue for Unproven {
    fn problem(&self, _: Asked) -> Problem {
        Problem::rejected(format!("degraded, and {self}"), self.retry_after)
    }
}

impl<E: Rescue> Rescue for BreakerError<E> {
    fn problem(&self, asked: Asked) -> Problem {
        match self {
            Self::Open => Problem::rejected("the circuit breaker is open", RETRY_AFTER),
            Self::Elapsed(budget) => Elapsed { budget: *budget, passed_on: true }.problem(asked),
            Self::Inner(error) => error.problem(asked),
        }
    }
}

impl<E: Rescue> Rescue for DeadlineError<E> {
    fn problem(&self, asked: Asked) -> Problem {
        match self {
            Self::Elapsed(error) => error.problem(asked),
            Self::Inner(error) => error.problem(asked),
        }
    }
}

impl Rescue for Refusal {
    /// A business answer: what is wrong with the request is 422, what passes by itself is 503.
    fn problem(&self, _: Asked) -> Problem {
        match self.code() {
            RefusalCode::UnknownProduct
            | RefusalCode::InvalidPrice
            | RefusalCode::InvalidQuantity
            | RefusalCode::NotionalOutOfBounds => Problem::unprocessable(self.to_string()),
            RefusalCode::DegradedCap
            | RefusalCode::PriceUnavailable
            | RefusalCode::PriceStale
            | RefusalCode::FeeUnavailable
            | RefusalCode::Overloaded
            | RefusalCode::DeadlinePassed
            | RefusalCode::Internal => not_sent(self),
        }
    }
}

impl Rescue for Problem {
    fn problem(&self, _: Asked) -> Problem {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Executed;
    use bus::{NotSent, Unknown};
    use http::StatusCode;

    #[test]
    fn what_was_not_sent_was_not_executed() {
        let full = RequestError::NotSent(NotSent::TableFull).problem(Asked::ToExecute);
        assert_eq!((full.status(), full.executed()), (StatusCode::SERVICE_UNAVAILABLE, Executed::No));
        let spent = Elapsed { budget: Duration::ZERO, passed_on: false }.problem(Asked::ToExecute);
        assert_eq!(spent.executed(), Executed::No);
    }

    #[test]
    fn silence_is_unknown_only_where_something_could_be_executed() {
        for error in [Unknown::Unacknowledged, Unknown::Unanswered, Unknown::Closed] {
            let order = RequestError::Unknown(error).problem(Asked::ToExecute);
            assert_eq!((order.status(), order.executed()), (StatusCode::GATEWAY_TIMEOUT, Executed::Unknown));
            let quote = RequestError::Unknown(error).problem(Asked::ToRead);
            assert_eq!((quote.status(), quote.executed()), (StatusCode::GATEWAY_TIMEOUT, Executed::No));
        }
    }
}
