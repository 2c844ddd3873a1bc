//! A call whose deadline has passed, or cannot be met any more, never reaches the service inside.
//!
//! Work for a caller who is gone is the fuel of a metastable failure: a service that is behind spends itself on answers
//! that nobody waits for. So a call is dropped on arrival if its budget is spent, or if it is below the *least* time
//! that the service inside ever took: a constant that is measured, not learned, because an estimate that refuses calls
//! no longer sees any and cannot be corrected.
//!
//! Callers who give up while they wait are counted too, by the future that is dropped before its answer: they are the
//! first sign of a dependency that hangs, in clients that are less patient than any timeout here.
//!
//! ```
//! use std::time::Duration;
//! use degrade::EarlyDropLayer;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let ms = Duration::from_millis;
//! let layer = EarlyDropLayer::new(|budget: &Duration| *budget, ms(2));
//! let over_kafka = service_fn(async |_: Duration| Ok::<_, String>("executed"));
//! let service = layer.layer(over_kafka);
//!
//! assert!(service.clone().oneshot(ms(100)).await.is_ok());
//! let refusal = service.oneshot(ms(1)).await.unwrap_err();
//! assert_eq!(refusal.to_string(), "1 ms are left, and the answer takes 2 ms at least");
//! assert_eq!(layer.tally().counts().unmeetable, 1);
//! # }
//! ```

pub mod error;
mod layer;
mod tally;

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use self::error::TooLate;
pub use self::layer::EarlyDropLayer;
pub use self::tally::{Caller, Counts, Tally};
use crate::admission::{Error, ResponseFuture};

/// Drops calls that are too late. Made by an [`EarlyDropLayer`].
#[derive(Clone)]
pub struct EarlyDrop<S, B> {
    inner: S,
    budget: B,
    least: Duration,
    tally: Tally,
}

impl<S, B> EarlyDrop<S, B> {
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

impl<S, B, Req> Service<Req> for EarlyDrop<S, B>
where
    S: Service<Req>,
    B: Fn(&Req) -> Duration,
{
    type Response = S::Response;
    type Error = Error<TooLate, S::Error>;
    type Future = ResponseFuture<S::Future, TooLate, Caller>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let left = (self.budget)(&request);
        if left.is_zero() || left < self.least {
            let late = TooLate { left, least: self.least };
            self.tally.dropped(late);
            return ResponseFuture::refused(late);
        }
        ResponseFuture::admitted(self.inner.call(request), self.tally.caller())
    }
}

impl<S: fmt::Debug, B> fmt::Debug for EarlyDrop<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlyDrop")
            .field("inner", &self.inner)
            .field("least", &self.least)
            .finish_non_exhaustive()
    }
}
