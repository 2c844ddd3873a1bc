//! Holds an in-flight guard for the life of the *answer*.
//!
//! # Why there are two guards
//! This guard ends with the answer, or with the future: a caller that gives up, or whose deadline passes, ends it. So it
//! sees a dependency that never answers, and it does *not* see a record that is still stuck after its caller has gone:
//! dropping the future of a send does not recall the record. For that there is the delivery guard, which travels with
//! the record and ends with the delivery report, whoever still waits for it. A dependency that acknowledges and never
//! answers shows in the first guard alone; one that never acknowledges shows in the second, even if all callers are
//! impatient.
//!
//! The guard begins in `call`: the time in which a call waits for readiness is not the dependency's.
//!
//! ```
//! use std::time::Duration;
//! use circuit::{Circuits, Decision, Settings, Words};
//! use degrade::TrackLayer;
//! use tower::{Layer, Service, service_fn};
//!
//! let words = Words { degraded: "orders now refused", restored: "orders taken again" };
//! let mut circuits = Circuits::new(["orders-0", "orders-1"], words, Settings::default(), 1)?;
//! let hangs = service_fn(|_: usize| std::future::pending::<Result<(), String>>());
//! let mut service = TrackLayer::new(circuits.unanswered(), |partition: &usize| *partition).layer(hangs);
//!
//! let _call = service.call(1); // nothing completes, so there is nothing that a breaker could learn from
//! for tick in 1..=22 {
//!     circuits.watch(Duration::from_millis(tick * 10));
//! }
//! assert_eq!(circuits.switches().decide(1), Decision::Fallback);
//! # Ok::<(), circuit::BadSetting>(())
//! ```

mod future;
mod layer;

use std::fmt;
use std::task::{Context, Poll};

use circuit::Calls;
use tower_service::Service;

pub use self::future::ResponseFuture;
pub use self::layer::TrackLayer;
use crate::choose::Key;

/// Tracks the calls of a service by partition.
#[derive(Clone)]
pub struct Track<S, K> {
    inner: S,
    calls: Calls,
    key: K,
}

impl<S, K> Track<S, K> {
    /// Where calls begin, and in which partition.
    pub const fn new(inner: S, calls: Calls, key: K) -> Self {
        Self { inner, calls, key }
    }

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

impl<S, K, Req> Service<Req> for Track<S, K>
where
    S: Service<Req>,
    K: Key<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let guard = self.calls.begin(self.key.partition(&request));
        ResponseFuture::new(self.inner.call(request), guard)
    }
}

impl<S: fmt::Debug, K> fmt::Debug for Track<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Track").field("inner", &self.inner).finish_non_exhaustive()
    }
}
