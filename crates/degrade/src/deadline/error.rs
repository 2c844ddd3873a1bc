//! What a call under a deadline can end in, beside an answer.

use std::time::Duration;

/// The budget was spent before there was an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {} ms", budget.as_millis())]
pub struct Elapsed {
    /// The budget at the time of the call.
    pub budget: Duration,
    /// Whether the request was passed on. If it was not, it was certainly not executed.
    pub passed_on: bool,
}

/// The error of a [`Deadline`](super::Deadline): its own, or that of the service inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// The budget was spent.
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    /// The service inside failed in time.
    #[error(transparent)]
    Inner(E),
}
