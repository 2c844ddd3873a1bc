//! Refuses a fallback that was not proven lately, and says so. [`shadow`](crate::shadow) has an example of both.
//!
//! A fallback that is never used does not work when it is. What [`Shadow`](crate::Shadow) learns of one on good days is
//! kept in a [`Proof`], and this layer, in front of the fallback, looks at it. A fallback is proven if
//! - it agreed with the primary service when the two were last compared, but for fewer than
//!   [`strikes`](crate::shadow::Settings::strikes) times in a row, **and**
//! - it did not fail that often in a row, **and**
//! - it answered within the last [`proven_for`](crate::shadow::Settings::proven_for): a shadow, or a customer.
//!
//! # A gate that cannot wedge
//! While the primary service is stuck there is nothing to compare with, so what counts then is that the fallback
//! answers: each answer to a customer renews the proof. When there were no customers for so long that the proof is too
//! old, the first one is refused, and its request runs through the fallback in the background, for nobody; if that
//! answers in time, the next customer is served. What was *never* compared, or gave other answers, stays refused until
//! the primary service is back: a wrong price is worse than none.

pub mod error;
mod layer;

use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

use self::error::Unproven;
pub use self::layer::ProvenLayer;
use crate::admission::{Error, Hold, ResponseFuture};
use crate::shadow::Proof;
use crate::turn::take;

/// Passes on what a proven fallback may serve. Made by a [`ProvenLayer`].
#[derive(Debug, Clone)]
pub struct Proven<S> {
    inner: S,
    proof: Proof,
}

impl<S> Proven<S> {
    /// The service inside.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service inside.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// The bounds beyond those of `Service` are for the request that runs on in the background, without its caller.
impl<S, Req> Service<Req> for Proven<S>
where
    S: Service<Req> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
    Req: Send + 'static,
{
    type Response = S::Response;
    type Error = Error<Unproven, S::Error>;
    type Future = ResponseFuture<S::Future, Unproven, Served>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        match self.proof.standing() {
            Ok(()) => {
                let served = Served { proof: self.proof.clone() };
                ResponseFuture::admitted(self.inner.call(request), served)
            }
            Err(doubt) => {
                if doubt.can_be_tried() {
                    self.proof.try_out(take(&mut self.inner), request);
                }
                ResponseFuture::refused(self.proof.refuse(doubt))
            }
        }
    }
}

/// A customer that is being served; an answer renews the proof.
pub struct Served {
    proof: Proof,
}

impl Hold for Served {
    fn answered(self, succeeded: bool) {
        if succeeded {
            self.proof.answered();
        }
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}
