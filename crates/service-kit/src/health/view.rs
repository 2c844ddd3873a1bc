//! `GET /mode`: where each circuit is, for people and for a game day.

use std::time::Duration;

use circuit::CircuitView;
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
    /// One per partition; none under `hang`.
    pub circuits: Vec<CircuitReport>,
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
    /// Why it is not closed, in words.
    pub reason: Option<String>,
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
    pub(super) fn new(instance: &str, strategy: Strategy, views: Vec<CircuitView>) -> Self {
        let degraded = views.iter().any(|view| view.state.permille() < 1_000);
        Self {
            instance: instance.to_owned(),
            strategy: strategy.name(),
            mode: if degraded { Mode::Degraded } else { Mode::Normal },
            circuits: views.into_iter().map(CircuitReport::from).collect(),
        }
    }
}

impl From<CircuitView> for CircuitReport {
    fn from(view: CircuitView) -> Self {
        Self {
            partition: view.partition,
            name: view.name.as_ref().to_owned(),
            state: view.state.name(),
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
