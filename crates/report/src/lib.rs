//! What people look at when a run has ended, and while it goes on.
//!
//! # Layout
//! - [`RunResult`]: `result.json`, the versioned account of a run; [`SCHEMA`] is its JSON Schema.
//! - [`ArmVerdict`], [`RunVerdict`]: what came of the expectations.
//! - [`table`]: the report on a terminal.
//! - [`Progress`]: one line on where a run is.
//! - [`write`]: the files of a run, and the page that is drawn from them.
//!
//! # Invariants
//! Only [`write`] does I/O; everything else turns values into text. Percentiles come from histograms and are never
//! averaged here. Colours are never the only carrier of a meaning.
#![warn(missing_docs)]

mod files;
mod numbers;
mod paint;
mod progress;
mod result;
mod table;
mod timeline;
mod verdict;

#[cfg(test)]
mod tests;

pub use files::{RESULT_FILE, TIMELINE_FILE, WriteError, Written, write};
pub use progress::{Progress, Stage};
pub use result::{
    ArmResult, BREAKER_VERSION, ClockUsed, ClusterUsed, DetectorResult, FallbackResult, FaultRecord,
    JAVA_VERSION, KAFKA_VERSION, LabelResult, LedgerResult, LoadUsed, Machine, RunResult, SCHEMA,
    SCHEMA_VERSION, TimesMs,
};
pub use table::{Style, table};
pub use timeline::{EntryKind, TimelineEntry};
pub use verdict::{ArmVerdict, GateResult, RunVerdict, Status};
