//! Which partition a request belongs to, and which way it goes.
//!
//! ```
//! use circuit::{Decision, SwitchBoard};
//! use degrade::{ByPartition, Choose};
//!
//! struct Order { account: usize, product: usize }
//! let switches = SwitchBoard::new(2);
//! switches.set(1, Decision::Fallback);
//!
//! // One partition per request, or several: a closure chooses too.
//! let by_account = ByPartition::new(switches.clone(), |order: &Order| order.account);
//! let by_both = move |order: &Order| switches.decide_all([order.account, order.product]);
//! let order = Order { account: 0, product: 1 };
//! assert_eq!(by_account.choose(&order), Decision::Primary);
//! assert_eq!(by_both.choose(&order), Decision::Fallback);
//! ```

use std::fmt;

use circuit::{Decision, SwitchBoard};

/// The partition of a request: the index of its circuit.
pub trait Key<Req> {
    /// An index that has no circuit is admitted and not tracked.
    fn partition(&self, request: &Req) -> usize;
}

impl<Req, F: Fn(&Req) -> usize> Key<Req> for F {
    #[inline]
    fn partition(&self, request: &Req) -> usize {
        self(request)
    }
}

/// Which way a request goes. It is asked once per call, on the hot path.
///
/// A closure is one: a request whose path leads over several partitions asks
/// [`decide_all`](SwitchBoard::decide_all), say.
pub trait Choose<Req> {
    /// The way of this request.
    fn choose(&self, request: &Req) -> Decision;
}

impl<Req, F: Fn(&Req) -> Decision> Choose<Req> for F {
    #[inline]
    fn choose(&self, request: &Req) -> Decision {
        self(request)
    }
}

/// The way that the circuit of the request's partition shows.
#[derive(Clone)]
pub struct ByPartition<K> {
    switches: SwitchBoard,
    key: K,
}

impl<K> ByPartition<K> {
    /// The switches of the circuits, and which one is a request's.
    pub const fn new(switches: SwitchBoard, key: K) -> Self {
        Self { switches, key }
    }
}

impl<Req, K: Key<Req>> Choose<Req> for ByPartition<K> {
    #[inline]
    fn choose(&self, request: &Req) -> Decision {
        self.switches.decide(self.key.partition(request))
    }
}

impl<K> fmt::Debug for ByPartition<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByPartition").field("switches", &self.switches).finish_non_exhaustive()
    }
}
