//! Why a call was dropped.

use std::fmt;
use std::time::Duration;

/// The call came too late. It was not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLate {
    /// What was left of the budget; zero if the deadline had passed.
    pub left: Duration,
    /// What the service inside takes at least.
    pub least: Duration,
}

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.left.is_zero() {
            return f.write_str("the deadline had passed before the call was begun");
        }
        let (left, least) = (self.left.as_millis(), self.least.as_millis());
        write!(f, "{left} ms are left, and the answer takes {least} ms at least")
    }
}

impl std::error::Error for TooLate {}
