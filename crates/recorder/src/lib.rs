//! Latency histograms by outcome and phase: what a run measured, in a form that merges.
//!
//! # Layout
//! - [`Outcome`]: how an intended request ended; every one ends in exactly one.
//! - [`Phase`]: which part of an outage an intended request fell into.
//! - [`Latencies`]: one HDR histogram of durations, bounded, counting what it had to clamp.
//! - [`Recorder`]: response and service time per phase and outcome.
//! - [`Summary`], [`Percentiles`]: what is written into a result file.
//! - [`IntervalLog`]: HdrHistogram interval logs for other tools; [`read_interval_log`] reads them back.
//! - [`Conservation`]: whether everything intended was accounted for.
//!
//! # Invariants
//! Percentiles are never averaged; recorders merge by adding histograms. Response time (from the intended start) and
//! service time (from the actual send) are kept apart, so that coordinated omission is visible. There is no clock
//! here: durations come in as arguments.
#![warn(missing_docs)]

mod conservation;
mod interval_log;
mod latencies;
mod outcome;
mod phase;
mod read_log;
mod record;
mod summary;

pub use conservation::Conservation;
pub use interval_log::IntervalLog;
pub use latencies::{LATENCY_MAX, Latencies};
pub use outcome::{Outcome, UnknownOutcome};
pub use phase::{Phase, UnknownPhase};
pub use read_log::{LogError, LoggedInterval, read_interval_log};
pub use record::Recorder;
pub use summary::{Percentiles, Phases, Summary};
