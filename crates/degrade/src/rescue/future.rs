//! The future of [`Rescue`](super::Rescue).

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    #[project = CallProjection]
    enum Call<F, E> {
        Called { #[pin] future: F },
        Failed { error: Option<E> },
    }
}

pin_project! {
    /// The answer, or what was made of the error.
    ///
    /// # Panics
    /// If it is polled after it has completed with the error of a service that was not ready.
    pub struct ResponseFuture<F, E, R> {
        #[pin]
        call: Call<F, E>,
        rescue: R,
    }
}

impl<F, E, R> ResponseFuture<F, E, R> {
    #[inline]
    pub(super) const fn called(future: F, rescue: R) -> Self {
        Self { call: Call::Called { future }, rescue }
    }

    pub(super) const fn failed(error: E, rescue: R) -> Self {
        Self { call: Call::Failed { error: Some(error) }, rescue }
    }
}

impl<F, T, E, R> Future for ResponseFuture<F, E, R>
where
    F: Future<Output = Result<T, E>>,
    R: Fn(E) -> T,
{
    type Output = Result<T, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = match this.call.project() {
            CallProjection::Called { future } => ready!(future.poll(cx)),
            CallProjection::Failed { error } => Err(error.take().expect("it is not polled again")),
        };
        Poll::Ready(Ok(answer.unwrap_or_else(this.rescue)))
    }
}

impl<F, E, R> fmt::Debug for ResponseFuture<F, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
