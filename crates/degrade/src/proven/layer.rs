//! The layer of [`Proven`].

use tower_layer::Layer;

use super::Proven;
use crate::shadow::Proof;

/// Refuses a fallback while there is no proof of it.
#[derive(Debug, Clone)]
pub struct ProvenLayer {
    proof: Proof,
}

impl ProvenLayer {
    /// The proof that the shadows of the same fallback keep.
    #[must_use]
    pub const fn new(proof: Proof) -> Self {
        Self { proof }
    }
}

impl<S> Layer<S> for ProvenLayer {
    type Service = Proven<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Proven { inner, proof: self.proof.clone() }
    }
}
