//! The states of one circuit.
//!
#![doc = include_str!("states.md")]
//!
//! # Invariants
//! - Customers are on the primary path in `closed`, `suspect`, `forced_closed`, `disabled` and `metrics_only`, a growing
//!   share of them in `slow_start`, and nobody anywhere else.
//! - Out of `open` leads only time, out of `half_open` only heartbeats of this generation, or their absence: what
//!   customers' calls do has no say in a recovery, and a heartbeat that hangs for ever cannot wedge it.
//! - It takes a better dependency to recover than to stay closed: tighter deadlines for heartbeats, lower limits in
//!   `slow_start`.
//! - The dwell in `open` doubles from trip to trip up to a cap, and one doubling is taken back for each calm period:
//!   whatever flaps, the changes per time are bounded.
//!
//! # Recovery without a second dip
//! After a heal the heartbeats find the new leader before the customers' producer does: its records from before the trip
//! wait for metadata and for a retry, and customers who came back at once would queue behind them and trip the circuit
//! again. So a heartbeat that returns also tells whether such records are left (`leftovers`), and a half-open circuit
//! goes on probing until there are none, for at most
//! [`drain_max`](crate::settings::Settings::drain_max) after the last heartbeat that it needed: a record that is never
//! reported must not keep customers away.
//!
//! Time that passes is not an input of its own: each input carries `now`, and a circuit hears one every tick.

mod ramp;
mod state;

use std::sync::Arc;
use std::time::Duration;

use crate::heartbeat::Outcome;
use crate::settings::Settings;
use crate::signal::{Reason, Verdict};
use crate::switch::Decision;

pub use self::ramp::{Ramp, WINDOWS_MAX};
pub use self::state::{Force, State};

/// What a circuit hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// What the signals of this tick say.
    Signals(Verdict),
    /// A heartbeat that was sent in this generation has ended.
    Heartbeat {
        /// [`Machine::generation`] when it was sent.
        generation: u64,
        /// How it ended.
        outcome: Outcome,
        /// Customers' records from before the trip are still without a delivery report.
        leftovers: bool,
    },
    /// An operator's order, until it expires.
    Force {
        /// The order.
        force: Force,
        /// When it expires.
        until: Duration,
    },
    /// The operator takes the order back.
    Release,
}

/// A change from one kind of state to another, or of what `metrics_only` would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// How long the state before had lasted.
    pub lasted: Duration,
}

/// One circuit.
#[derive(Debug)]
pub struct Machine {
    settings: Arc<Settings>,
    state: State,
    since: Duration,
    admits_since: Duration,
    generation: u64,
    level: u32,
    would_have_opened: u64,
    seed: u64,
}

impl Machine {
    /// A closed circuit. The seed jitters its dwells, so that circuits that trip together are not probed together.
    #[must_use]
    pub fn new(settings: impl Into<Arc<Settings>>, seed: u64) -> Self {
        let start = Duration::ZERO;
        Self {
            settings: settings.into(),
            state: State::Closed,
            since: start,
            admits_since: start,
            generation: 0,
            level: 0,
            would_have_opened: 0,
            seed,
        }
    }

    /// Where the circuit is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when it is there.
    #[must_use]
    pub fn since(&self) -> Duration {
        self.since
    }

    /// Grows with each trip and each order; a heartbeat of an older generation is ignored.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How often it would have tripped under `metrics_only`.
    #[must_use]
    pub fn would_have_opened(&self) -> u64 {
        self.would_have_opened
    }

    /// How often a heartbeat is due and how long it may take, both in this state; `None` while none is wanted.
    #[must_use]
    pub fn heartbeat_timing(&self) -> Option<(Duration, Duration)> {
        match self.state {
            State::Open { .. } | State::ForcedOpen { .. } => None,
            State::HalfOpen { .. } => Some((self.settings.probe_period, self.settings.probe_deadline)),
            _ => Some((self.settings.heartbeat_period, self.settings.close_timeout)),
        }
    }

    /// Hears one input at `now`, and changes state if that is what it means.
    pub fn on(&mut self, input: Input, now: Duration) -> Option<Transition> {
        use Outcome::{Lost, Returned};
        use State::{
            Closed, Disabled, ForcedClosed, ForcedOpen, HalfOpen, MetricsOnly, Open, SlowStart, Suspect,
        };
        use Verdict::{Stuck, Suspicious};

        let settings = &self.settings;
        let input = self.without_stale_heartbeat(input);
        let to = match (self.state, input) {
            // An operator outranks every signal, until the order expires.
            (before, Input::Force { force, until }) => force.state(until, before),
            (ForcedOpen { .. }, Input::Release) => self.probed(Reason::Operator, now),
            (ForcedOpen { until }, _) if now >= until => self.probed(Reason::Operator, now),
            (ForcedClosed { .. } | Disabled { .. } | MetricsOnly { .. }, Input::Release) => Closed,
            (ForcedClosed { until } | Disabled { until } | MetricsOnly { until, .. }, _) if now >= until => {
                Closed
            }
            (MetricsOnly { until, would }, input) => {
                MetricsOnly { until, would: self.would(would, input, now) }
            }

            // On the primary path: any proof of no progress trips, unusual slowness warns.
            (Closed | Suspect { .. } | SlowStart { .. }, Input::Signals(Stuck(reason)))
            | (Closed | Suspect { .. } | SlowStart { .. }, Input::Heartbeat { outcome: Lost(reason), .. }) => {
                self.opened(reason, now)
            }
            (Closed, Input::Signals(Suspicious(reason))) => Suspect { reason, last: now },
            (Suspect { reason, .. }, Input::Signals(Suspicious(_))) => Suspect { reason, last: now },
            (Suspect { last, .. }, _) if now >= last + settings.suspect_hold => Closed,

            // Off it: only time leads to a probe, and only heartbeats lead back.
            (Open { reason, until }, _) if now >= until => self.probed(reason, now),
            (HalfOpen { .. }, Input::Heartbeat { outcome: Lost(reason), .. }) => self.opened(reason, now),
            (HalfOpen { until, .. }, _) if now >= until => self.opened(Reason::NoHeartbeat, now),
            (
                HalfOpen { reason, healthy, proven, .. },
                Input::Heartbeat { outcome: Returned, leftovers, .. },
            ) => {
                let healthy = (healthy + 1).min(settings.probes_to_close);
                let proven = proven.or((healthy == settings.probes_to_close).then_some(now));
                match proven {
                    Some(since) if !leftovers || now >= since + settings.drain_max => {
                        SlowStart { reason, ramp: Ramp::new(now, settings) }
                    }
                    _ => HalfOpen { reason, healthy, proven, until: now + settings.probe_patience() },
                }
            }

            // Back on it, step by step.
            (SlowStart { reason, ramp }, Input::Signals(verdict)) => {
                let regression = matches!(verdict, Suspicious(_));
                ramp.next(regression, now, settings).map_or(Closed, |ramp| SlowStart { reason, ramp })
            }

            (same, _) => same,
        };
        self.enter(to, now)
    }

    /// What would be, if this circuit were allowed to trip: stuck until nothing said so for the hold of a suspicion.
    fn would(
        &self,
        before: Option<(Reason, Duration)>,
        input: Input,
        now: Duration,
    ) -> Option<(Reason, Duration)> {
        match input {
            Input::Signals(Verdict::Stuck(reason))
            | Input::Heartbeat { outcome: Outcome::Lost(reason), .. } => {
                Some((before.map_or(reason, |(first, _)| first), now))
            }
            _ => before.filter(|(_, last)| now < *last + self.settings.suspect_hold),
        }
    }

    /// A heartbeat of another generation tells nothing but that time has passed.
    fn without_stale_heartbeat(&self, input: Input) -> Input {
        match input {
            Input::Heartbeat { generation, .. } if generation != self.generation => {
                Input::Signals(Verdict::Healthy)
            }
            other => other,
        }
    }

    fn probed(&self, reason: Reason, now: Duration) -> State {
        State::HalfOpen { reason, healthy: 0, proven: None, until: now + self.settings.probe_patience() }
    }

    /// Trips: the dwell is the shortest one, doubled for each level, capped, and then up to a fifth shorter.
    fn opened(&mut self, reason: Reason, now: Duration) -> State {
        if self.state.decision() == Decision::Primary {
            let calm = now.saturating_sub(self.admits_since);
            let calm_periods = calm.as_nanos() / self.settings.calm.as_nanos().max(1);
            self.level = self.level.saturating_sub(u32::try_from(calm_periods).unwrap_or(u32::MAX));
        }
        let dwell =
            self.settings.dwell_min.saturating_mul(1 << self.level.min(30)).min(self.settings.dwell_max);
        if dwell < self.settings.dwell_max {
            self.level += 1;
        }
        let thousandths = (next_random(&mut self.seed) % 200) as u32;
        State::Open { reason, until: now + dwell - dwell * thousandths / 1_000 }
    }

    fn enter(&mut self, to: State, now: Duration) -> Option<Transition> {
        let from = std::mem::replace(&mut self.state, to);
        if from.is_like(to) {
            return None;
        }
        let lasted = now.saturating_sub(self.since);
        self.since = now;
        if from.decision() == Decision::Fallback {
            self.admits_since = now;
        }
        match to {
            State::MetricsOnly { would: Some(_), .. } => self.would_have_opened += 1,
            State::MetricsOnly { .. } if from.name() == to.name() => {}
            State::Open { .. } => self.generation += 1,
            ordered if ordered.is_ordered() => self.generation += 1,
            _ => {}
        }
        Some(Transition { from, to, lasted })
    }
}

/// splitmix64: enough for jitter, and no dependency.
fn next_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
