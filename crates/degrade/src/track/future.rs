//! The future of [`Track`](super::Track).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use circuit::Guard;
use pin_project_lite::pin_project;

pin_project! {
    /// The answer; the call is in flight until it is there, or until this is dropped.
    pub struct ResponseFuture<F> {
        #[pin]
        future: F,
        guard: Option<Guard>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(future: F, guard: Guard) -> Self {
        Self { future, guard: Some(guard) }
    }
}

impl<F: Future> Future for ResponseFuture<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = ready!(this.future.poll(cx));
        // A future may be kept after it has completed; the call may not.
        drop(this.guard.take());
        Poll::Ready(answer)
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("in_flight", &self.guard.is_some()).finish_non_exhaustive()
    }
}
