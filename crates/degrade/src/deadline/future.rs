//! The future of [`Deadline`](super::Deadline).
//!
//! A timer is made when the first poll found no answer, so that a call that is answered at once reads the clock and does
//! nothing else.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::error::{Elapsed, Error};

pin_project! {
    #[project = CallProjection]
    enum Call<F> {
        PassedOn { #[pin] future: F, #[pin] timer: Option<Sleep>, budget: Duration, until: Option<Instant> },
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
    #[inline]
    pub(super) fn new(future: F, budget: Duration) -> Self {
        // A budget beyond the end of time is one without end.
        let until = Instant::now().checked_add(budget);
        Self { call: Call::PassedOn { future, timer: None, budget, until } }
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

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let elapsed = match self.project().call.project() {
            CallProjection::Spent => Elapsed { budget: Duration::ZERO, passed_on: false },
            CallProjection::PassedOn { future, mut timer, budget, until } => {
                if let Poll::Ready(answer) = future.poll(cx) {
                    return Poll::Ready(answer.map_err(Error::Inner));
                }
                let Some(until) = *until else { return Poll::Pending };
                if timer.is_none() {
                    timer.set(Some(sleep_until(until)));
                }
                ready!(timer.as_pin_mut().expect("it was just set").poll(cx));
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
