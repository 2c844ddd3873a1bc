//! The game-day file: topology, load, timeline of faults, arms and expectations.
#![warn(missing_docs)]

mod fault;

pub use fault::{ArgKind, ArgSpec, ArgValue, FaultCall, FaultKind};
