//! One service's turn at a request.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// One service's turn at a request: first its readiness, then its answer.
    #[project = TurnProjection]
    pub(crate) enum Turn<S: Service<Req>, Req> {
        Waiting { service: S, request: Option<Req> },
        Called { #[pin] future: S::Future },
    }
}

impl<S: Service<Req>, Req> Turn<S, Req> {
    pub(crate) const fn waiting(service: S, request: Req) -> Self {
        Self::Waiting { service, request: Some(request) }
    }

    pub(crate) const fn called(future: S::Future) -> Self {
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

/// Takes the instance that was asked for readiness, if one was, and leaves a clone that was not.
pub(crate) fn take<S: Clone>(service: &mut S) -> S {
    let clone = service.clone();
    mem::replace(service, clone)
}
