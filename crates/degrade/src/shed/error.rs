//! Why a call found no room.

use std::time::Duration;

use super::Priority;

/// There was no room for a call of this class. It was not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit} calls are in flight, and that is all there may be for {priority} to get in")]
pub struct Overloaded {
    /// The class of the call.
    pub priority: Priority,
    /// Calls in flight at which this class is refused.
    pub limit: usize,
    /// When it may be worth asking again.
    pub retry_after: Duration,
}
