//! Clusters to break, and the faults that break them.
//!
//! # Layout
//! - [`Lab`]: a cluster to break, whatever it is made of.
//! - [`apache`]: one kind of cluster: Apache Kafka as child processes.
//! - [`embedded`]: another kind of cluster: the state machine of `cluster` behind the Kafka protocol on loopback.
//! - [`faults`]: one file per pair of fault and heal, over the levers that a cluster has.
//! - [`timeline`]: what was done and what came of it.
//! - [`control`]: break and heal over HTTP.
//! - [`feed`]: a market to quote from.
//! - [`wire`]: a client with nothing in between, for what no client library lets one ask.
//!
//! Another kind of cluster is a module that implements [`Lab`] and [`faults::Levers`]; another fault is a file in
//! `faults/` and a line of registration.
#![warn(missing_docs)]

pub mod apache;
mod backend;
pub mod control;
pub mod embedded;
pub mod faults;
pub mod feed;
mod lab;
mod port;
pub mod timeline;
pub mod wire;

pub use backend::{Backend, UnknownBackend};
pub use lab::{Broker, Lab, NodeMetrics};
