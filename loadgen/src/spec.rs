//! What to send, as it is asked for; [`crate::Plan`] checks it.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::portable;
use crate::{Arrivals, Choices, Limits, Mapping, Wire};

/// What to send, as it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanSpec {
    /// Everything random comes from it.
    pub seed: u64,
    /// The name of this run for `{run}`, so that ids differ between runs of the same seed.
    pub run: String,
    /// How arrivals are spread.
    pub arrivals: Arrivals,
    /// Mean arrivals per second.
    #[serde(with = "portable::exact")]
    pub rate_per_s: f64,
    /// From the start, or the end of the warm-up, to the last arrival.
    pub duration: Duration,
    /// Load at `rate_per_s` before the schedule proper; it is accounted for like the rest, and for the caller to leave
    /// out.
    pub warm_up: Duration,
    /// Who decides when a request starts.
    pub mode: Mode,
    /// Threads that share the schedule out: request `k` belongs to worker `k % workers`. One per core is enough.
    pub workers: usize,
    /// Where requests go.
    pub targets: Vec<Target>,
    /// The mix.
    pub requests: Vec<RequestSpec>,
    /// What placeholders are filled from.
    pub choices: Choices,
    /// What an answer counts as.
    pub mapping: Mapping,
    /// The bounds of the run.
    pub limits: Limits,
}

/// Who decides when a request starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Mode {
    /// The schedule, as customers do who know nothing of each other.
    #[default]
    Open,
    /// The answer to the one before: so many users, each of whom waits. A slow target is then asked less, and the time
    /// that it made others wait is never seen (coordinated omission): such a run measures throughput, not latency.
    /// Arrivals and rate do not count.
    Closed {
        /// How many.
        users: usize,
    },
}

/// A service by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The name that requests refer to.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What requests travel over.
    pub wire: Wire,
}

/// One kind of request; path, header values and body may hold placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSpec {
    /// What results call it, such as `quote`.
    pub label: String,
    /// Its share of the mix, relative to the others; 0 is never sent.
    pub weight: u32,
    /// The HTTP method.
    #[serde(with = "portable::text")]
    pub method: Method,
    /// The name of a target.
    pub target: String,
    /// Path and query.
    pub path: String,
    /// Headers beside `content-length`, and `host` unless it is among them, which are added.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<String>,
}
