//! Refuses the least important calls first, so that the most important ones still find room.
//!
//! A service that is full must choose. In a market the choice is known: who wants to get *out* of something comes before
//! who wants to get in. So all calls share one number of places, and each class of them may take places up to a ceiling of its
//! own: beyond the ceiling of quotes there is still room for orders, beyond that of orders for those that only reduce a
//! position, and cancellations may take the last place. What is refused is refused at once; nothing waits here.
//!
//! ```
//! use std::time::Duration;
//! use degrade::shed::{Limits, Priority};
//! use degrade::ShedLayer;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), circuit::BadSetting> {
//! let limits = Limits { quote: 0, ..Limits::of(100) };
//! assert!(limits.check().is_err(), "a class without any room is a mistake");
//!
//! let shed = ShedLayer::new(Limits::of(100), Duration::from_secs(1), |class: &Priority| *class)?;
//! let trade = service_fn(async |_: Priority| Ok::<_, String>("done"));
//! assert!(shed.layer(trade).oneshot(Priority::Quote).await.is_ok());
//! assert_eq!(shed.tally().counts().shed(Priority::Quote), 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Where the bound is
//! Calls in flight, from the call to the answer. A caller who gives up frees its place, for the work behind it is
//! dropped with it; records that it produced are not recalled by that, and have bounds of their own.

pub mod error;
mod layer;
mod limits;
mod tally;

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use self::error::Overloaded;
pub use self::layer::ShedLayer;
pub use self::limits::{Limits, Priority};
use self::tally::Room;
pub use self::tally::{Counts, Tally};
use crate::admission::{Error, Permit, ResponseFuture};

/// Admits calls up to the ceiling of their class. Made by a [`ShedLayer`].
#[derive(Clone)]
pub struct Shed<S, C> {
    inner: S,
    classify: C,
    limits: Limits,
    retry_after: Duration,
    room: Room,
}

impl<S, C> Shed<S, C> {
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
}

impl<S, C, Req> Service<Req> for Shed<S, C>
where
    S: Service<Req>,
    C: Fn(&Req) -> Priority,
{
    type Response = S::Response;
    type Error = Error<Overloaded, S::Error>;
    type Future = ResponseFuture<S::Future, Overloaded, Permit>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let priority = (self.classify)(&request);
        let limit = self.limits.ceiling(priority);
        match self.room.take(priority, limit) {
            Some(permit) => ResponseFuture::admitted(self.inner.call(request), permit),
            None => ResponseFuture::refused(Overloaded { priority, limit, retry_after: self.retry_after }),
        }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Shed<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shed")
            .field("inner", &self.inner)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
