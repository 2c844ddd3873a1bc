//! The future of [`Shadow`](super::Shadow).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::Compare;
use super::run::Second;

pin_project! {
    /// The answer of the primary service. The shadow begins when it is there, and nobody waits for it.
    pub struct ResponseFuture<P, F, C, Req> {
        #[pin]
        primary: P,
        second: Option<Box<Second<F, C, Req>>>,
    }
}

impl<P, F, C, Req> ResponseFuture<P, F, C, Req> {
    #[inline]
    pub(super) const fn new(primary: P, second: Option<Box<Second<F, C, Req>>>) -> Self {
        Self { primary, second }
    }
}

impl<P, F, C, Req, A, E> Future for ResponseFuture<P, F, C, Req>
where
    P: Future<Output = Result<A, E>>,
    F: Service<Req, Response = A> + Send + 'static,
    F::Future: Send,
    C: Compare<A> + Send + 'static,
    Req: Send + 'static,
{
    type Output = Result<A, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.primary.poll(cx));
        if let (Ok(answer), Some(second)) = (&answer, this.second.take()) {
            second.run(answer);
        }
        Poll::Ready(answer)
    }
}

impl<P, F, C, Req> fmt::Debug for ResponseFuture<P, F, C, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("shadowed", &self.second.is_some()).finish_non_exhaustive()
    }
}
