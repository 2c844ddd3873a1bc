//! What every service's `main` shares: settings, the HTTP edge, health, metrics, drain.
//!
//! # Layout
//! - [`settings`]: command line and environment, validated before a port opens.
//! - [`edge`]: the accept loop with its limits and its drain, and the routes that every service has.
//! - [`problem`]: the one place where an inner error becomes an HTTP answer (RFC 9457).
//! - [`fields`], [`budget`]: what a request says, and how long it may take.
//! - [`rescue`]: errors of the bus and of the layers, as problems, and the layer that makes answers of them.
//! - [`breaker`]: the circuit breaker that people install, to be compared with.
//! - [`metrics`]: counters of one service instance, as Prometheus text.
//! - [`process`], [`clock`]: what a `main` does around `run`: logging, signals, exit codes; the time.
//!
//! And towards Kafka:
//! - [`kafka_settings`], [`circuit_settings`]: which cluster, and what to do when it is stuck.
//! - [`connection`], [`layout`]: the instance, its producer, and how the topics lie.
//! - [`health`]: heartbeats and guards into circuits, their changes out to logs, metrics, `modes` and `/mode`.
//! - [`publisher`], [`inbox`], [`exchange`]: events out, events in, questions and answers.
//!
//! Nothing here is global: several services run side by side in one process, each with its own registry.
#![warn(missing_docs)]

pub mod breaker;
pub mod budget;
pub mod circuit_settings;
pub mod clock;
pub mod connection;
pub mod edge;
pub mod exchange;
pub mod fields;
pub mod health;
pub mod inbox;
pub mod kafka_settings;
pub mod layout;
pub mod metrics;
pub mod problem;
pub mod process;
pub mod publisher;
pub mod rescue;
pub mod settings;
