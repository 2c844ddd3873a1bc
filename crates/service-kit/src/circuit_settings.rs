//! The numbers of the circuits as flags: those that a scenario may override. The others keep their defaults.

use std::time::Duration;

use clap::Args;

/// The thresholds of the circuits, in ms where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Circuits (only with --strategy degrade)")]
pub struct CircuitSettings {
    /// The answer time customers were promised, in ms; half of it is the ceiling of every age limit.
    #[arg(long, env = "LEADERLESS_SLO_MS", default_value_t = Self::default().slo_ms)]
    pub slo_ms: u64,
    /// The floor of every age limit, in ms: a call younger than this is never called stuck.
    #[arg(long, env = "LEADERLESS_AGE_FLOOR_MS", default_value_t = Self::default().age_floor_ms)]
    pub age_floor_ms: u64,
    /// Between two heartbeats of a partition, in ms.
    #[arg(long, env = "LEADERLESS_HEARTBEAT_PERIOD_MS", default_value_t = Self::default().heartbeat_period_ms)]
    pub heartbeat_period_ms: u64,
    /// A heartbeat out for longer than this, in ms, opens its circuit.
    #[arg(long, env = "LEADERLESS_CLOSE_TIMEOUT_MS", default_value_t = Self::default().close_timeout_ms)]
    pub close_timeout_ms: u64,
    /// Between two heartbeats of a half-open circuit, in ms.
    #[arg(long, env = "LEADERLESS_PROBE_PERIOD_MS", default_value_t = Self::default().probe_period_ms)]
    pub probe_period_ms: u64,
    /// The deadline of a heartbeat of a half-open circuit, in ms.
    #[arg(long, env = "LEADERLESS_PROBE_DEADLINE_MS", default_value_t = Self::default().probe_deadline_ms)]
    pub probe_deadline_ms: u64,
    /// Healthy heartbeats in a row that close a half-open circuit.
    #[arg(long, env = "LEADERLESS_PROBES_TO_CLOSE", default_value_t = Self::default().probes_to_close)]
    pub probes_to_close: u32,
    /// How long a circuit stays open at first before it is probed, in ms.
    #[arg(long, env = "LEADERLESS_DWELL_MIN_MS", default_value_t = Self::default().dwell_min_ms)]
    pub dwell_min_ms: u64,
    /// How long it stays open at most, in ms; the dwell doubles up to here while it trips again.
    #[arg(long, env = "LEADERLESS_DWELL_MAX_MS", default_value_t = Self::default().dwell_max_ms)]
    pub dwell_max_ms: u64,
}

impl Default for CircuitSettings {
    fn default() -> Self {
        let defaults = circuit::Settings::default();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            slo_ms: ms(defaults.slo),
            age_floor_ms: ms(defaults.age_floor),
            heartbeat_period_ms: ms(defaults.heartbeat_period),
            close_timeout_ms: ms(defaults.close_timeout),
            probe_period_ms: ms(defaults.probe_period),
            probe_deadline_ms: ms(defaults.probe_deadline),
            probes_to_close: defaults.probes_to_close,
            dwell_min_ms: ms(defaults.dwell_min),
            dwell_max_ms: ms(defaults.dwell_max),
        }
    }
}

impl CircuitSettings {
    /// The settings of the circuits, checked.
    ///
    /// # Errors
    /// Names the first setting that is out of bounds, its value and what is allowed.
    pub fn checked(&self) -> Result<circuit::Settings, circuit::BadSetting> {
        let ms = Duration::from_millis;
        let settings = circuit::Settings {
            slo: ms(self.slo_ms),
            age_floor: ms(self.age_floor_ms),
            heartbeat_period: ms(self.heartbeat_period_ms),
            close_timeout: ms(self.close_timeout_ms),
            probe_period: ms(self.probe_period_ms),
            probe_deadline: ms(self.probe_deadline_ms),
            probes_to_close: self.probes_to_close,
            dwell_min: ms(self.dwell_min_ms),
            dwell_max: ms(self.dwell_max_ms),
            ..circuit::Settings::default()
        };
        settings.check().map(|()| settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_have_the_defaults_of_the_circuits() {
        assert_eq!(CircuitSettings::default().checked().unwrap(), circuit::Settings::default());
    }

    #[test]
    fn a_limit_that_cannot_be_reached_is_refused_with_its_name() {
        let floor_above_ceiling = CircuitSettings { age_floor_ms: 900, ..CircuitSettings::default() };
        assert_eq!(floor_above_ceiling.checked().unwrap_err().key, "age_floor");
    }
}
