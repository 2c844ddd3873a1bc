//! The layer of [`Deadline`].

use std::fmt;

use tower_layer::Layer;

use super::Deadline;

/// Gives each call of a service a deadline.
#[derive(Clone, Copy)]
pub struct DeadlineLayer<B> {
    budget: B,
}

impl<B> DeadlineLayer<B> {
    /// `budget` is what a request has left, a `Fn(&Req) -> Duration`.
    pub const fn new(budget: B) -> Self {
        Self { budget }
    }
}

impl<S, B: Clone> Layer<S> for DeadlineLayer<B> {
    type Service = Deadline<S, B>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadline::new(inner, self.budget.clone())
    }
}

impl<B> fmt::Debug for DeadlineLayer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineLayer").finish_non_exhaustive()
    }
}
