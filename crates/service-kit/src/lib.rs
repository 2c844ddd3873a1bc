//! What every service's `main` shares: settings, the HTTP edge, health, metrics, drain.
//!
//! # Layout
//! - [`settings`]: command line and environment, validated before a port opens.
//! - [`edge`]: the accept loop with its limits and its drain, and the routes that every service has.
//! - [`problem`]: the one place where an inner error becomes an HTTP answer (RFC 9457).
//! - [`metrics`]: counters of one service instance, as Prometheus text.
//! - [`process`]: what a `main` does around `run`: logging, signals, exit codes.
//!
//! Nothing here is global: several services run side by side in one process, each with its own registry.
#![warn(missing_docs)]

pub mod edge;
pub mod metrics;
pub mod problem;
pub mod process;
pub mod settings;
