//! The future of the layers that refuse.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::error::Error;

/// What a layer holds from the call to its answer. If the caller gives up, it is dropped instead.
pub trait Hold {
    /// The answer is there.
    fn answered(self, succeeded: bool);
}

pin_project! {
    #[project = CallProjection]
    enum Call<F, R, H> {
        Admitted { #[pin] future: F, hold: Option<H> },
        Refused { refusal: Option<R> },
    }
}

pin_project! {
    /// The answer, or the refusal `R`. What is held, `H`, is let go of when the answer is there.
    ///
    /// # Panics
    /// If it is polled after it was refused.
    pub struct ResponseFuture<F, R, H> {
        #[pin]
        call: Call<F, R, H>,
    }
}

impl<F, R, H> ResponseFuture<F, R, H> {
    #[inline]
    pub(crate) const fn admitted(future: F, hold: H) -> Self {
        Self { call: Call::Admitted { future, hold: Some(hold) } }
    }

    #[inline]
    pub(crate) const fn refused(refusal: R) -> Self {
        Self { call: Call::Refused { refusal: Some(refusal) } }
    }
}

impl<F, R, H, T, E> Future for ResponseFuture<F, R, H>
where
    F: Future<Output = Result<T, E>>,
    H: Hold,
{
    type Output = Result<T, Error<R, E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().call.project() {
            CallProjection::Admitted { future, hold } => {
                let answer = ready!(future.poll(cx));
                // A future may be kept after it has completed; the permit may not.
                if let Some(hold) = hold.take() {
                    hold.answered(answer.is_ok());
                }
                Poll::Ready(answer.map_err(Error::Inner))
            }
            CallProjection::Refused { refusal } => {
                let refusal = refusal.take().expect("a call that was refused is not polled again");
                Poll::Ready(Err(Error::Refused(refusal)))
            }
        }
    }
}

impl<F, R, H> fmt::Debug for ResponseFuture<F, R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = matches!(self.call, Call::Refused { .. });
        f.debug_struct("ResponseFuture").field("refused", &refused).finish_non_exhaustive()
    }
}
