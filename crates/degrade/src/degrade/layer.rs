//! The layer of [`Degrade`].

use std::fmt;

use tower_layer::Layer;

use super::Degrade;

/// Puts a fallback beside a service. The switches are shared by everything that the layer makes.
#[derive(Clone)]
pub struct DegradeLayer<F, C> {
    fallback: F,
    choose: C,
}

impl<F, C> DegradeLayer<F, C> {
    /// The other way, and who chooses.
    pub const fn new(fallback: F, choose: C) -> Self {
        Self { fallback, choose }
    }
}

impl<P, F: Clone, C: Clone> Layer<P> for DegradeLayer<F, C> {
    type Service = Degrade<P, F, C>;

    fn layer(&self, primary: P) -> Self::Service {
        Degrade::new(primary, self.fallback.clone(), self.choose.clone())
    }
}

impl<F: fmt::Debug, C> fmt::Debug for DegradeLayer<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DegradeLayer").field("fallback", &self.fallback).finish_non_exhaustive()
    }
}
