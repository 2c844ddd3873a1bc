//! The primitives that calls and the watchdog share: the standard library's, and loom's where a model looks for an order
//! of events in which they fail (see the crate's documentation).

#[cfg(loom)]
pub(crate) use loom::sync::Arc as Counted;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

#[cfg(not(loom))]
pub(crate) use std::sync::Arc as Counted;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
