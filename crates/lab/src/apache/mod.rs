//! Apache Kafka to break: KRaft controllers and brokers as child processes, on loopback.
//!
//! ```text
//! clients -> (relay) -> broker 1..n -> (relay) -> controller 1001..      one JVM each, one process group
//!                                                                        a keeper that outlives us by a moment
//! ```
//!
//! # Layout
//! - [`kafka_home`]: where Kafka's jars and a Java to run them are, or what exactly is missing.
//! - [`fetch`]: the jars, fetched once into the user's cache.
//! - `start`, with `plan`, `wiring`, `properties`, `disk`: from a specification to processes.
//! - `levers`: the faults, over `process` and `relay`.
//!
//! Invariants: everything listens on loopback; whatever happens to this process, no node is left (see [`process`]);
//! the directory goes with the cluster unless it is kept; a start is over when a broker's metadata shows all brokers,
//! not after a time.
//!
//! Sources: the documentation of Apache Kafka 4.3 for its settings; figures measured on 2 cores with JDK 17.

mod disk;
pub mod fetch;
pub mod kafka_home;
mod levers;
mod metrics;
mod plan;
mod process;
mod properties;
mod ready;
mod relay;
mod spec;
mod start;
mod strip;
mod watch;
mod wiring;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bus::{Admin, Preset, Settings};
use futures::FutureExt;
use futures::future::BoxFuture;
use scenario::FaultCall;
use tokio_util::task::AbortOnDropHandle;

use crate::faults::{FaultError, Injected, OpenFaults};
use crate::timeline::Timeline;
use crate::{Broker, Lab, NodeMetrics};
use disk::Home;
use process::{Keeper, Node};
use relay::Relay;
use strip::Stripped;

pub use kafka_home::{Kafka, Missing};
pub use spec::{ApacheSpec, Jit, Network, StartError, Threads};

/// A running Apache Kafka cluster. Dropping it kills its processes and removes its directory.
#[derive(Debug)]
pub struct Apache {
    controllers: Vec<Running>,
    nodes: Vec<Running>,
    brokers: Vec<Broker>,
    admin: Admin,
    relay: Option<Relay>,
    seed: u64,
    directory: PathBuf,
    timeline: Timeline,
    open: OpenFaults,
    stripped: tokio::sync::Mutex<Option<Stripped>>,
    /// Notes what the cluster does, once it is up.
    watch: Option<AbortOnDropHandle<()>>,
    keeper: Mutex<Keeper>,
}

/// A node that was started.
#[derive(Debug)]
struct Running {
    id: i32,
    node: Node,
    home: Home,
    metrics: std::net::SocketAddr,
}

impl Apache {
    /// Starts a cluster; when this returns, every broker's registration is seen by the others.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind.
    pub async fn start(spec: ApacheSpec, kafka: &Kafka) -> Result<Self, StartError> {
        start::start(spec, kafka).await
    }

    /// Where its logs and data are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The process ids of its nodes that run, controllers first.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.all().filter_map(|(_, running)| running.node.pid()).collect()
    }

    fn broker(&self, id: i32) -> Option<&Node> {
        self.nodes.iter().find(|running| running.id == id).map(|running| &running.node)
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &Running)> {
        let controllers = self.controllers.iter().map(|node| ("controller", node));
        controllers.chain(self.nodes.iter().map(|node| ("broker", node)))
    }

    fn stop(&self) {
        for (role, running) in self.all() {
            if let Err(error) = running.node.kill() {
                tracing::warn!(role, id = running.id, %error, "a node was not killed");
            }
        }
        if let Err(error) = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).end() {
            tracing::warn!(%error, "the keeper did not end");
        }
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Lab for Apache {
    fn backend(&self) -> &'static str {
        crate::Backend::Apache.name()
    }

    fn bootstrap(&self) -> String {
        self.brokers.iter().map(|broker| broker.address.as_str()).collect::<Vec<_>>().join(",")
    }

    fn brokers(&self) -> Vec<Broker> {
        self.brokers.clone()
    }

    fn inject<'a>(&'a self, call: &'a FaultCall) -> BoxFuture<'a, Result<Injected, FaultError>> {
        self.open.inject(self, &self.timeline, call).boxed()
    }

    fn heal_all(&self) -> BoxFuture<'_, Result<Vec<Injected>, FaultError>> {
        self.open.heal_all(self, &self.timeline).boxed()
    }

    fn state(&self) -> BoxFuture<'_, anyhow::Result<serde_json::Value>> {
        self.look().boxed()
    }

    fn metrics(&self) -> BoxFuture<'_, Vec<NodeMetrics>> {
        let asked = self.all().map(|(role, running)| async move {
            NodeMetrics {
                node: format!("{role} {}", running.id),
                values: metrics::scrape(running.metrics).await,
            }
        });
        futures::future::join_all(asked.collect::<Vec<_>>()).boxed()
    }

    fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        async { self.stop() }.boxed()
    }
}

impl Apache {
    async fn look(&self) -> anyhow::Result<serde_json::Value> {
        let nodes = |running: &[Running]| {
            let node = |one: &Running| serde_json::json!({ "id": one.id, "process": one.node.life() });
            running.iter().map(node).collect::<Vec<_>>()
        };
        let view = self.admin.cluster(ready::ASK).await?;
        let topics = view.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                serde_json::json!({
                    "partition": partition.partition,
                    "leader": partition.leader,
                    "replicas": partition.replicas,
                    "isr": partition.isr,
                })
            });
            serde_json::json!({ "topic": topic.name, "partitions": partitions.collect::<Vec<_>>() })
        });
        Ok(serde_json::json!({
            "controllers": nodes(&self.controllers),
            "brokers": nodes(&self.nodes),
            "topics": topics.collect::<Vec<_>>(),
        }))
    }
}

/// The client through which this cluster is looked at.
fn admin(bootstrap: &str) -> Admin {
    let settings = Settings::new(bootstrap, "lab", Preset::FailFast);
    Admin::new(&settings).expect("a preset without overrides holds")
}
