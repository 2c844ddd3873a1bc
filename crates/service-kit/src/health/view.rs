//! `GET /mode`: where each circuit is, for people and for a game day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use circuit::{CircuitView, ScopeView};
use serde::Serialize;
use trading::mode::Mode;

use crate::clock;
use crate::settings::Strategy;

/// What `GET /mode` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModeReport {
    /// The instance.
    pub instance: String,
    /// `hang` or `degrade`.
    pub strategy: &'static str,
    /// `degraded` while the circuit of any partition does not admit every call.
    pub mode: Mode,
    /// The partitions together; none under `hang`.
    pub scopes: Vec<ScopeReport>,
    /// One per partition; none under `hang`.
    pub circuits: Vec<CircuitReport>,
}

/// Partitions that are judged together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeReport {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: usize,
    /// How many of them are open by their own judgement.
    pub open: usize,
    /// The share of the calls that it admits, in thousandths; a partition admits no more than that.
    pub admits_permille: u32,
}

/// One circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CircuitReport {
    /// Index of the partition, in every topic of the path.
    pub partition: usize,
    /// Its name in logs.
    pub name: String,
    /// `closed`, `suspect`, `open`, `half_open`, `slow_start`, `forced_open`, `forced_closed`, `disabled` or
    /// `metrics_only`.
    pub state: &'static str,
    /// The share of the calls that is admitted, in thousandths, after what its scopes say.
    pub admits_permille: u32,
    /// Why it is not closed, in words.
    pub reason: Option<String>,
    /// What the operator said who ordered its state.
    pub why: Option<String>,
    /// Since when it is in this state, in ms since the Unix epoch.
    pub since_unix_ms: i64,
    /// For how long.
    pub lasted_ms: u64,
    /// In how long it leaves by itself.
    pub ends_in_ms: Option<u64>,
    /// Age of the oldest record without a delivery report.
    pub oldest_unacked_ms: Option<u64>,
    /// Age of the oldest call without an answer.
    pub oldest_unanswered_ms: Option<u64>,
    /// Records without a delivery report, or calls without an answer, whichever are more.
    pub in_flight: usize,
    /// Age of the heartbeat under way.
    pub heartbeat_ms: Option<u64>,
    /// The longest round trip of a heartbeat lately.
    pub usual_round_trip_ms: u64,
}

impl ModeReport {
    pub(super) fn new(
        instance: &str,
        strategy: Strategy,
        scopes: Vec<ScopeView>,
        views: Vec<CircuitView>,
        whys: &BTreeMap<usize, Arc<str>>,
    ) -> Self {
        let degraded = views.iter().any(|view| view.permille < 1_000);
        let said = |view: &CircuitView| whys.get(&view.partition).map(ToString::to_string);
        Self {
            instance: instance.to_owned(),
            strategy: strategy.name(),
            mode: if degraded { Mode::Degraded } else { Mode::Normal },
            scopes: scopes
                .into_iter()
                .filter(|scope| !scope.partitions.is_empty())
                .map(ScopeReport::from)
                .collect(),
            circuits: views
                .into_iter()
                .map(|view| CircuitReport { why: said(&view), ..CircuitReport::from(view) })
                .collect(),
        }
    }
}

impl From<ScopeView> for ScopeReport {
    fn from(view: ScopeView) -> Self {
        Self {
            name: view.name.as_ref().to_owned(),
            partitions: view.partitions.len(),
            open: view.open,
            admits_permille: view.permille,
        }
    }
}

impl From<CircuitView> for CircuitReport {
    fn from(view: CircuitView) -> Self {
        Self {
            partition: view.partition,
            name: view.name.as_ref().to_owned(),
            state: view.state.name(),
            admits_permille: view.permille,
            why: None,
            reason: view.state.reason().map(|reason| reason.to_string()),
            since_unix_ms: clock::now().minus(view.lasted).unix_ms(),
            lasted_ms: ms(view.lasted),
            ends_in_ms: view.ends_in.map(ms),
            oldest_unacked_ms: view.oldest_unacked.map(ms),
            oldest_unanswered_ms: view.oldest_unanswered.map(ms),
            in_flight: view.in_flight,
            heartbeat_ms: view.heartbeat.map(ms),
            usual_round_trip_ms: ms(view.usual_round_trip),
        }
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
