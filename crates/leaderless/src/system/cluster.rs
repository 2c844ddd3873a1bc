//! The cluster under a system: of which kind it is, and how it is started from what a scenario says.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lab::apache::{Apache, ApacheSpec, Jit, Kafka, Network, Threads};
use lab::embedded::{Embedded, EmbeddedSpec, Ports};
use lab::faults::Needs;
use lab::{Backend, Lab};
use scenario::ClusterPlan;

use super::clock;

/// How long topics and services may take on a cluster in this process, where elections take milliseconds.
const PATIENCE_EMBEDDED: Duration = Duration::from_secs(15);
/// The same where every broker is a process that is still warming up: nine of them on two busy cores.
const PATIENCE_APACHE: Duration = Duration::from_secs(60);

/// Times that Apache Kafka has no setting for: there they are outcomes.
const OUTCOMES_ON_APACHE: [&str; 3] = ["broker_start", "quorum_election", "stale_check"];

/// Which kind of cluster to start, with what that kind needs.
#[derive(Debug, Clone)]
pub enum ClusterKind {
    /// In this process.
    Embedded,
    /// Apache Kafka, as child processes.
    Apache {
        /// The Kafka and the Java to start.
        kafka: Kafka,
        /// What the faults to come need.
        needs: Needs,
    },
}

impl ClusterKind {
    /// Its kind.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        match self {
            Self::Embedded => Backend::Embedded,
            Self::Apache { .. } => Backend::Apache,
        }
    }

    /// The versions that matter, by name, for the result.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<String, String> {
        match self {
            Self::Embedded => BTreeMap::new(),
            Self::Apache { kafka, .. } => BTreeMap::from([
                (report::KAFKA_VERSION.to_owned(), kafka.kafka_version.clone()),
                (report::JAVA_VERSION.to_owned(), kafka.java_version.clone()),
            ]),
        }
    }

    /// The times of a plan's cluster that are set on this kind, by their names, in milliseconds.
    #[must_use]
    pub fn clock_ms(&self, plan: &ClusterPlan) -> BTreeMap<String, u64> {
        let mut values = clock::values_ms(plan);
        if self.backend() == Backend::Apache {
            values.retain(|name, _| !OUTCOMES_ON_APACHE.contains(&name.as_str()));
        }
        values
    }

    /// How long what is built upon it may take to come up.
    pub(super) const fn patience(&self) -> Duration {
        match self {
            Self::Embedded => PATIENCE_EMBEDDED,
            Self::Apache { .. } => PATIENCE_APACHE,
        }
    }

    /// Starts the cluster of a plan; when this returns, its brokers answer.
    pub(super) async fn start(&self, plan: &ClusterPlan, seed: u64) -> anyhow::Result<Arc<dyn Lab>> {
        let cluster = clock::spec(plan, seed);
        match self {
            Self::Embedded => Ok(Arc::new(Embedded::start(EmbeddedSpec { cluster, ports: Ports::Free })?)),
            Self::Apache { kafka, needs } => {
                let network = if needs.relay { Network::Relayed } else { Network::Direct };
                let controllers = needs.controllers;
                let threads = threads(plan.brokers.into());
                // Latencies are measured here.
                let jit = Jit::Full;
                let spec =
                    ApacheSpec { cluster, controllers, network, jit, threads, ..ApacheSpec::default() };
                Ok(Arc::new(Apache::start(spec, kafka).await?))
            }
        }
    }
}

/// Several brokers share few processors, so each has few threads; about eight of them follow the other brokers, several
/// each where those are few and have many partitions.
fn threads(brokers: u32) -> Threads {
    Threads { network: 1, io: 2, replica_fetchers: (8 / brokers.saturating_sub(1).max(1)).max(1) }
}

impl fmt::Display for ClusterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => write!(f, "embedded, in this process"),
            Self::Apache { kafka, needs } => {
                let Kafka { kafka_version, java_version, .. } = kafka;
                let relayed = if needs.relay { ", every connection through a relay" } else { "" };
                let controllers = match needs.controllers {
                    1 => "1 controller".to_owned(),
                    many => format!("{many} controllers"),
                };
                write!(f, "apache {kafka_version} on Java {java_version}, {controllers}{relayed}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apache(needs: Needs) -> ClusterKind {
        let kafka = Kafka {
            java: "java".into(),
            java_version: "17.0.15".to_owned(),
            libs: "libs".into(),
            kafka_version: "4.3.0".to_owned(),
            agent: None,
        };
        ClusterKind::Apache { kafka, needs }
    }

    #[test]
    fn a_kind_of_cluster_says_what_it_is() {
        assert_eq!(ClusterKind::Embedded.to_string(), "embedded, in this process");
        assert_eq!(
            apache(Needs { relay: false, controllers: 1 }).to_string(),
            "apache 4.3.0 on Java 17.0.15, 1 controller"
        );
        assert_eq!(
            apache(Needs { relay: true, controllers: 3 }).to_string(),
            "apache 4.3.0 on Java 17.0.15, 3 controllers, every connection through a relay"
        );
    }

    #[test]
    fn a_broker_has_about_as_many_threads_for_few_others_as_for_many() {
        assert_eq!([1, 2, 3, 9, 30].map(|brokers| threads(brokers).replica_fetchers), [8, 8, 4, 1, 1]);
    }

    #[test]
    fn only_times_that_are_set_are_reported() {
        let scenario = scenario::Catalogue::get("frozen-controller", lab::faults::kinds()).unwrap();
        let of = |kind: ClusterKind| kind.clock_ms(&scenario.cluster).into_keys().collect::<Vec<_>>();
        let apache = of(apache(Needs::of([])));
        assert_eq!(apache, ["heartbeat", "leader_rebalance", "offsets_commit", "replica_lag", "session"]);
        let mut all = [&apache[..], &OUTCOMES_ON_APACHE.map(str::to_owned)[..]].concat();
        all.sort();
        assert_eq!(of(ClusterKind::Embedded), all);
    }
}
