//! Request and reply over topics.
//!
//! A request carries a correlation id, where to reply, and a deadline; the responder answers to that partition
//! under the same id. Reply partitions are read by assignment, because a group needs a coordinator, which is one
//! more thing that can be leaderless. The request names the reply partition, so an instance that owns several can
//! choose a healthy one.
//!
//! Invariants:
//! - A correlation id resolves at most once. Late and repeated replies are counted and dropped.
//! - The pending table is bounded: a request that finds it full is refused before anything is sent.
//! - An error says what is known: [`NotSent`] or [`Unknown`]. There is no "failed".
//! - A responder skips requests whose deadline has passed, and gives no handler more time than that.

mod error;
pub mod header;
mod pending;
mod requester;
mod responder;

pub use error::{NotSent, RequestError, Unknown};
pub use header::{Malformed, RequestHeaders};
pub use requester::{Request, Requester, RequesterCounts};
pub use responder::{Handler, Reply, Responder, ResponderCounts, ResponderLimits, ResponderStats, Then};
