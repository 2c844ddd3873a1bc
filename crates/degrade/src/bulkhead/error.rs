//! Why a fallback did not serve.

use std::time::Duration;

/// Which limit was in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// As many calls are being served as may be.
    #[error("the fallback serves {limit} calls at a time, and does")]
    Full {
        /// Calls at a time.
        limit: usize,
    },
    /// What the answer would be computed from is too old.
    #[error("what it would be computed from is {} s old; allowed are {} s", age.as_secs_f32(), max.as_secs_f32())]
    Stale {
        /// Its age.
        age: Duration,
        /// The age that is allowed.
        max: Duration,
    },
    /// There is nothing to compute the answer from, or nobody knows how old it is.
    #[error("there is nothing to compute it from")]
    NothingToComputeFrom,
    /// The service inside is not ready, and here nobody waits.
    #[error("the fallback is not ready")]
    NotReady,
}

/// The fallback did not serve. The call was not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Refused {
    /// Which limit was in the way.
    pub cause: Cause,
    /// When it may be worth asking again.
    pub retry_after: Duration,
}
