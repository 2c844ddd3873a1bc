//! The future of [`Deadline`](super::Deadline).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::error::{Elapsed, Error};

pin_project! {
    #[project = CallProjection]
    enum Call<F> {
        PassedOn { #[pin] future: F, #[pin] deadline: Sleep, budget: Duration },
        Spent,
    }
}

pin_project! {
    /// The answer, or [`Elapsed`].
    pub struct ResponseFuture<F> {
        #[pin]
        call: Call<F>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(future: F, budget: Duration) -> Self {
        Self { call: Call::PassedOn { future, deadline: sleep(budget), budget } }
    }

    pub(super) const fn spent() -> Self {
        Self { call: Call::Spent }
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let elapsed = match self.project().call.project() {
            CallProjection::Spent => Elapsed { budget: Duration::ZERO, passed_on: false },
            CallProjection::PassedOn { future, deadline, budget } => {
                if let Poll::Ready(answer) = future.poll(cx) {
                    return Poll::Ready(answer.map_err(Error::Inner));
                }
                ready!(deadline.poll(cx));
                Elapsed { budget: *budget, passed_on: true }
            }
        };
        Poll::Ready(Err(elapsed.into()))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
