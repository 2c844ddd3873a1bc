//! The Kafka side of a service's settings: which cluster, and what to do when it is stuck.
//!
//! Usable without a command line: a runner takes the [`Default`] and sets what it knows.

use std::fmt;
use std::time::Duration;

use clap::Args;

use crate::breaker::BreakerSettings;
use crate::circuit_settings::CircuitSettings;
use crate::health::ModeNotices;
use crate::settings::{Strategy, key_value};

/// The longest name of an instance: eight random digits come behind it, and it is part of a record's key.
const INSTANCE_CHARS_MAX: usize = 48;
/// "No deadline" of [`Strategy::Hang`]: longer than any rehearsal, and still a number.
const NO_DEADLINE: Duration = Duration::from_secs(3600);

/// Which cluster, and what to do when it is stuck.
#[derive(Clone, Args)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaSettings {
    /// Some brokers of the cluster, as HOST:PORT,HOST:PORT.
    #[arg(long, env = "LEADERLESS_BOOTSTRAP", default_value = "127.0.0.1:9092", value_name = "BROKERS")]
    pub bootstrap: String,
    /// What to do when Kafka is stuck: `hang` is what people ship (client defaults, no deadline, no fallback), `timeout`
    /// adds deadlines, `breaker` the circuit breaker that people install, `degrade` deadlines, circuits and fallbacks.
    #[arg(long, env = "LEADERLESS_STRATEGY", value_enum, default_value_t = Strategy::Degrade)]
    pub strategy: Strategy,
    /// A setting of librdkafka on top of the strategy's, for every client; may be repeated.
    #[arg(long = "kafka-set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub overrides: Vec<(String, String)>,
    /// The name of this instance; eight random digits are added, so that no two share an id. Default: the
    /// service's name.
    #[arg(long, env = "LEADERLESS_INSTANCE", value_name = "NAME")]
    pub instance: Option<String>,
    /// The deadline of a request, in ms; a client may ask for less with `x-deadline-ms`. Not with `hang`.
    #[arg(long, env = "LEADERLESS_DEADLINE_MS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub deadline_ms: u64,
    /// How long to wait at start for the topics and their leaders, in ms.
    #[arg(long, env = "LEADERLESS_STARTUP_MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub startup_ms: u64,
    /// The thresholds of the circuits.
    #[command(flatten)]
    pub circuit: CircuitSettings,
    /// The thresholds of the breaker.
    #[command(flatten)]
    pub breaker: BreakerSettings,
    /// Who is told of changes of mode, for a program that runs the service inside itself.
    #[arg(skip)]
    pub notices: ModeNotices,
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            bootstrap: "127.0.0.1:9092".to_owned(),
            strategy: Strategy::Degrade,
            overrides: Vec::new(),
            instance: None,
            deadline_ms: 300,
            startup_ms: 10_000,
            circuit: CircuitSettings::default(),
            breaker: BreakerSettings::default(),
            notices: ModeNotices::default(),
        }
    }
}

impl fmt::Debug for KafkaSettings {
    /// Shows the keys of the overrides only: their values may be passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.overrides.iter().map(|(key, _)| key).collect();
        f.debug_struct("KafkaSettings")
            .field("bootstrap", &self.bootstrap)
            .field("strategy", &self.strategy)
            .field("overrides", &keys)
            .field("instance", &self.instance)
            .field("deadline_ms", &self.deadline_ms)
            .field("startup_ms", &self.startup_ms)
            .field("circuit", &self.circuit)
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

/// A setting that a service cannot start with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaSettingsError {
    /// One of the clients.
    #[error(transparent)]
    Bus(#[from] bus::SettingsError),
    /// One of the circuits or breakers.
    #[error("setting {0}")]
    Circuit(#[from] circuit::BadSetting),
    /// The instance's name.
    #[error("--instance `{0}`: allowed is 1 to {INSTANCE_CHARS_MAX} characters of A-Z a-z 0-9 . _ : -")]
    Instance(String),
}

impl KafkaSettings {
    /// Checks everything that can be checked without a broker.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), KafkaSettingsError> {
        self.circuit.checked()?;
        self.breaker.checked()?;
        self.instance_name("service")?;
        self.client("check").check()?;
        Ok(())
    }

    /// The settings of a client of this name.
    #[must_use]
    pub fn client(&self, client_id: &str) -> bus::Settings {
        let settings = bus::Settings::new(self.bootstrap.as_str(), client_id, self.strategy.preset());
        self.overrides.iter().fold(settings, |settings, (key, value)| settings.with(key, value))
    }

    /// How long a request may take at most; under [`Strategy::Hang`] that is an hour, which is to say for ever.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        if self.strategy.has_deadlines() { Duration::from_millis(self.deadline_ms) } else { NO_DEADLINE }
    }

    /// How long to wait at start for the topics and their leaders.
    #[must_use]
    pub const fn startup(&self) -> Duration {
        Duration::from_millis(self.startup_ms)
    }

    pub(crate) fn instance_name(&self, service: &str) -> Result<String, KafkaSettingsError> {
        let name = self.instance.as_deref().unwrap_or(service);
        let fits = name.len() <= INSTANCE_CHARS_MAX && trading::ids::InstanceId::new(name).is_ok();
        fits.then(|| name.to_owned()).ok_or_else(|| KafkaSettingsError::Instance(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hanging_has_no_deadline_and_the_client_defaults() {
        let hang = KafkaSettings { strategy: Strategy::Hang, ..KafkaSettings::default() };
        assert_eq!(hang.deadline(), Duration::from_secs(3600));
        assert_eq!(hang.strategy.preset(), bus::Preset::Defaults);
        for strategy in [Strategy::Timeout, Strategy::Breaker, Strategy::Degrade] {
            let settings = KafkaSettings { strategy, ..KafkaSettings::default() };
            assert_eq!(settings.deadline(), Duration::from_millis(300));
            assert_eq!(settings.strategy.preset(), bus::Preset::FailFast);
        }
    }

    #[test]
    fn a_bad_override_is_named_before_anything_starts() {
        let overrides = vec![("linger.ms".to_owned(), "soon".to_owned())];
        let error = KafkaSettings { overrides, ..KafkaSettings::default() }.check().unwrap_err().to_string();
        assert!(error.contains("linger.ms") && error.contains("soon"), "{error}");
        let instance = Some("two words".to_owned());
        let error = KafkaSettings { instance, ..KafkaSettings::default() }.check().unwrap_err();
        assert!(error.to_string().contains("two words"));
    }

    #[test]
    fn debug_output_has_no_value_of_an_override() {
        let overrides = vec![("sasl.password".to_owned(), "hunter2".to_owned())];
        let shown = format!("{:?}", KafkaSettings { overrides, ..KafkaSettings::default() });
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"));
    }
}
