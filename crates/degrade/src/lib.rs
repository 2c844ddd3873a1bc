//! Tower layers that flip to a fallback, or to rejection, when a dependency is stuck.
//!
//! # Layout
//! Around everything:
//! - [`rescue`]: makes an answer of each error, as problem+json;
//! - [`early_drop`]: what comes too late is not begun, and who gives up is counted;
//! - [`deadline`]: a budget for each request;
//! - [`shed`]: refuses the least important calls first.
//!
//! The flip:
//! - [`degrade`]: one atomic load picks the primary service or the fallback;
//! - [`choose`]: which partition a request belongs to, and which way that goes.
//!
//! The primary way:
//! - [`shadow`]: a share of the calls also takes the fallback, and the two are compared;
//! - [`track`]: holds an in-flight guard for the life of the answer.
//!
//! The other way:
//! - [`proven`]: refuses a fallback that was not proven lately;
//! - [`bulkhead`]: its limits: how many at a time, and how old the data may be;
//! - [`reject`]: the fallback that answers at once, without doing anything.
//!
//! What the layers share that refuse is in [`admission`].
//!
//! # Invariants
//! - No layer boxes a future or takes a lock, and none allocates on the way of a call that is served or rejected; one
//!   that is chosen to be shadowed, or to try a fallback out, does.
//! - A clone of a service never carries readiness over, and so never a permit.
//! - A refusal is an answer of `call`, never an error of `poll_ready`.
//! - There is no retry here, and no call goes both ways for its caller: a record that was produced may still be executed.
//!
#![doc = include_str!("composing.md")]
#![warn(missing_docs)]

pub mod admission;
pub mod bulkhead;
pub mod choose;
pub mod deadline;
pub mod degrade;
pub mod early_drop;
pub mod proven;
pub mod reject;
pub mod rescue;
pub mod shadow;
pub mod shed;
pub mod track;

mod lanes;
mod turn;

pub use bulkhead::{Bulkhead, BulkheadLayer};
pub use choose::{ByPartition, Choose, Key};
pub use deadline::{Deadline, DeadlineLayer};
pub use degrade::{Degrade, DegradeLayer};
pub use early_drop::{EarlyDrop, EarlyDropLayer};
pub use proven::{Proven, ProvenLayer};
pub use reject::Reject;
pub use rescue::{Problem, Rescue, RescueLayer};
pub use shadow::{Proof, Shadow, ShadowLayer};
pub use shed::{Shed, ShedLayer};
pub use track::{Track, TrackLayer};
