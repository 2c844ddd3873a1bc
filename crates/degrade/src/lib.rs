//! Tower layers that flip to a fallback, or to rejection, when a dependency is stuck.
//!
//! # Layout
//! - [`degrade`]: one atomic load picks the primary service or the fallback;
//! - [`reject`]: the fallback that answers at once, without doing anything;
//! - [`deadline`]: a budget for each request;
//! - [`track`]: holds an in-flight guard for the life of the answer;
//! - [`choose`]: which partition a request belongs to, and which way that goes.
//!
//! # In which order
//! Outermost first, with the reason for each place:
//!
//! 1. the mapping of errors to responses, outside of everything, so that no error escapes it;
//! 2. [`Deadline`], around *both* paths: a caller has one budget, whichever way its call goes;
//! 3. [`Degrade`]: nothing between it and the caller may wait for the dependency;
//! 4. on the primary path, [`Track`], so that only calls that really went there age there; then the call itself, whose
//!    records take a delivery guard of [`circuit`] with them;
//! 5. on the fallback path, a limit of its own that rejects at once, and then the other way to the answer.
//!
//! A deadline that is tighter than the caller's, of the primary path alone, goes *inside* [`Track`]: outside it would
//! end the guard by dropping the future, which looks the same, but what is learned from the error would be lost.
//!
//! ```
//! use std::time::Duration;
//! use circuit::{Circuits, Settings, Words};
//! use degrade::{ByPartition, DeadlineLayer, DegradeLayer, Reject, TrackLayer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #[derive(Clone)]
//! struct Order { partition: usize, budget: Duration }
//! let partition = |order: &Order| order.partition;
//!
//! let words = Words { degraded: "orders now refused", restored: "orders taken again" };
//! let circuits = Circuits::new(["orders-0", "orders-1"], words, Settings::default(), 1)?;
//!
//! let over_kafka = service_fn(async |_: Order| Ok::<_, &str>("executed"));
//! let primary = TrackLayer::new(circuits.unanswered(), partition).layer(over_kafka);
//! let refuse = Reject::new(|_: Order| Err("not executed: the partition is stuck"));
//! let by_circuit = ByPartition::new(circuits.switches(), partition);
//! let degrade = DegradeLayer::new(refuse, by_circuit).layer(primary);
//! let service = DeadlineLayer::new(|order: &Order| order.budget).layer(degrade);
//!
//! let order = Order { partition: 1, budget: Duration::from_millis(500) };
//! assert_eq!(service.clone().oneshot(order.clone()).await, Ok("executed"));
//!
//! circuits.switches().set(1, circuit::Decision::Fallback);
//! let refused = service.oneshot(order).await.unwrap_err();
//! assert_eq!(refused, degrade::deadline::error::Error::Inner("not executed: the partition is stuck"));
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//! - No layer boxes a future, takes a lock or allocates.
//! - A clone of a service never carries readiness over, and so never a permit.
//! - There is no retry here, and no call goes both ways: a record that was produced may still be executed.
#![warn(missing_docs)]

pub mod choose;
pub mod deadline;
pub mod degrade;
pub mod reject;
pub mod track;

pub use choose::{ByPartition, Choose, Key};
pub use deadline::{Deadline, DeadlineLayer};
pub use degrade::{Degrade, DegradeLayer};
pub use reject::Reject;
pub use track::{Track, TrackLayer};
