//! The layer of [`Bulkhead`].

use std::fmt;

use circuit::BadSetting;
use tower_layer::Layer;

use super::{Bulkhead, Settings, Tally, Walls};

/// Holds a fallback to its limits. The places are shared by everything that the layer makes.
#[derive(Clone)]
pub struct BulkheadLayer<A> {
    age: A,
    settings: Settings,
    walls: Walls,
}

impl<A> BulkheadLayer<A> {
    /// `age` is how old that is which a request's answer would be computed from, a `Fn(&Req) -> Option<Duration>`; `None`
    /// if there is nothing.
    ///
    /// # Errors
    /// A setting that is out of bounds.
    pub fn new(settings: Settings, age: A) -> Result<Self, BadSetting> {
        settings.check()?;
        Ok(Self { age, settings, walls: Walls::default() })
    }

    /// What was served and what was refused so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally::new(self.walls.clone())
    }
}

impl<S, A: Clone> Layer<S> for BulkheadLayer<A> {
    type Service = Bulkhead<S, A>;

    fn layer(&self, inner: S) -> Self::Service {
        Bulkhead {
            inner,
            inner_ready: false,
            age: self.age.clone(),
            settings: self.settings,
            walls: self.walls.clone(),
        }
    }
}

impl<A> fmt::Debug for BulkheadLayer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadLayer").field("settings", &self.settings).finish_non_exhaustive()
    }
}
