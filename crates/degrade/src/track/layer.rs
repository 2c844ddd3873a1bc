//! The layer of [`Track`].

use std::fmt;

use circuit::Calls;
use tower_layer::Layer;

use super::Track;

/// Tracks the calls of a service. The rings are shared by everything that the layer makes.
#[derive(Clone)]
pub struct TrackLayer<K> {
    calls: Calls,
    key: K,
}

impl<K> TrackLayer<K> {
    /// Where calls begin, and in which partition.
    pub const fn new(calls: Calls, key: K) -> Self {
        Self { calls, key }
    }
}

impl<S, K: Clone> Layer<S> for TrackLayer<K> {
    type Service = Track<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        Track::new(inner, self.calls.clone(), self.key.clone())
    }
}

impl<K> fmt::Debug for TrackLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackLayer").finish_non_exhaustive()
    }
}
