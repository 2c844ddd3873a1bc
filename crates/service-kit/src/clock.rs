//! The one place that looks at the wall clock: what is stamped on records, quotes and answers.

use std::time::{SystemTime, UNIX_EPOCH};

use trading::time::Timestamp;

/// Now, in whole milliseconds; the epoch itself on a clock that is set before it.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
