//! The cluster under a system: of which kind it is, and how it is started from what a scenario says.

use std::sync::Arc;
use std::time::Duration;

use lab::embedded::{Embedded, EmbeddedSpec, Ports};
use lab::{Backend, Lab};
use scenario::ClusterPlan;

use super::clock;

/// How long topics and services may take on a cluster in this process: its elections take milliseconds.
const PATIENCE_EMBEDDED: Duration = Duration::from_secs(15);

/// Which kind of cluster to start, with what that kind needs.
#[derive(Debug, Clone)]
pub enum ClusterKind {
    /// In this process.
    Embedded,
}

impl ClusterKind {
    /// Its kind's name in results.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        match self {
            Self::Embedded => Backend::Embedded,
        }
    }

    /// How long what is built upon it may take to come up.
    pub(super) const fn patience(&self) -> Duration {
        match self {
            Self::Embedded => PATIENCE_EMBEDDED,
        }
    }

    /// Starts the cluster of a plan; when this returns, its brokers answer.
    pub(super) async fn start(&self, plan: &ClusterPlan, seed: u64) -> anyhow::Result<Arc<dyn Lab>> {
        let cluster = clock::spec(plan, seed);
        match self {
            Self::Embedded => Ok(Arc::new(Embedded::start(EmbeddedSpec { cluster, ports: Ports::Free })?)),
        }
    }
}
