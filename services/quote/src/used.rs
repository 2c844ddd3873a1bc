//! What the fallback really did, seen from inside.
//!
//! The bulkhead holds the fallback to its limits; this looks whether it was held, by counting for itself: calls in
//! progress inside of the bulkhead, and how old the price was when a quote was made of it. So a report can show that
//! nothing was served beyond a limit without asking the layer whose promise that is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use degrade::bulkhead;

use crate::quote::Issued;

/// What the fallback did, for a program that runs the service inside itself. Clones are the same counters.
#[derive(Debug, Clone, Default)]
pub struct FallbackUse(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    in_progress: AtomicUsize,
    in_progress_max: AtomicUsize,
    in_progress_limit: AtomicUsize,
    served: AtomicU64,
    beyond_limit: AtomicU64,
    refused: AtomicU64,
    age_us_max: AtomicU64,
}

/// What the fallback did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FallbackCounts {
    /// Quotes that it made.
    pub served: u64,
    /// Those of them that were made while more than may be were in progress, or of a price that was too old.
    pub beyond_limit: u64,
    /// Customers that it refused: at a limit, or because it was not proven.
    pub refused: u64,
    /// The most that were in progress at the same time.
    pub in_progress_max: usize,
    /// How many that may be; 0 as long as there is no fallback.
    pub in_progress_limit: usize,
    /// The oldest price that a quote was made of.
    pub age_max: Duration,
}

impl FallbackUse {
    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> FallbackCounts {
        FallbackCounts {
            served: self.0.served.load(Relaxed),
            beyond_limit: self.0.beyond_limit.load(Relaxed),
            refused: self.0.refused.load(Relaxed),
            in_progress_max: self.0.in_progress_max.load(Relaxed),
            in_progress_limit: self.0.in_progress_limit.load(Relaxed),
            age_max: Duration::from_micros(self.0.age_us_max.load(Relaxed)),
        }
    }

    pub(crate) fn is_limited(&self, limits: &bulkhead::Settings) {
        self.0.in_progress_limit.store(limits.concurrency, Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.0.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn begin(&self) -> InProgress {
        let in_progress = self.0.in_progress.fetch_add(1, Relaxed) + 1;
        self.0.in_progress_max.fetch_max(in_progress, Relaxed);
        InProgress { seen: Arc::clone(&self.0), in_progress }
    }
}

/// A call of the fallback, until it is dropped.
#[derive(Debug)]
pub(crate) struct InProgress {
    seen: Arc<Seen>,
    /// With this one.
    in_progress: usize,
}

impl InProgress {
    /// It made a quote. Returns whether that is beyond a limit. The age is that of the moment of pricing; the price may
    /// have been younger by `slack` when the call was admitted.
    pub(crate) fn served(self, issued: &Issued, limits: &bulkhead::Settings, slack: Duration) -> bool {
        let quote = &issued.signed.quote;
        let age = quote.issued_at.since(quote.price_as_of);
        let age_us = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        self.seen.age_us_max.fetch_max(age_us, Relaxed);
        self.seen.served.fetch_add(1, Relaxed);
        let beyond = self.in_progress > limits.concurrency || age > limits.staleness_max + slack;
        self.seen.beyond_limit.fetch_add(u64::from(beyond), Relaxed);
        beyond
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.seen.in_progress.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ask, desk};
    use service_kit::clock;
    use trading::mode::Mode;

    fn issued(price_age: Duration) -> Issued {
        let (desk, now) = (desk(price_age), clock::now());
        let priced = desk.price(&ask(), Mode::Degraded, now).unwrap();
        let fee = desk.cached_fee(&ask(), &priced, now).unwrap();
        desk.issue(&ask(), priced, fee)
    }

    #[test]
    fn what_is_served_beyond_a_limit_is_counted_by_somebody_else_than_who_holds_to_it() {
        let s = Duration::from_secs;
        let limits = bulkhead::Settings { concurrency: 2, staleness_max: s(3), ..Default::default() };
        let used = FallbackUse::default();
        used.is_limited(&limits);
        let (first, second, third) = (used.begin(), used.begin(), used.begin());
        assert!(!first.served(&issued(s(0)), &limits, s(1)));
        assert!(second.served(&issued(s(5)), &limits, s(1)), "too old");
        assert!(third.served(&issued(s(0)), &limits, s(1)), "one too many");
        assert!(!used.begin().served(&issued(s(0)), &limits, s(1)), "the others are over");
        let counts = used.counts();
        assert_eq!((counts.served, counts.beyond_limit), (4, 2));
        assert_eq!((counts.in_progress_max, counts.in_progress_limit), (3, 2));
        assert!(counts.age_max >= s(5));
    }
}
