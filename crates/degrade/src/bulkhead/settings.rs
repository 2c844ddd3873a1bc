//! The limits of a fallback, with their defaults and bounds.

use std::time::Duration;

use circuit::{BadSetting, within};

/// The limits of one fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Calls that are served at the same time. 64, which at 5 ms an answer is 12,800 a second; 1 to 65,536. What the
    /// fallback stands on (a connection pool, say) must bear this and the shadows together.
    pub concurrency: usize,
    /// How old that may be which an answer is computed from. 10 s; up to a day.
    pub staleness_max: Duration,
    /// What a refusal says of when to ask again. 1 s, about one dwell of an open circuit; up to 1 h.
    pub retry_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { concurrency: 64, staleness_max: Duration::from_secs(10), retry_after: Duration::from_secs(1) }
    }
}

impl Settings {
    /// Checks every bound.
    ///
    /// # Errors
    /// The first setting that is out of bounds; change it and start again.
    pub fn check(&self) -> Result<(), BadSetting> {
        let s = Duration::from_secs;
        within("bulkhead.concurrency", self.concurrency, 1, 65_536)?;
        within("bulkhead.staleness_max", self.staleness_max, Duration::ZERO, s(86_400))?;
        within("bulkhead.retry_after", self.retry_after, Duration::ZERO, s(3_600))
    }
}
