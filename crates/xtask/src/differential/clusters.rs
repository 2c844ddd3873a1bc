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
        let embedded = |seed| -> anyhow::Result<Box<dyn Lab>> {
            Ok(Box::new(Embedded::start(EmbeddedSpec { cluster: spec(seed), ports: Ports::Free })?))
        };
        let first = embedded(seed)?;
        let (other, title): (Box<dyn Lab>, _) = match against {
            // Another seed: another cluster id, other topic ids, other member ids.
            Backend::Embedded => (embedded(!seed)?, "another seed"),
            Backend::Apache => {
                let kafka = Kafka::find()?;
                let apache = ApacheSpec { cluster: spec(seed), ..ApacheSpec::default() };
                (Box::new(Apache::start(apache, &kafka).await?), "apache")
            }
        };
        Ok(Self { labs: [first, other], titles: ["embedded", title] })
    }

    /// Stops both.
    pub(super) async fn stop(&self) {
        for lab in &self.labs {
            lab.shutdown().await;
        }
    }
}

/// Three brokers with times short enough for a plan with faults to take seconds, and long enough for Java on a busy
/// machine. Leaders go home at once, so that who leads is not chance.
fn spec(seed: u64) -> Spec {
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
