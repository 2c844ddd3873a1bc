//! The vocabulary of faults: what the timeline of a scenario may call, and with which arguments.
//!
//! The faults themselves live with the clusters they break; a scenario is checked against the
//! [`FaultKind`]s it is handed, so that adding a fault needs no change here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One kind of fault or heal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FaultKind {
    /// As it is written in a timeline, e.g. `kill_broker`.
    pub name: &'static str,
    /// What takes it back, e.g. `start_broker`; `None` for the heals themselves.
    pub healed_by: Option<&'static str>,
    /// One line for `--help` and error messages.
    pub help: &'static str,
    /// What it needs to know.
    pub args: &'static [ArgSpec],
}

/// One argument of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ArgSpec {
    /// As it is written in a timeline.
    pub name: &'static str,
    /// What it holds.
    pub kind: ArgKind,
    /// Whether it must be there.
    pub required: bool,
    /// One line for `--help`, with its unit.
    pub help: &'static str,
}

/// What an argument holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgKind {
    /// A broker's id, from 1.
    Broker,
    /// A topic's name, or `*` for every topic that is not internal.
    Topic,
    /// A list of partition indices.
    Partitions,
    /// A number above 0 and at most 1.
    Share,
    /// A whole number of milliseconds.
    DurationMs,
    /// A group's id.
    Group,
}

/// The value of an argument, already checked against its [`ArgKind`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ArgValue {
    /// Broker id, or milliseconds.
    Integer(i64),
    /// A share.
    Number(f64),
    /// Topic or group.
    Text(String),
    /// Partition indices.
    Integers(Vec<i64>),
}

/// A fault called by name, checked against its kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultCall {
    /// The kind's name.
    pub kind: String,
    /// The arguments given.
    pub args: BTreeMap<String, ArgValue>,
}
