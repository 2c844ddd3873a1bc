//! A Kafka cluster in this process: the [`cluster`] state machine behind the Kafka protocol on loopback.
//!
//! ```text
//! client -> port -> broker (accepts) -> connection (frames, one at a time) -> api (words) -> engine (lock) -> cluster
//!                       ^                  ^ gate: frozen, dead, slow                          |
//!                       +------------------+--------------------------- effects --------------+
//! ```
//!
//! Invariants: everything runs on one thread of its own, which is gone when [`Embedded`] is dropped; nothing but
//! loopback is bound; a broker keeps its port for the cluster's life; every table has a bound
//! (`CONNECTIONS_MAX` per broker, one request in work per connection, frames of at most 16 MiB, and what
//! [`cluster::Spec`] says about the rest).

mod api;
mod broker;
mod connection;
mod engine;
mod levers;
mod metrics;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cluster::{BrokerId, Cluster, NewTopic, Request, Response};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use kafka_protocol::protocol::StrBytes;
use scenario::FaultCall;
use tokio::sync::oneshot;

use crate::faults::{FaultError, Injected, OpenFaults};
use crate::port::Port;
use crate::timeline::Timeline;
use crate::{Broker, Lab, NodeMetrics};
use api::{Directory, Endpoint};
use connection::Home;
use engine::Engine;

/// How long the creation of topics through [`Embedded::create_topics`] may take.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct EmbeddedSpec {
    /// The cluster.
    pub cluster: cluster::Spec,
    /// Where its brokers listen.
    pub ports: Ports,
}

/// Where brokers listen, on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ports {
    /// On ports that happen to be free.
    #[default]
    Free,
    /// Broker 1 here, broker 2 on the next one, and so on.
    From(u16),
}

/// Why an embedded cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cluster's specification does not hold.
    #[error(transparent)]
    Spec(#[from] cluster::SpecError),
    /// A port cannot be had; choose others, or free ones.
    #[error("broker {broker} cannot listen on {wanted}: {error}")]
    Port {
        /// Whose port.
        broker: u32,
        /// Which port.
        wanted: String,
        /// Why not.
        error: io::Error,
    },
    /// The system gave no thread or no runtime.
    #[error("the cluster's thread cannot be started: {0}")]
    Thread(io::Error),
}

/// A running embedded cluster. Dropping it stops it and waits for its thread.
#[derive(Debug)]
pub struct Embedded {
    engine: Arc<Engine>,
    directory: Arc<Directory>,
    brokers: Vec<Broker>,
    seed: u64,
    open: OpenFaults,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    /// Dropped to stop the thread.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Embedded {
    /// Starts a cluster; when this returns, its ports are open.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind.
    pub fn start(spec: EmbeddedSpec) -> Result<Self, StartError> {
        let born = Instant::now();
        let seed = spec.cluster.seed;
        let count = spec.cluster.brokers;
        let cluster = Cluster::new(spec.cluster)?;
        let zones: BTreeMap<BrokerId, String> =
            cluster.state().brokers.into_iter().map(|broker| (broker.broker, broker.zone)).collect();
        let ports = ports(count, spec.ports)?;
        let endpoint = |(id, port): &(BrokerId, Port)| {
            let zone = zones.get(id).cloned().unwrap_or_default();
            let endpoint = Endpoint {
                host: StrBytes::from_string(port.address().ip().to_string()),
                port: i32::from(port.address().port()),
                zone: StrBytes::from_string(zone),
            };
            (*id, endpoint)
        };
        let directory = Arc::new(Directory(ports.iter().map(endpoint).collect()));
        let brokers = directory.0.iter().map(|(id, at)| Broker {
            id: id.0,
            zone: at.zone.to_string(),
            address: format!("{}:{}", at.host, at.port),
        });
        let brokers = brokers.collect();
        let engine = Engine::new(cluster, ports.iter().map(|(id, _)| *id), Timeline::new(born));
        let running = run(Arc::clone(&engine), Arc::clone(&directory), ports).map_err(StartError::Thread)?;
        Ok(Self {
            engine,
            directory,
            brokers,
            seed,
            open: OpenFaults::default(),
            running: Mutex::new(Some(running)),
        })
    }

    /// Creates topics as an administrator would, through the first broker.
    ///
    /// # Errors
    /// Names the first topic that was not created, and why.
    pub async fn create_topics(&self, topics: Vec<NewTopic>) -> anyhow::Result<()> {
        let create = cluster::CreateTopics { timeout: CREATE_TIMEOUT, validate_only: false, topics };
        let mut asked = self.engine.ask(BrokerId(1), "lab".to_owned(), Request::CreateTopics(create));
        let Some(Response::CreateTopics(created)) = asked.answer().await else {
            anyhow::bail!("broker 1 does not answer");
        };
        match created.iter().find(|topic| !topic.error.is_none()) {
            None => Ok(()),
            Some(topic) => {
                let words = topic.message.as_deref().unwrap_or_default();
                anyhow::bail!("topic {} was not created: {:?} {words}", topic.name, topic.error)
            }
        }
    }

    fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            drop(running.stop);
            // A panic of the thread was reported when it happened.
            drop(running.thread.join());
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Lab for Embedded {
    fn backend(&self) -> &'static str {
        levers::BACKEND
    }

    fn bootstrap(&self) -> String {
        self.brokers.iter().map(|broker| broker.address.as_str()).collect::<Vec<_>>().join(",")
    }

    fn brokers(&self) -> Vec<Broker> {
        self.brokers.clone()
    }

    fn inject<'a>(&'a self, call: &'a FaultCall) -> BoxFuture<'a, Result<Injected, FaultError>> {
        self.open.inject(self, self.timeline(), call).boxed()
    }

    fn heal_all(&self) -> BoxFuture<'_, Result<Vec<Injected>, FaultError>> {
        self.open.heal_all(self, self.timeline()).boxed()
    }

    fn state(&self) -> BoxFuture<'_, anyhow::Result<serde_json::Value>> {
        async { Ok(serde_json::to_value(self.engine.state())?) }.boxed()
    }

    fn metrics(&self) -> BoxFuture<'_, Vec<NodeMetrics>> {
        ready(metrics::of(&self.engine.state())).boxed()
    }

    fn timeline(&self) -> &Timeline {
        self.engine.timeline()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        async { self.stop() }.boxed()
    }
}

fn ports(brokers: u32, ports: Ports) -> Result<Vec<(BrokerId, Port)>, StartError> {
    let bind = |broker: u32| {
        let number = match ports {
            Ports::Free => None,
            Ports::From(base) => Some(u32::from(base) + broker - 1),
        };
        let wanted = || number.map_or_else(|| "a free port".to_owned(), |number| format!("port {number}"));
        let refused = |error| StartError::Port { broker, wanted: wanted(), error };
        let number = number.map(u16::try_from).transpose();
        let number = number.map_err(|_| refused(io::Error::other("the last port is 65535")))?;
        let mut port = Port::bind(number).map_err(refused)?;
        port.open().map_err(refused)?;
        let id = i32::try_from(broker).expect("a checked specification has few brokers");
        Ok((BrokerId(id), port))
    };
    (1..=brokers).map(bind).collect()
}

/// Starts the thread that everything runs on; returns when the ports are open.
fn run(engine: Arc<Engine>, directory: Arc<Directory>, ports: Vec<(BrokerId, Port)>) -> io::Result<Running> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut homes = Vec::new();
    for (broker, port) in ports {
        let line = engine.line(broker).expect("the engine was made for these brokers");
        let home = Home { broker, engine: Arc::clone(&engine), directory: Arc::clone(&directory), line };
        homes.push((port, home));
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("embedded-cluster".to_owned()).spawn(move || {
        runtime.block_on(async move {
            for (port, home) in homes {
                tokio::spawn(broker::keep(port, home, broker::CONNECTIONS_MAX));
            }
            tokio::spawn(async move { engine.keep_time().await });
            // Either way the owner wants an end.
            drop(stopped.await);
        });
    })?;
    Ok(Running { stop, thread })
}
