//! What a result file says about a histogram: milliseconds, at the edge only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Outcome, Phase};

/// Percentiles of one histogram, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// 90 % stayed within this.
    pub p90: f64,
    /// 99 % stayed within this.
    pub p99: f64,
    /// 99.9 % stayed within this.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// One outcome in one phase. Times are left out where nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many intended requests ended so.
    pub count: u64,
    /// From the intended start, in milliseconds; not of requests that were never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_ms: Option<Percentiles>,
    /// From the actual send, in milliseconds; only of requests that were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_ms: Option<Percentiles>,
}

/// All three phases, each with the outcomes that occurred in it.
pub type Phases = BTreeMap<Phase, BTreeMap<Outcome, Summary>>;
