//! The future of [`Degrade`](super::Degrade).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// One service's turn at a request: first its readiness, then its answer.
    #[project = TurnProjection]
    pub(super) enum Turn<S: Service<Req>, Req> {
        Waiting { service: S, request: Option<Req> },
        Called { #[pin] future: S::Future },
    }
}

impl<S: Service<Req>, Req> Turn<S, Req> {
    pub(super) const fn waiting(service: S, request: Req) -> Self {
        Self::Waiting { service, request: Some(request) }
    }

    pub(super) const fn called(future: S::Future) -> Self {
        Self::Called { future }
    }
}

impl<S: Service<Req>, Req> Future for Turn<S, Req> {
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project() {
                TurnProjection::Called { future } => return future.poll(cx),
                TurnProjection::Waiting { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    let request = request.take().expect("a turn that failed is not polled again");
                    let future = service.call(request);
                    self.set(Self::Called { future });
                }
            }
        }
    }
}

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
