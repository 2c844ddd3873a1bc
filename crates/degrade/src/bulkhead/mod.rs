//! The limits of a fallback: how many at a time, and how old that may be which it is computed from.
//!
//! A fallback is used at the worst moment, by everybody at once. So it has places of its own, a limit to the age of its
//! data, and it never waits: what is beyond a limit, or would have to wait, is refused at once with a time after which
//! to ask again. The refusals are counted by cause, and so are the extremes of what *was* served, so that a report can
//! show that no call was served beyond a limit instead of claiming it.
//!
//! ```
//! use std::time::Duration;
//! use degrade::BulkheadLayer;
//! use degrade::bulkhead::Settings;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), circuit::BadSetting> {
//! // A request that carries the age of the fee tier which its quote would be computed from.
//! let settings = Settings { staleness_max: Duration::from_secs(10), ..Settings::default() };
//! let layer = BulkheadLayer::new(settings, |age: &Duration| Some(*age))?;
//! let sync = service_fn(async |_: Duration| Ok::<_, String>("a degraded quote"));
//! let fallback = layer.layer(sync);
//!
//! assert_eq!(fallback.clone().oneshot(Duration::from_secs(3)).await, Ok("a degraded quote"));
//! let refused = fallback.oneshot(Duration::from_secs(12)).await.unwrap_err();
//! assert_eq!(refused.to_string(), "what it would be computed from is 12 s old; allowed are 10 s");
//!
//! let counts = layer.tally().counts();
//! assert_eq!((counts.admitted, counts.stale), (1, 1));
//! assert_eq!(counts.age_max, Duration::from_secs(3));
//! # Ok(())
//! # }
//! ```
//!
//! # What is decided
//! - Age is looked at on admission. What a call reads later it may read a little older; put a deadline inside, and the
//!   two together bound it.
//! - Data of unknown age (`None`) is refused like data that is too old.
//! - A service inside that is not ready is refused too: on this path nobody waits.

pub mod error;
mod layer;
mod settings;
mod tally;

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use self::error::{Cause, Refused};
pub use self::layer::BulkheadLayer;
pub use self::settings::Settings;
use self::tally::Walls;
pub use self::tally::{Counts, Tally};
use crate::admission::{Error, Permit, ResponseFuture};

/// Holds a service to its limits. Made by a [`BulkheadLayer`].
pub struct Bulkhead<S, A> {
    inner: S,
    inner_ready: bool,
    age: A,
    settings: Settings,
    walls: Walls,
}

impl<S, A> Bulkhead<S, A> {
    /// The service inside.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service inside.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// A place, unless a limit is in the way. The place is asked for last: it is the only thing that must be given back.
    fn admit(&mut self, age: Option<Duration>) -> Result<Permit, Cause> {
        let Settings { concurrency, staleness_max, .. } = self.settings;
        let age = age.ok_or(Cause::NothingToComputeFrom)?;
        if age > staleness_max {
            return Err(Cause::Stale { age, max: staleness_max });
        }
        if !self.inner_ready {
            return Err(Cause::NotReady);
        }
        let permit = self.walls.places.take(concurrency).ok_or(Cause::Full { limit: concurrency })?;
        self.inner_ready = false;
        self.walls.admitted(age);
        Ok(permit)
    }
}

impl<S, A, Req> Service<Req> for Bulkhead<S, A>
where
    S: Service<Req>,
    A: Fn(&Req) -> Option<Duration>,
{
    type Response = S::Response;
    type Error = Error<Refused, S::Error>;
    type Future = ResponseFuture<S::Future, Refused, Permit>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if !self.inner_ready {
            self.inner_ready = self.inner.poll_ready(cx).map_err(Error::Inner)?.is_ready();
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        match self.admit((self.age)(&request)) {
            Ok(permit) => ResponseFuture::admitted(self.inner.call(request), permit),
            Err(cause) => {
                self.walls.refused(cause);
                ResponseFuture::refused(Refused { cause, retry_after: self.settings.retry_after })
            }
        }
    }
}

/// The clone's inner service was not asked for readiness, so it is not ready.
impl<S: Clone, A: Clone> Clone for Bulkhead<S, A> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            inner_ready: false,
            age: self.age.clone(),
            settings: self.settings,
            walls: self.walls.clone(),
        }
    }
}

impl<S: fmt::Debug, A> fmt::Debug for Bulkhead<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
