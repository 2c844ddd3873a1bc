//! Which kinds of clusters can do a fault, and what a cluster must have for it: before any of it is started.

use scenario::{FaultCall, FaultKind, Step};
use serde::Serialize;

use super::{ALL, FaultError, Lever, find, listed};
use crate::Backend;

/// A fault of the catalogue, with the kinds of clusters that it can be done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// The fault.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// To which clusters it can be done.
    pub clusters: Vec<Backend>,
}

/// The catalogue with the kinds of clusters.
#[must_use]
pub fn offers() -> Vec<Offer> {
    ALL.iter().map(|fault| Offer { kind: fault.kind, clusters: able(fault.levers) }).collect()
}

/// The kinds of clusters that every one of these faults can be done to.
///
/// # Errors
/// [`FaultError::UnknownKind`].
pub fn backends<'a>(calls: impl IntoIterator<Item = &'a FaultCall>) -> Result<Vec<Backend>, FaultError> {
    let mut all = Backend::ALL.to_vec();
    for call in calls {
        let able = able(find(&call.kind)?.levers);
        all.retain(|backend| able.contains(backend));
    }
    Ok(all)
}

/// A step of a timeline that a kind of cluster cannot do: change the step, or run it on another kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("timeline[{index}].fault: {fault} cannot be done to a cluster of kind {backend} (these can: {able})")]
pub struct BeyondIt {
    /// Which step, from 0, in the order of time.
    pub index: usize,
    /// Its fault.
    pub fault: String,
    /// The kind of cluster.
    pub backend: Backend,
    /// The kinds that can.
    pub able: String,
}

/// Holds a timeline against a kind of cluster, before anything is started.
///
/// # Errors
/// [`BeyondIt`]: the first step that it cannot do.
pub fn check(timeline: &[Step], backend: Backend) -> Result<(), BeyondIt> {
    for (index, step) in timeline.iter().enumerate() {
        let able = find(&step.call.kind).map(|fault| able(fault.levers)).unwrap_or_default();
        if !able.contains(&backend) {
            let fault = step.call.kind.clone();
            return Err(BeyondIt { index, fault, backend, able: listed(&able) });
        }
    }
    Ok(())
}

/// What a cluster of real processes must be started with, so that faults can be done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Whether its connections must go through a relay.
    pub relay: bool,
    /// How many controllers it must have at least.
    pub controllers: u32,
}

impl Needs {
    /// What these faults need together; faults that there are not need nothing.
    #[must_use]
    pub fn of<'a>(calls: impl IntoIterator<Item = &'a FaultCall>) -> Self {
        let faults = calls.into_iter().filter_map(|call| find(&call.kind).ok());
        let levers: Vec<Lever> = faults.flat_map(|fault| fault.levers).copied().collect();
        Self {
            relay: levers.iter().any(|lever| lever.needs_relay()),
            controllers: levers.iter().map(|lever| lever.needs_controllers()).max().unwrap_or(1),
        }
    }
}

fn able(levers: &[Lever]) -> Vec<Backend> {
    let has_all = |backend: &Backend| levers.iter().all(|lever| lever.backends().contains(backend));
    Backend::ALL.into_iter().filter(has_all).collect()
}
