//! The one place that turns errors into answers, so that none escapes.
//!
//! Outermost of a stack, and total: its error is [`Infallible`], as servers want it. What an error means to a client is
//! said once, here, and not by each layer: [`Problem`] is that, and there is a `From` for every refusal of this crate.
//!
//! ```
//! use std::convert::Infallible;
//! use std::time::Duration;
//! use degrade::{DeadlineLayer, Problem, RescueLayer};
//! use http::Response;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let hangs = service_fn(async |_: u8| std::future::pending::<Result<Response<String>, Infallible>>().await);
//! let deadline = DeadlineLayer::new(|_: &u8| Duration::from_millis(5)).layer(hangs);
//! let service = RescueLayer::new(|error| Problem::from(error).into_response()).layer(deadline);
//!
//! let Ok(response) = service.oneshot(1).await;
//! assert_eq!(response.status(), 504);
//! assert_eq!(response.headers()["content-type"], "application/problem+json");
//! assert!(response.body().contains(r#""executed":"unknown""#));
//! # }
//! ```
//!
//! # What is decided
//! A service whose `poll_ready` fails is finished, but its callers are not: the error becomes the answer to the next
//! call. A request that comes without having asked for readiness goes to the service inside, as tower has it.

mod future;
mod layer;
mod problem;

use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

pub use self::future::ResponseFuture;
pub use self::layer::RescueLayer;
pub use self::problem::{Executed, Problem};

/// Makes an answer of each error. Made by a [`RescueLayer`].
pub struct Rescue<S, R, E> {
    inner: S,
    rescue: R,
    failed: Option<E>,
}

impl<S, R, E> Rescue<S, R, E> {
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

impl<S, R, Req> Service<Req> for Rescue<S, R, S::Error>
where
    S: Service<Req>,
    R: Fn(S::Error) -> S::Response + Clone,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, S::Error, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.failed.is_some() {
            return Poll::Ready(Ok(()));
        }
        self.inner.poll_ready(cx).map(|ready| {
            self.failed = ready.err();
            Ok(())
        })
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        match self.failed.take() {
            Some(error) => ResponseFuture::failed(error, self.rescue.clone()),
            None => ResponseFuture::called(self.inner.call(request), self.rescue.clone()),
        }
    }
}

/// The clone's service was not asked for readiness, so it has not failed yet.
impl<S: Clone, R: Clone, E> Clone for Rescue<S, R, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), rescue: self.rescue.clone(), failed: None }
    }
}

impl<S: fmt::Debug, R, E> fmt::Debug for Rescue<S, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rescue").field("inner", &self.inner).finish_non_exhaustive()
    }
}
