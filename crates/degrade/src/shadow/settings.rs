//! The numbers of shadowing, with their defaults and bounds.

use std::time::Duration;

use circuit::{BadSetting, within};

/// How a fallback is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// One call in so many takes the fallback too. 50, which is 2 %; 1 to 1,000,000. Choose it so that shadows come more
    /// often than a proof grows old. While the fallback is not proven for another reason than its age, every call does.
    pub one_in: u32,
    /// Shadows at the same time. 8; 1 to 1,024.
    pub concurrency: usize,
    /// A shadow that takes longer has failed. 200 ms; 1 ms to 60 s.
    pub deadline: Duration,
    /// The largest distance at which two answers still agree, in the unit of the comparison. 0.
    pub distance_max: u64,
    /// So many disagreements, or failures, in a row disprove a fallback. 3; 1 to 1,000.
    pub strikes: u32,
    /// How long a proof lasts. 60 s; 1 s to a day.
    pub proven_for: Duration,
    /// What a refusal says of when to ask again. 1 s; up to 1 h.
    pub retry_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            one_in: 50,
            concurrency: 8,
            deadline: Duration::from_millis(200),
            distance_max: 0,
            strikes: 3,
            proven_for: Duration::from_secs(60),
            retry_after: Duration::from_secs(1),
        }
    }
}

impl Settings {
    /// Checks every bound.
    ///
    /// # Errors
    /// The first setting that is out of bounds; change it and start again.
    pub fn check(&self) -> Result<(), BadSetting> {
        let s = Duration::from_secs;
        within("shadow.one_in", self.one_in, 1, 1_000_000)?;
        within("shadow.concurrency", self.concurrency, 1, 1_024)?;
        within("shadow.deadline", self.deadline, Duration::from_millis(1), s(60))?;
        within("shadow.strikes", self.strikes, 1, 1_000)?;
        within("shadow.proven_for", self.proven_for, s(1), s(86_400))?;
        within("shadow.retry_after", self.retry_after, Duration::ZERO, s(3_600))
    }
}
