//! What to send, as it is asked for; [`crate::Plan`] checks it.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;

use crate::{Arrivals, Choices, Limits};

/// What to send, as it is asked for.
#[derive(Debug, Clone)]
pub struct PlanSpec {
    /// Everything random comes from it.
    pub seed: u64,
    /// The name of this run for `{run}`, so that ids differ between runs of the same seed.
    pub run: String,
    /// How arrivals are spread.
    pub arrivals: Arrivals,
    /// Mean arrivals per second.
    pub rate_per_s: f64,
    /// From the start to the last arrival.
    pub duration: Duration,
    /// Where requests go.
    pub targets: Vec<Target>,
    /// The mix.
    pub requests: Vec<RequestSpec>,
    /// What placeholders are filled from.
    pub choices: Choices,
    /// The bounds of the run.
    pub limits: Limits,
}

/// A service by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name that requests refer to.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// One kind of request; path, header values and body may hold placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSpec {
    /// What results call it, such as `quote`.
    pub label: String,
    /// Its share of the mix, relative to the others; 0 is never sent.
    pub weight: u32,
    /// The HTTP method.
    pub method: Method,
    /// The name of a target.
    pub target: String,
    /// Path and query.
    pub path: String,
    /// Headers beside `host` and `content-length`, which are added.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<String>,
}
