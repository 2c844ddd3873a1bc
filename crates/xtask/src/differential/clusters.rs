//! The two clusters that are compared.

use std::time::Duration;

use cluster::{Clock, Spec};
use lab::apache::{Apache, ApacheSpec, Kafka};
use lab::embedded::{Embedded, EmbeddedSpec, Ports};
use lab::{Backend, Lab};

/// Two clusters, and what each is called.
#[derive(Debug)]
pub(super) struct Clusters {
    pub(super) labs: [Box<dyn Lab>; 2],
    pub(super) titles: [&'static str; 2],
}

impl Clusters {
    /// Starts an embedded cluster and what it is held against.
    ///
    /// # Errors
    /// When one does not start; nothing is left behind.
    pub(super) async fn start(seed: u64, against: Backend) -> anyhow::Result<Self> {
        match against {
            // Another seed: another cluster id, other topic ids, other member ids.
            Backend::Embedded => Self::embedded(spec(seed), spec(!seed)),
            Backend::Apache => {
                let first = embedded(spec(seed))?;
                let apache = ApacheSpec { cluster: spec(seed), ..ApacheSpec::default() };
                let other = Box::new(Apache::start(apache, &Kafka::find()?).await?);
                Ok(Self { labs: [first, other], titles: ["embedded", "apache"] })
            }
        }
    }

    /// Starts two embedded clusters.
    ///
    /// # Errors
    /// When one does not start; nothing is left behind.
    pub(super) fn embedded(first: Spec, other: Spec) -> anyhow::Result<Self> {
        Ok(Self { labs: [embedded(first)?, embedded(other)?], titles: ["embedded", "embedded, too"] })
    }

    /// Stops both.
    pub(super) async fn stop(&self) {
        for lab in &self.labs {
            lab.shutdown().await;
        }
    }
}

fn embedded(spec: Spec) -> anyhow::Result<Box<dyn Lab>> {
    Ok(Box::new(Embedded::start(EmbeddedSpec { cluster: spec, ports: Ports::Free })?))
}

/// Three brokers with times short enough for a plan with faults to take seconds, and long enough for Java on a busy
/// machine. Leaders go home at once, so that who leads is not chance.
pub(super) fn spec(seed: u64) -> Spec {
    let clock = Clock {
        session: Duration::from_millis(3_000),
        heartbeat: Duration::from_millis(500),
        replica_lag: Duration::from_millis(10_000),
        offsets_commit: Duration::from_millis(2_000),
        leader_rebalance: Duration::from_secs(1),
        ..Clock::compressed()
    };
    Spec { clock, seed, ..Spec::new() }
}
