//! The game-day file: topology, load, timeline of faults, arms and expectations.
//!
//! # Layout
//! - [`Scenario::parse`]: from TOML to a checked [`Scenario`]; everything that is wrong is told at once.
//! - `model`: what a scenario says; `print`: its canonical form, which is read back as the same scenario.
//! - [`FaultKind`], [`FaultCall`]: the vocabulary of faults; the faults themselves live with the clusters.
//! - [`Gate`]: what is expected of a run, held against [`Measurements`]; the grammar is that of the crate `gates`.
//! - [`Catalogue`]: the scenarios that are shipped.
//!
//! # Invariants
//! No clock and no I/O: texts come in, texts go out. A scenario that was parsed needs no further checks. The same
//! file gives the same scenario, whatever the order of its tables.
#![warn(missing_docs)]

mod catalogue;
mod fault;
mod file;
mod model;
mod print;

#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, CatalogueError};
pub use fault::{ArgKind, ArgSpec, ArgValue, FaultCall, FaultKind};
pub use file::{PROBLEMS_MAX, Problem, ScenarioError};
pub use gates::{AuditFacts, Gate, GateError, Measurements, Selector, Times, Verdict, units};
pub use model::{
    Anchor, Arm, Arrivals, At, BREAKER, BreakerPlan, BreakerScope, CIRCUIT, ClockPlan, ClockPreset,
    ClusterPlan, DegradePlan, Incident, LABELS, LAYERS, Load, Mix, Number, Numbers, OrderFallback, Placement,
    QuoteFallback, Scenario, Step, Strategy, TimeoutPlan,
};
