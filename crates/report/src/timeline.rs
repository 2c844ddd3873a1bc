//! `timeline.jsonl`: what happened in a run, one line each, in the order of time.
//!
//! The bound is the writer's: whoever collects entries bounds them and says with a last entry what was left out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// In which arm.
    pub arm: String,
    /// When, in milliseconds from the start of measuring; negative in the warm-up.
    pub at_ms: f64,
    /// What sort of thing.
    pub kind: EntryKind,
    /// In words.
    pub message: String,
    /// The same for programs, as its source has it; `null` is left out.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// What sort of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A phase began.
    Phase,
    /// A fault or a heal was called.
    Fault,
    /// The cluster changed: a leader, an ISR, a fence.
    Cluster,
    /// A circuit changed its state.
    Mode,
    /// A gate was decided.
    Verdict,
}
