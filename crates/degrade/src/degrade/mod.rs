//! One atomic load picks the primary service or the fallback.
//!
//! # What is decided
//! - **A call that is in flight when the circuit opens stays where it is.** Its record may have been produced, and a
//!   second way to the answer could execute it twice; nobody can tell from here. The caller's deadline ends it, with
//!   the outcome unknown. The same holds for a call that still waits for the primary to be ready.
//! - **Readiness never crosses over.** A primary that is not ready (it is stuck, perhaps) must not keep calls from the
//!   fallback, so `Degrade` is ready whenever it is asked; a call whose own side is not ready waits for it inside its
//!   future. That queue is not bounded here: put a limit outside, and services inside that refuse instead of waiting.
//! - **The fallback's readiness is asked for when a call needs it**, and not before: an idle clone would otherwise hold
//!   a permit of the fallback's bulkhead. The primary's is asked for up front; if the call then goes the other way, the
//!   readiness is kept for the next one.
//! - An error of the primary's `poll_ready` is passed on: by tower's contract that service is finished.
//!
//! ```
//! use circuit::{Decision, SwitchBoard};
//! use degrade::{ByPartition, DegradeLayer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let over_kafka = service_fn(async |_: usize| Ok::<_, String>("over Kafka"));
//! let locally = service_fn(async |_: usize| Ok::<_, String>("computed locally"));
//! let switches = SwitchBoard::new(12);
//! let by_partition = ByPartition::new(switches.clone(), |partition: &usize| *partition);
//! let service = DegradeLayer::new(locally, by_partition).layer(over_kafka);
//!
//! switches.set(7, Decision::Fallback); // a watchdog does that
//! assert_eq!(service.clone().oneshot(6).await, Ok("over Kafka"));
//! assert_eq!(service.oneshot(7).await, Ok("computed locally"));
//! # }
//! ```

mod future;
mod layer;

use std::fmt;
use std::mem;
use std::task::{Context, Poll};

use circuit::Decision;
use tower_service::Service;

pub use self::future::ResponseFuture;
pub use self::layer::DegradeLayer;
use crate::choose::Choose;
use crate::turn::{Turn, take};

/// Sends each request to the primary service or to the fallback, as `C` chooses.
pub struct Degrade<P, F, C> {
    primary: P,
    primary_ready: bool,
    fallback: F,
    choose: C,
}

impl<P, F, C> Degrade<P, F, C> {
    /// Both ways, and who chooses.
    pub const fn new(primary: P, fallback: F, choose: C) -> Self {
        Self { primary, primary_ready: false, fallback, choose }
    }

    /// The primary service.
    pub const fn get_ref(&self) -> &P {
        &self.primary
    }

    /// The primary service.
    pub const fn get_mut(&mut self) -> &mut P {
        &mut self.primary
    }

    /// The primary service.
    pub fn into_inner(self) -> P {
        self.primary
    }

    /// The fallback.
    pub const fn fallback(&self) -> &F {
        &self.fallback
    }
}

impl<P, F, C, Req> Service<Req> for Degrade<P, F, C>
where
    P: Service<Req> + Clone,
    F: Service<Req, Response = P::Response> + Clone,
    F::Error: Into<P::Error>,
    C: Choose<Req>,
{
    type Response = P::Response;
    type Error = P::Error;
    type Future = ResponseFuture<P, F, Req>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), P::Error>> {
        if !self.primary_ready {
            self.primary_ready = self.primary.poll_ready(cx)?.is_ready();
        }
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        match self.choose.choose(&request) {
            Decision::Primary if mem::take(&mut self.primary_ready) => {
                ResponseFuture::primary(Turn::called(self.primary.call(request)))
            }
            Decision::Primary => ResponseFuture::primary(Turn::waiting(take(&mut self.primary), request)),
            Decision::Fallback => ResponseFuture::fallback(Turn::waiting(take(&mut self.fallback), request)),
        }
    }
}

/// The clone's primary was not asked for readiness, so it is not ready.
impl<P: Clone, F: Clone, C: Clone> Clone for Degrade<P, F, C> {
    fn clone(&self) -> Self {
        Self::new(self.primary.clone(), self.fallback.clone(), self.choose.clone())
    }
}

impl<P: fmt::Debug, F: fmt::Debug, C> fmt::Debug for Degrade<P, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Degrade")
            .field("primary", &self.primary)
            .field("primary_ready", &self.primary_ready)
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}
