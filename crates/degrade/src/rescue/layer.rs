//! The layer of [`Rescue`].

use std::fmt;
use std::marker::PhantomData;

use tower_layer::Layer;

use super::Rescue;

/// Makes an answer of each error of a service.
pub struct RescueLayer<R, E> {
    rescue: R,
    error: PhantomData<fn(E)>,
}

impl<R, E> RescueLayer<R, E> {
    /// `rescue` is a `Fn(E) -> Response`.
    pub const fn new(rescue: R) -> Self {
        Self { rescue, error: PhantomData }
    }
}

impl<S, R: Clone, E> Layer<S> for RescueLayer<R, E> {
    type Service = Rescue<S, R, E>;

    fn layer(&self, inner: S) -> Self::Service {
        Rescue { inner, rescue: self.rescue.clone(), failed: None }
    }
}

impl<R: Clone, E> Clone for RescueLayer<R, E> {
    fn clone(&self) -> Self {
        Self::new(self.rescue.clone())
    }
}

impl<R, E> fmt::Debug for RescueLayer<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RescueLayer").finish_non_exhaustive()
    }
}
