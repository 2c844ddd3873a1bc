//! The numbers of the circuits as flags: the ones that are changed most by a flag of their own, every one by its name.

use std::time::Duration;

use clap::Args;

use crate::settings::key_number;

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
    /// Any setting of the circuits by its name and unit, e.g. `leader_limit_ms=300`; may be repeated. It wins over the
    /// flags above; a name that there is not is answered with those that there are.
    #[arg(id = "circuit_set", long = "circuit-set", value_name = "KEY=NUMBER", value_parser = key_number)]
    pub set: Vec<(String, u32)>,
}

/// How a setting is set.
type Set = fn(&mut circuit::Settings, u32);

/// Every setting of a circuit, by name.
const BY_NAME: [(&str, Set); 35] = [
    ("slo_ms", |to, value| to.slo = ms(value)),
    ("age_floor_ms", |to, value| to.age_floor = ms(value)),
    ("gap_max_ms", |to, value| to.gap_max = ms(value)),
    ("window_ms", |to, value| to.window = ms(value)),
    ("heartbeat_period_ms", |to, value| to.heartbeat_period = ms(value)),
    ("heartbeat_floor_ms", |to, value| to.heartbeat_floor = ms(value)),
    ("close_timeout_ms", |to, value| to.close_timeout = ms(value)),
    ("probe_period_ms", |to, value| to.probe_period = ms(value)),
    ("probe_deadline_ms", |to, value| to.probe_deadline = ms(value)),
    ("probes_to_close", |to, value| to.probes_to_close = value),
    ("dwell_min_ms", |to, value| to.dwell_min = ms(value)),
    ("dwell_max_ms", |to, value| to.dwell_max = ms(value)),
    ("calm_ms", |to, value| to.calm = ms(value)),
    ("suspect_hold_ms", |to, value| to.suspect_hold = ms(value)),
    ("drain_max_ms", |to, value| to.drain_max = ms(value)),
    ("slow_start_window_ms", |to, value| to.slow_start_window = ms(value)),
    ("slow_start_min_permille", |to, value| to.slow_start_min_permille = value),
    ("slow_start_aggression_pct", |to, value| to.slow_start_aggression_pct = value),
    ("escalate_permille", |to, value| to.escalate_permille = value),
    ("escalate_min", |to, value| to.escalate_min = count(value)),
    ("deescalate_permille", |to, value| to.deescalate_permille = value),
    ("escalation_hold_ms", |to, value| to.escalation_hold = ms(value)),
    ("leader_limit_ms", |to, value| to.leader_limit = ms(value)),
    ("demand_life_ms", |to, value| to.demand_life = ms(value)),
    ("ack_limit_ms", |to, value| to.ack_limit = ms(value)),
    ("consumer_limit_ms", |to, value| to.consumer_limit = ms(value)),
    ("report_life_ms", |to, value| to.report_life = ms(value)),
    ("completions_window_ms", |to, value| to.completions_window = ms(value)),
    ("completions_min", |to, value| to.completions_min = value),
    ("failures_permille", |to, value| to.failures_permille = value),
    ("slow_permille", |to, value| to.slow_permille = value),
    ("slow_call_ms", |to, value| to.slow_call = ms(value)),
    ("queue_limit_ms", |to, value| to.queue_limit = ms(value)),
    ("recovery_permille", |to, value| to.recovery_permille = value),
    ("lanes", |to, value| to.lanes = count(value)),
];

fn ms(value: u32) -> Duration {
    Duration::from_millis(value.into())
}

fn count(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
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
            set: Vec::new(),
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
        let mut settings = circuit::Settings {
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
        for (name, value) in &self.set {
            let (_, set) = BY_NAME.iter().find(|(known, _)| known == name).ok_or_else(|| unknown(name))?;
            set(&mut settings, *value);
        }
        settings.check().map(|()| settings)
    }
}

fn unknown(name: &str) -> circuit::BadSetting {
    let allowed = BY_NAME.map(|(known, _)| known).join(", ");
    circuit::BadSetting { key: "the name of a circuit setting", value: format!("`{name}`"), allowed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_can_be_set_by_its_name_and_no_other() {
        let set = |name: &str, value| CircuitSettings {
            set: vec![(name.to_owned(), value)],
            ..CircuitSettings::default()
        };
        for (name, _) in BY_NAME {
            let changed = set(name, 301).checked();
            assert_ne!(changed, Ok(circuit::Settings::default()), "{name} changes nothing");
        }
        assert_eq!(set("leader_limit_ms", 300).checked().unwrap().leader_limit, Duration::from_millis(300));
        let error = set("leader_limit", 300).checked().unwrap_err().to_string();
        assert!(error.contains("`leader_limit`") && error.contains("leader_limit_ms"), "{error}");
        assert!(set("lanes", 65).checked().unwrap_err().to_string().contains("lanes is 65"));
    }

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
