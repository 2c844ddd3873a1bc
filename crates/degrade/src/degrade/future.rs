//! The future of [`Degrade`](super::Degrade).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::turn::Turn;

pin_project! {
    #[project = PathProjection]
    enum Path<P: Service<Req>, F: Service<Req>, Req> {
        Primary { #[pin] turn: Turn<P, Req> },
        Fallback { #[pin] turn: Turn<F, Req> },
    }
}

pin_project! {
    /// The answer of whichever service was chosen.
    ///
    /// # Panics
    /// If it is polled after it has completed and the service inside panics on that.
    pub struct ResponseFuture<P: Service<Req>, F: Service<Req>, Req> {
        #[pin]
        path: Path<P, F, Req>,
    }
}

impl<P: Service<Req>, F: Service<Req>, Req> ResponseFuture<P, F, Req> {
    pub(super) const fn primary(turn: Turn<P, Req>) -> Self {
        Self { path: Path::Primary { turn } }
    }

    pub(super) const fn fallback(turn: Turn<F, Req>) -> Self {
        Self { path: Path::Fallback { turn } }
    }
}

impl<P, F, Req> Future for ResponseFuture<P, F, Req>
where
    P: Service<Req>,
    F: Service<Req, Response = P::Response>,
    F::Error: Into<P::Error>,
{
    type Output = Result<P::Response, P::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().path.project() {
            PathProjection::Primary { turn } => turn.poll(cx),
            PathProjection::Fallback { turn } => turn.poll(cx).map_err(Into::into),
        }
    }
}

impl<P: Service<Req>, F: Service<Req>, Req> fmt::Debug for ResponseFuture<P, F, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.path {
            Path::Primary { .. } => "primary",
            Path::Fallback { .. } => "fallback",
        };
        f.debug_struct("ResponseFuture").field("path", &path).finish_non_exhaustive()
    }
}
