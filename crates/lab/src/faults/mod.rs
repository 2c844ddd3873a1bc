//! The faults, and their catalogue.
//!
//! Each file is a pair: what breaks and what heals it. A fault knows its name, its arguments and which of a
//! cluster's [`Levers`] to pull; it does not know what the cluster is made of. Adding one is a file and a line in
//! `PAIRS`; scenario files, the command line and the control endpoint are checked against [`kinds`].
//!
//! Invariants: a call is checked against its kind before any lever is pulled; heals may be called at any time, also
//! when nothing is broken; what is open is remembered so that everything can be healed, at most [`OPEN_MAX`]
//! different calls (then no more is broken until something heals).

mod args;
mod backends;
mod black_hole_broker;
mod freeze_broker;
mod freeze_controller;
mod kill_broker;
mod lever;
mod levers;
mod lose_coordinator;
mod lose_quorum;
mod open;
mod select;
mod slow_broker;
mod stop_broker;
mod strip_leader;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use futures::future::BoxFuture;
use scenario::{FaultCall, FaultKind};
use serde::Serialize;

use crate::Backend;

pub use args::{Args, call_from_json};
pub use backends::{BeyondIt, Needs, Offer, backends, check, offers};
pub use lever::Lever;
pub use levers::{Levers, Pulled, TopicShape};
pub use open::{OPEN_MAX, OpenFaults};

/// Every fault beside its heal, in the order of the catalogue; a fault whose heal is another's stands after that pair.
const PAIRS: [&[Fault]; 9] = [
    &freeze_controller::PAIR,
    &lose_quorum::PAIR,
    &kill_broker::PAIR,
    &stop_broker::ALONE,
    &freeze_broker::PAIR,
    &black_hole_broker::PAIR,
    &slow_broker::PAIR,
    &strip_leader::PAIR,
    &lose_coordinator::PAIR,
];

static ALL: LazyLock<Vec<Fault>> = LazyLock::new(|| PAIRS.concat());

static KINDS: LazyLock<Vec<FaultKind>> = LazyLock::new(|| ALL.iter().map(|fault| fault.kind).collect());

/// The catalogue.
#[must_use]
pub fn kinds() -> &'static [FaultKind] {
    &KINDS
}

/// What a fault is: its entry in the catalogue and what it does.
#[derive(Clone, Copy)]
struct Fault {
    kind: FaultKind,
    /// Every lever that it pulls.
    levers: &'static [Lever],
    /// Pulls the levers and says in words what was done.
    apply: for<'a> fn(&'a dyn Levers, Args<'a>) -> BoxFuture<'a, Result<String, FaultError>>,
}

/// What was done by one call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Injected {
    /// The call.
    #[serde(flatten)]
    pub call: FaultCall,
    /// What was done, in words.
    pub done: String,
}

/// Why a fault was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// There is no such kind.
    #[error("`kind` {name:?} is not a fault (allowed: {allowed})")]
    UnknownKind {
        /// As called.
        name: String,
        /// All kinds.
        allowed: String,
    },
    /// An argument is missing, unknown or wrong.
    #[error("`{field}` of {kind} {problem} (allowed: {allowed})")]
    BadArgument {
        /// The fault.
        kind: String,
        /// The argument.
        field: String,
        /// What is wrong, with the value.
        problem: String,
        /// What would be right.
        allowed: String,
    },
    /// This kind of cluster has no such lever.
    #[error("a cluster of kind {backend:?} cannot {lever} (these can: {able})")]
    CannotDoThat {
        /// The cluster's kind.
        backend: &'static str,
        /// The lever.
        lever: &'static str,
        /// The kinds of clusters that have it.
        able: String,
    },
    /// Too many different faults are open at once.
    #[error("{OPEN_MAX} faults are open already; heal some first")]
    TooManyOpen,
    /// The cluster is gone, or would not.
    #[error("the cluster did not do it: {0}")]
    Failed(String),
}

/// Carries out a call: checks it, pulls the levers.
///
/// # Errors
/// [`FaultError`]; a fault that pulls several levers may have pulled some of them.
pub(crate) async fn apply(levers: &dyn Levers, call: &FaultCall) -> Result<Injected, FaultError> {
    let fault = find(&call.kind)?;
    let args = Args::check(&fault.kind, call)?;
    let done = (fault.apply)(levers, args).await?;
    Ok(Injected { call: call.clone(), done })
}

fn find(name: &str) -> Result<&'static Fault, FaultError> {
    ALL.iter().find(|fault| fault.kind.name == name).ok_or_else(|| FaultError::UnknownKind {
        name: name.to_owned(),
        allowed: kinds().iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "),
    })
}

/// Kinds of clusters, for messages.
fn listed(backends: &[Backend]) -> String {
    let names: Vec<&str> = backends.iter().map(|backend| backend.name()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
