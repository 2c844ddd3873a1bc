//! A share of the calls also takes the fallback, after the primary service has answered, and the two are compared.
//!
//! A fallback that is not exercised does not work on the day it is needed, and nobody knows that before. So one call in
//! [`one_in`](Settings::one_in) takes the second way too: in a task of its own, once its caller has the answer. How long
//! that took and how far the two answers were apart goes to an observer and into a [`Proof`], which
//! [`Proven`](crate::Proven) looks at before it lets a customer take the fallback.
//!
//! ```
//! use std::time::Duration;
//! use degrade::shadow::{Proof, Settings};
//! use degrade::{ProvenLayer, ShadowLayer};
//! use tower::{Layer, Service, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let every_call = Settings { one_in: 1, ..Settings::default() };
//! let proof = Proof::new(every_call, |seen| println!("{seen:?}"))?;
//! let sync = service_fn(async |cents: u64| Ok::<u64, String>(cents + 25));
//! let fallback = ProvenLayer::new(proof.clone()).layer(sync);
//! let unproven = fallback.clone().oneshot(100).await.unwrap_err();
//! assert_eq!(unproven.to_string(), "the fallback was never proven");
//!
//! // The price is what is compared, with `==`; for distances implement `Compare`.
//! let over_kafka = service_fn(async |cents: u64| Ok::<u64, String>(cents + 25));
//! let mut primary = ShadowLayer::new(sync, |price: &u64| *price, proof.clone()).layer(over_kafka);
//! assert_eq!(primary.ready().await?.call(100).await, Ok(125));
//! # while proof.counts().agreed == 0 { tokio::task::yield_now().await; }
//!
//! assert_eq!(proof.counts().agreed, 1);
//! assert_eq!(fallback.oneshot(100).await, Ok(125));
//! # Ok(())
//! # }
//! ```
//!
//! # What is decided
//! - **Only answers are shadowed.** A call that failed or hangs has nothing to compare with, and a shadow must never be
//!   a second way to execute something: give it the *read* side of the fallback, or one that executes nothing.
//! - **At most [`concurrency`](Settings::concurrency) at the same time**; one more is skipped and counted. It does not take
//!   places of the customers' bulkhead, and it never waits.
//! - **A shadow has a deadline**, and one that is late has failed.
//! - **A fallback in doubt is shadowed by every call**, within that number, until it is proven: so a service that has just
//!   started has a fallback after its first answer, and one that was wrong for a while has it back as soon as it is right.
//! - **Which calls** is decided by a counter per thread, scrambled, so that nothing is shared on the hot path and calls
//!   that come in a rhythm are not all of one kind. Only a call that is chosen allocates.

mod compare;
mod future;
mod layer;
mod proof;
mod run;
mod sample;
mod settings;
mod tally;

use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

pub use self::compare::Compare;
pub use self::future::ResponseFuture;
pub use self::layer::ShadowLayer;
pub use self::proof::Proof;
use self::run::Second;
pub use self::settings::Settings;
pub use self::tally::{Counts, Seen, Verdict};

/// Lets a share of its calls take the fallback too. Made by a [`ShadowLayer`].
#[derive(Clone)]
pub struct Shadow<P, F, C> {
    primary: P,
    fallback: F,
    compare: C,
    proof: Proof,
}

impl<P, F, C> Shadow<P, F, C> {
    /// The service inside.
    pub const fn get_ref(&self) -> &P {
        &self.primary
    }

    /// The service inside.
    pub const fn get_mut(&mut self) -> &mut P {
        &mut self.primary
    }

    /// The service inside.
    pub fn into_inner(self) -> P {
        self.primary
    }
}

/// The bounds beyond those of `Service` are of the fallback and the request, which outlive the call; the primary service
/// has none.
impl<P, F, C, Req> Service<Req> for Shadow<P, F, C>
where
    P: Service<Req>,
    F: Service<Req, Response = P::Response> + Clone + Send + 'static,
    F::Future: Send,
    C: Compare<P::Response> + Clone + Send + 'static,
    Req: Clone + Send + 'static,
{
    type Response = P::Response;
    type Error = P::Error;
    type Future = ResponseFuture<P::Future, F, C, Req>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), P::Error>> {
        self.primary.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let second = self.proof.chooses().then(|| {
            Box::new(Second {
                fallback: self.fallback.clone(),
                compare: self.compare.clone(),
                request: request.clone(),
                proof: self.proof.clone(),
            })
        });
        ResponseFuture::new(self.primary.call(request), second)
    }
}

impl<P: fmt::Debug, F, C> fmt::Debug for Shadow<P, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadow")
            .field("primary", &self.primary)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}
