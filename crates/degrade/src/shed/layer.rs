//! The layer of [`Shed`].

use std::fmt;
use std::time::Duration;

use circuit::BadSetting;
use tower_layer::Layer;

use super::{Limits, Room, Shed, Tally};

/// Sheds the load of a service by class. The places are shared by everything that the layer makes.
#[derive(Clone)]
pub struct ShedLayer<C> {
    classify: C,
    limits: Limits,
    retry_after: Duration,
    room: Room,
}

impl<C> ShedLayer<C> {
    /// `classify` is a `Fn(&Req) -> Priority`; `retry_after` is what a refusal says of when to ask again.
    ///
    /// # Errors
    /// The limits are not in order.
    pub fn new(limits: Limits, retry_after: Duration, classify: C) -> Result<Self, BadSetting> {
        limits.check()?;
        Ok(Self { classify, limits, retry_after, room: Room::default() })
    }

    /// What was shed so far, and what is in flight.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally::new(self.room.clone())
    }
}

impl<S, C: Clone> Layer<S> for ShedLayer<C> {
    type Service = Shed<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Shed {
            inner,
            classify: self.classify.clone(),
            limits: self.limits,
            retry_after: self.retry_after,
            room: self.room.clone(),
        }
    }
}

impl<C> fmt::Debug for ShedLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShedLayer").field("limits", &self.limits).finish_non_exhaustive()
    }
}
