//! The layer of [`EarlyDrop`].

use std::fmt;
use std::time::Duration;

use tower_layer::Layer;

use super::{EarlyDrop, Tally};

/// Drops the calls of a service that are too late. The tally is shared by everything that the layer makes.
#[derive(Clone)]
pub struct EarlyDropLayer<B> {
    budget: B,
    least: Duration,
    tally: Tally,
}

impl<B> EarlyDropLayer<B> {
    /// `budget` is what a request has left, a `Fn(&Req) -> Duration`; `least` is what the service inside takes at least:
    /// zero drops only what is late already.
    pub fn new(budget: B, least: Duration) -> Self {
        Self { budget, least, tally: Tally::default() }
    }

    /// What was dropped so far, and who gave up.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }
}

impl<S, B: Clone> Layer<S> for EarlyDropLayer<B> {
    type Service = EarlyDrop<S, B>;

    fn layer(&self, inner: S) -> Self::Service {
        EarlyDrop { inner, budget: self.budget.clone(), least: self.least, tally: self.tally.clone() }
    }
}

impl<B> fmt::Debug for EarlyDropLayer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlyDropLayer").field("least", &self.least).finish_non_exhaustive()
    }
}
