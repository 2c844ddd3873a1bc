//! What is expected of a run, one line each: `p99{outcome=ok_degraded,phase=outage} < 50ms`.
//!
//! # Layout
//! - [`Gate`]: parsed from its text, with errors at their column; held against [`Measurements`] by [`Gate::check`].
//! - [`Gate::decide`]: the same with a confidence interval from the run's intervals, so that it can say `undecided`.
//! - [`units`]: numbers and durations for people, and durations as gates write them; [`did_you_mean`]: suggestions, for gates and for files alike.
//!
//! # Invariants
//! There is one grammar: scenarios and the load generator both read it here. No clock and no I/O. A gate never passes
//! for lack of data.
#![warn(missing_docs)]

mod confidence;
mod gate;
mod measure;
mod suggest;
pub mod units;

#[cfg(test)]
mod tests;

pub use confidence::{Bounds, Share};
pub use gate::{Decided, Decision, Gate, GateError, Selector, Subject, Verdict};
pub use measure::{AuditFacts, Measurements, Times};
pub use suggest::did_you_mean;
