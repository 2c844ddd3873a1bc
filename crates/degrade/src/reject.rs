//! The fallback that does nothing: it answers, or refuses, at once.
//!
//! For what must not be done in any other way: an order is never executed without its log.
//!
//! ```
//! use degrade::Reject;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let refuse = Reject::new(|partition: usize| Err::<(), _>(format!("partition {partition} is stuck")));
//! assert_eq!(refuse.oneshot(7).await.unwrap_err(), "partition 7 is stuck");
//! # }
//! ```

use std::fmt;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use tower_service::Service;

/// Answers each request with what the closure makes of it, without waiting for anything. Always ready.
#[derive(Clone, Copy)]
pub struct Reject<A> {
    answer: A,
}

impl<A> Reject<A> {
    /// `answer` gives the refusal: an error, or a response that says so.
    pub const fn new(answer: A) -> Self {
        Self { answer }
    }
}

impl<A, Req, Res, E> Service<Req> for Reject<A>
where
    A: FnMut(Req) -> Result<Res, E>,
{
    type Response = Res;
    type Error = E;
    type Future = Ready<Result<Res, E>>;

    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        ready((self.answer)(request))
    }
}

impl<A> fmt::Debug for Reject<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reject").finish_non_exhaustive()
    }
}
