//! The layer of [`Shadow`].

use std::fmt;

use tower_layer::Layer;

use super::{Proof, Shadow};

/// Lets a share of a service's calls take a fallback too.
#[derive(Clone)]
pub struct ShadowLayer<F, C> {
    fallback: F,
    compare: C,
    proof: Proof,
}

impl<F, C> ShadowLayer<F, C> {
    /// The fallback as it is *inside* its bulkhead, how its answers are compared, and where the outcome is kept.
    pub const fn new(fallback: F, compare: C, proof: Proof) -> Self {
        Self { fallback, compare, proof }
    }
}

impl<P, F: Clone, C: Clone> Layer<P> for ShadowLayer<F, C> {
    type Service = Shadow<P, F, C>;

    fn layer(&self, primary: P) -> Self::Service {
        Shadow {
            primary,
            fallback: self.fallback.clone(),
            compare: self.compare.clone(),
            proof: self.proof.clone(),
        }
    }
}

impl<F, C> fmt::Debug for ShadowLayer<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShadowLayer").field("proof", &self.proof).finish_non_exhaustive()
    }
}
