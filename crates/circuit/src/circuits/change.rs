//! What people see of a circuit: its changes, each one sentence, and its state.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::machine::State;
use crate::signal::{Human, Percent, Reason, Verdict};
use crate::switch::Decision;

/// What the changes of mode mean to the customers of this service, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// While a circuit does not admit: "quotes now computed locally".
    pub degraded: &'static str,
    /// When it admits again: "quotes over Kafka again".
    pub restored: &'static str,
}

/// One circuit, as `/mode` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitView {
    /// Index of the partition.
    pub partition: usize,
    /// Its name.
    pub name: Arc<str>,
    /// Where the circuit is; the times in it are the time that the circuits saw.
    pub state: State,
    /// The share of the calls that is admitted, in thousandths, after what its scopes say.
    pub permille: u32,
    /// What its signals say, whether or not its state heeds them.
    pub verdict: Verdict,
    /// How often it would have tripped while it was only measured.
    pub would_have_opened: u64,
    /// How long it has been there.
    pub lasted: Duration,
    /// In how much time it leaves there by itself, if nothing else happens.
    pub ends_in: Option<Duration>,
    /// Age of the oldest call without an ack at the last look, without those written off.
    pub oldest_unacked: Option<Duration>,
    /// Age of the oldest call without an answer at the last look, without those written off.
    pub oldest_unanswered: Option<Duration>,
    /// Records without a delivery report, or calls without an answer, whichever are more.
    pub in_flight: usize,
    /// Age of the heartbeat under way.
    pub heartbeat: Option<Duration>,
    /// The largest round trip of a heartbeat lately; zero while there was none.
    pub usual_round_trip: Duration,
    /// Heartbeats that came too late, or twice.
    pub stale_heartbeats: u64,
}

/// A change of mode. Displayed, it is the one log line that this change deserves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeChange {
    /// Index of the partition.
    pub partition: usize,
    /// Its name.
    pub name: Arc<str>,
    /// When, in the time of whoever called.
    pub at: Duration,
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// How long the state before had lasted.
    pub lasted: Duration,
    /// In how much time the state ends by itself, if nothing else happens.
    pub ends_in: Option<Duration>,
    /// How long customers were off the primary path, if this change brings them back.
    pub degraded_for: Option<Duration>,
    /// Records without a delivery report, or calls without an answer, whichever are more.
    pub in_flight: usize,
    pub(super) words: Words,
}

impl ModeChange {
    /// Why: the reason of the state now, or of the one that was left.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.to.reason().or(self.from.reason())
    }
}

impl fmt::Display for ModeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Words { degraded, restored } = self.words;
        let calls = Count(self.in_flight);
        let lasted = Human(self.lasted);
        let ends_in = Human(self.ends_in.unwrap_or_default());
        write!(f, "partition {} ", self.name)?;
        match (self.from, self.to) {
            (_, State::Suspect { reason, .. }) => {
                write!(f, "suspect: {reason}, {calls} in flight; nothing changed for customers yet")
            }
            (from, State::Open { reason, .. }) if from.decision() == Decision::Primary => {
                write!(f, "stuck: {reason}, {calls} in flight; {degraded}")
            }
            (_, State::Open { reason, .. }) => write!(f, "still stuck: {reason}; next probe in {ends_in}"),
            (_, State::HalfOpen { .. }) => {
                write!(f, "now probed with heartbeats, after {lasted}; customers stay where they are")
            }
            (_, State::SlowStart { ramp, .. }) => {
                let degraded_for = Human(self.degraded_for.unwrap_or(self.lasted));
                write!(f, "healthy again after {degraded_for}; {restored}, ")?;
                write!(f, "{} of the calls at first", Percent(ramp.permille()))
            }
            (State::SlowStart { .. }, State::Closed) => write!(f, "admits every call again, after {lasted}"),
            (State::Suspect { .. }, State::Closed) => write!(f, "no longer suspect, after {lasted}"),
            (from, State::Closed) => {
                write!(f, "no longer {}, after {lasted}; its signals count again", ordered(from))
            }
            (State::MetricsOnly { .. }, State::MetricsOnly { would: Some((reason, _)), .. }) => {
                write!(f, "would be stuck: {reason}, {calls} in flight; only measured, customers stay")
            }
            (State::MetricsOnly { .. }, State::MetricsOnly { .. }) => {
                write!(f, "would be healthy again, after {lasted}; only measured, nothing changed")
            }
            (_, to @ State::ForcedOpen { .. }) => write!(f, "{} for {ends_in}; {degraded}", ordered(to)),
            (_, to @ State::ForcedClosed { .. }) => {
                write!(f, "{} for {ends_in}, whatever its signals say", ordered(to))
            }
            (_, to @ State::Disabled { .. }) => {
                write!(f, "{} for {ends_in}: its signals are looked at, and nothing trips", ordered(to))
            }
            (_, to @ State::MetricsOnly { .. }) => {
                write!(f, "{} for {ends_in}: what would trip it is counted, customers stay", ordered(to))
            }
        }
    }
}

/// An operator's order, in words.
const fn ordered(state: State) -> &'static str {
    match state {
        State::ForcedOpen { .. } => "forced open",
        State::ForcedClosed { .. } => "forced closed",
        State::Disabled { .. } => "disabled",
        State::MetricsOnly { .. } => "only measured",
        _ => "ordered",
    }
}

/// `1 call`, `31 calls`.
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} call{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}
