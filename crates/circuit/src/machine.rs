//! The states of one circuit.
//!
#![doc = include_str!("states.md")]
//!
//! # Invariants
//! - Customers are on the primary path in `closed`, `suspect` and `forced_closed`, and nowhere else.
//! - Out of `open` leads only time, out of `half_open` only heartbeats of this generation, or their absence: what
//!   customers' calls do has no say in a recovery, and a heartbeat that hangs for ever cannot wedge it.
//! - The dwell in `open` doubles from trip to trip up to a cap, and one doubling is taken back for each calm period:
//!   whatever flaps, the changes per time are bounded.
//!
//! Time that passes is not an input of its own: each input carries `now`, and a circuit hears one every tick.

use std::time::Duration;

use crate::heartbeat::Outcome;
use crate::settings::Settings;
use crate::signal::{Reason, Verdict};
use crate::switch::Decision;

/// Where a circuit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Admits.
    Closed,
    /// Admits, and the fallback should get ready.
    Suspect {
        /// What was suspicious first.
        reason: Reason,
        /// When something was suspicious last.
        last: Duration,
    },
    /// Does not admit.
    Open {
        /// Why it tripped.
        reason: Reason,
        /// When it will be probed.
        until: Duration,
    },
    /// Does not admit customers; heartbeats find out.
    HalfOpen {
        /// Why it tripped.
        reason: Reason,
        /// Healthy heartbeats so far, in a row.
        healthy: u32,
        /// The next verdict must come before.
        until: Duration,
    },
    /// Does not admit, by an operator's order.
    ForcedOpen {
        /// When the order expires.
        until: Duration,
    },
    /// Admits, by an operator's order.
    ForcedClosed {
        /// When the order expires.
        until: Duration,
    },
}

impl State {
    /// A stable name for metrics, events and `/mode`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Suspect { .. } => "suspect",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
            Self::ForcedOpen { .. } => "forced_open",
            Self::ForcedClosed { .. } => "forced_closed",
        }
    }

    /// What a call is told.
    #[must_use]
    pub const fn decision(self) -> Decision {
        match self {
            Self::Closed | Self::Suspect { .. } | Self::ForcedClosed { .. } => Decision::Primary,
            Self::Open { .. } | Self::HalfOpen { .. } | Self::ForcedOpen { .. } => Decision::Fallback,
        }
    }

    /// Why it is not closed.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Closed => None,
            Self::Suspect { reason, .. } | Self::Open { reason, .. } | Self::HalfOpen { reason, .. } => {
                Some(reason)
            }
            Self::ForcedOpen { .. } | Self::ForcedClosed { .. } => Some(Reason::Operator),
        }
    }

    /// When it ends by itself, if nothing else happens.
    #[must_use]
    pub const fn until(self) -> Option<Duration> {
        match self {
            Self::Open { until, .. }
            | Self::HalfOpen { until, .. }
            | Self::ForcedOpen { until }
            | Self::ForcedClosed { until } => Some(until),
            Self::Closed | Self::Suspect { .. } => None,
        }
    }
}

/// What an operator may order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Off the primary path, whatever the signals say.
    Open,
    /// On the primary path, whatever the signals say.
    Closed,
}

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

/// A change from one kind of state to another.
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
    settings: Settings,
    state: State,
    since: Duration,
    admits_since: Duration,
    generation: u64,
    level: u32,
    seed: u64,
}

impl Machine {
    /// A closed circuit. The seed jitters its dwells, so that circuits that trip together are not probed together.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        let start = Duration::ZERO;
        Self {
            settings,
            state: State::Closed,
            since: start,
            admits_since: start,
            generation: 0,
            level: 0,
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

    /// How often a heartbeat is due and how long it may take, both in this state; `None` while none is wanted.
    #[must_use]
    pub fn heartbeat_timing(&self) -> Option<(Duration, Duration)> {
        match self.state {
            State::Closed | State::Suspect { .. } | State::ForcedClosed { .. } => {
                Some((self.settings.heartbeat_period, self.settings.close_timeout))
            }
            State::HalfOpen { .. } => Some((self.settings.probe_period, self.settings.probe_deadline)),
            State::Open { .. } | State::ForcedOpen { .. } => None,
        }
    }

    /// Hears one input at `now`, and changes state if that is what it means.
    pub fn on(&mut self, input: Input, now: Duration) -> Option<Transition> {
        use Outcome::{Lost, Returned};
        use State::{Closed, ForcedClosed, ForcedOpen, HalfOpen, Open, Suspect};
        use Verdict::{Stuck, Suspicious};

        let settings = &self.settings;
        let input = self.without_stale_heartbeat(input);
        let to = match (self.state, input) {
            // An operator outranks every signal, until the order expires.
            (_, Input::Force { force: Force::Open, until }) => ForcedOpen { until },
            (_, Input::Force { force: Force::Closed, until }) => ForcedClosed { until },
            (ForcedOpen { .. }, Input::Release) => self.probed(Reason::Operator, now),
            (ForcedOpen { until }, _) if now >= until => self.probed(Reason::Operator, now),
            (ForcedClosed { .. }, Input::Release) => Closed,
            (ForcedClosed { until }, _) if now >= until => Closed,

            // On the primary path: any proof of no progress trips, unusual slowness warns.
            (Closed | Suspect { .. }, Input::Signals(Stuck(reason)))
            | (Closed | Suspect { .. }, Input::Heartbeat { outcome: Lost(reason), .. }) => {
                self.opened(reason, now)
            }
            (Closed, Input::Signals(Suspicious(reason))) => Suspect { reason, last: now },
            (Suspect { reason, .. }, Input::Signals(Suspicious(_))) => Suspect { reason, last: now },
            (Suspect { last, .. }, _) if now >= last + settings.suspect_hold => Closed,

            // Off it: only time leads to a probe, and only heartbeats lead back.
            (Open { reason, until }, _) if now >= until => self.probed(reason, now),
            (HalfOpen { .. }, Input::Heartbeat { outcome: Lost(reason), .. }) => self.opened(reason, now),
            (HalfOpen { until, .. }, _) if now >= until => self.opened(Reason::NoHeartbeat, now),
            (HalfOpen { healthy, .. }, Input::Heartbeat { outcome: Returned, .. })
                if healthy + 1 >= settings.probes_to_close =>
            {
                Closed
            }
            (HalfOpen { reason, healthy, .. }, Input::Heartbeat { outcome: Returned, .. }) => {
                HalfOpen { reason, healthy: healthy + 1, until: now + settings.probe_patience() }
            }

            (same, _) => same,
        };
        self.enter(to, now)
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
        State::HalfOpen { reason, healthy: 0, until: now + self.settings.probe_patience() }
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
        if from.name() == to.name() {
            return None;
        }
        let lasted = now.saturating_sub(self.since);
        self.since = now;
        if from.decision() == Decision::Fallback {
            self.admits_since = now;
        }
        if matches!(to, State::Open { .. } | State::ForcedOpen { .. } | State::ForcedClosed { .. }) {
            self.generation += 1;
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
