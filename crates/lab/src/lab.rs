//! A cluster to break, whatever it is made of.
//!
//! The trait says what the game day, the command line and the control endpoint need; what a backend can do to its
//! cluster is said by [`Levers`](crate::faults::Levers), which it implements beside.

use std::collections::BTreeMap;
use std::fmt;

use futures::future::BoxFuture;
use scenario::FaultCall;
use serde::Serialize;

use crate::faults::{FaultError, Injected};
use crate::timeline::Timeline;

/// A cluster to break.
pub trait Lab: fmt::Debug + Send + Sync {
    /// What it is made of, e.g. `embedded`.
    fn backend(&self) -> &'static str;

    /// The bootstrap servers, as clients take them: `host:port,host:port`.
    fn bootstrap(&self) -> String;

    /// Its brokers, in the order of their ids.
    fn brokers(&self) -> Vec<Broker>;

    /// Carries out a fault or a heal and notes it on the timeline.
    ///
    /// # Errors
    /// [`FaultError`]; nothing was done unless it says so.
    fn inject<'a>(&'a self, call: &'a FaultCall) -> BoxFuture<'a, Result<Injected, FaultError>>;

    /// Heals every fault that is still open, the last one first; says what was done.
    ///
    /// # Errors
    /// The first [`FaultError`]; the faults after it were tried all the same and the failed ones stay open.
    fn heal_all(&self) -> BoxFuture<'_, Result<Vec<Injected>, FaultError>>;

    /// What the cluster is like now, for people and dashboards; the shape is the backend's.
    ///
    /// # Errors
    /// When the backend cannot tell now.
    fn state(&self) -> BoxFuture<'_, anyhow::Result<serde_json::Value>>;

    /// What its nodes say of themselves, each asked for at most a second; empty if nobody can ask them.
    fn metrics(&self) -> BoxFuture<'_, Vec<NodeMetrics>>;

    /// What has happened so far.
    fn timeline(&self) -> &Timeline;

    /// Stops the cluster; when it returns, no port, thread or process of it is left. Again is harmless.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// A broker, as a person would address it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broker {
    /// Its id, from 1.
    pub id: i32,
    /// Its zone.
    pub zone: String,
    /// Where it listens, `host:port`.
    pub address: String,
}

/// What a node's own metrics say, under Apache Kafka's names, e.g. `UnderReplicatedPartitions`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeMetrics {
    /// Which node, e.g. `broker 2` or `controller 1001`.
    pub node: String,
    /// The values; `None` when it does not answer.
    pub values: Option<BTreeMap<String, f64>>,
}
