//! A budget for each request, from the request itself.
//!
//! The budget counts from the call, so that the time in which a call waits for readiness inside a
//! [`Degrade`](crate::Degrade) is the caller's time too. An answer that is there wins over a deadline that has passed. A
//! request that comes without any budget left is not passed on at all, and its error says so: it was certainly not
//! executed. Of one that was passed on nobody knows, and dropping its future recalls nothing.
//!
//! ```
//! use std::time::Duration;
//! use degrade::DeadlineLayer;
//! use degrade::deadline::error::{Elapsed, Error};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let hangs = service_fn(async |_: Duration| std::future::pending::<Result<(), String>>().await);
//! let service = DeadlineLayer::new(|budget: &Duration| *budget).layer(hangs);
//!
//! let budget = Duration::from_millis(5);
//! let elapsed = service.clone().oneshot(budget).await.unwrap_err();
//! assert_eq!(elapsed, Error::Elapsed(Elapsed { budget, passed_on: true }));
//! let elapsed = service.oneshot(Duration::ZERO).await.unwrap_err();
//! assert_eq!(elapsed, Error::Elapsed(Elapsed { budget: Duration::ZERO, passed_on: false }));
//! # }
//! ```

pub mod error;
mod future;
mod layer;

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use self::error::Error;
pub use self::future::ResponseFuture;
pub use self::layer::DeadlineLayer;

/// Ends each call when its budget is spent.
#[derive(Clone)]
pub struct Deadline<S, B> {
    inner: S,
    budget: B,
}

impl<S, B> Deadline<S, B> {
    /// `budget` is what a request has left, a `Fn(&Req) -> Duration`.
    pub const fn new(inner: S, budget: B) -> Self {
        Self { inner, budget }
    }

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

impl<S, B, Req> Service<Req> for Deadline<S, B>
where
    S: Service<Req>,
    B: Fn(&Req) -> Duration,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let budget = (self.budget)(&request);
        if budget.is_zero() {
            return ResponseFuture::spent();
        }
        ResponseFuture::new(self.inner.call(request), budget)
    }
}

impl<S: fmt::Debug, B> fmt::Debug for Deadline<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").field("inner", &self.inner).finish_non_exhaustive()
    }
}
