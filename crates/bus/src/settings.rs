//! What a client is configured with: a preset whose every line has a reason, and overrides on top.
//!
//! Invariants: a bad override is named with its key and value before any client exists; an override never loses
//! silently against a line of this crate (such keys are reserved and refused).
//!
//! Sources: librdkafka's CONFIGURATION.md, and measurements on librdkafka 2.12 and Apache Kafka 4.3 that the
//! reasons below quote.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

/// How a set of clients behaves when the cluster does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// What people ship: librdkafka's defaults, with idempotence on. A stuck record lives for 300 s.
    Defaults,
    /// Bounded everywhere: memory, retries, reconnects; a heal is seen in 1 s. How long a caller waits is the caller's
    /// own deadline, which is tighter than any setting of a client can be.
    FailFast,
}

/// Which clients a [`Line`] concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Producers.
    Producer,
    /// Readers.
    Reader,
    /// Both, and the admin client.
    Both,
}

/// One setting of a preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The clients it concerns.
    pub side: Side,
    /// librdkafka's key.
    pub key: &'static str,
    /// The value.
    pub value: &'static str,
    /// Why it is set, and to this.
    pub reason: &'static str,
}

const fn line(side: Side, key: &'static str, value: &'static str, reason: &'static str) -> Line {
    Line { side, key, value, reason }
}

const DEFAULTS: &[Line] = &[line(
    Side::Producer,
    "enable.idempotence",
    "true",
    "a retry must not duplicate or reorder records in a healthy cluster",
)];

const FAIL_FAST: &[Line] = &[
    line(
        Side::Producer,
        "enable.idempotence",
        "true",
        "a retry must not duplicate or reorder records in a healthy cluster",
    ),
    line(
        Side::Producer,
        "linger.ms",
        "0",
        "a trade waits for its ack; batching for 5 ms would be most of it",
    ),
    line(
        Side::Producer,
        "message.timeout.ms",
        "30000",
        "memory only. The tight bound is the caller's own deadline: with idempotence an expiry makes the whole \
         producer drain and begin a new epoch, and healthy partitions stand still for up to request.timeout.ms \
         (measured: 0.9 s of every 2 s with 2000)",
    ),
    line(
        Side::Producer,
        "request.timeout.ms",
        "1000",
        "the broker's wait for acks: a stuck record is tried again this often",
    ),
    line(
        Side::Producer,
        "queue.buffering.max.messages",
        "10000",
        "2,000 records/s for 5 s, ten times what a circuit needs to open; past it a send is refused at once",
    ),
    line(
        Side::Both,
        "socket.timeout.ms",
        "2000",
        "one network request; twice request.timeout.ms, or reconnects dominate (100 ms: p99 of 2.7 s)",
    ),
    line(Side::Both, "socket.connection.setup.timeout.ms", "1000", "a black-holed broker; 1000 is the least"),
    line(
        Side::Both,
        "reconnect.backoff.max.ms",
        "1000",
        "a heal is seen within 1 s; with 10 s a dead leader also delays the 2 s expiry to 9 s",
    ),
    line(
        Side::Both,
        "topic.metadata.refresh.interval.ms",
        "10000",
        "an idle client's view of leaders is at most 10 s old instead of 300 s",
    ),
    line(Side::Both, "statistics.interval.ms", "250", "the feed of the signals; two samples in 500 ms"),
    line(Side::Reader, "session.timeout.ms", "6000", "a dead group member is replaced after 6 s, not 45 s"),
    line(Side::Reader, "heartbeat.interval.ms", "2000", "three heartbeats in a session"),
    line(
        Side::Reader,
        "fetch.error.backoff.ms",
        "100",
        "after a leader moved the next fetch waits 0.1 s, not 0.5 s",
    ),
    line(
        Side::Reader,
        "queued.min.messages",
        "1000",
        "memory: prefetch at most about 1,000 records a partition",
    ),
    line(Side::Reader, "queued.max.messages.kbytes", "4096", "memory: prefetch at most 4 MiB, not 64 MiB"),
    line(
        Side::Reader,
        "fetch.queue.backoff.ms",
        "10",
        "with a small prefetch queue the default of 1 s would stall a reader that caught up",
    ),
];

impl Preset {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Defaults, Self::FailFast];

    /// Its name, as [`FromStr`] takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Defaults => "defaults",
            Self::FailFast => "fail_fast",
        }
    }

    /// The preset's lines, in the order in which they are explained.
    #[must_use]
    pub fn lines(self) -> &'static [Line] {
        match self {
            Self::Defaults => DEFAULTS,
            Self::FailFast => FAIL_FAST,
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|preset| preset.name() == text);
        named.ok_or_else(|| format!("`{text}` is neither `defaults` nor `fail_fast`"))
    }
}

/// Keys that belong to this crate, and what to use in their place.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "the field `bootstrap`"),
    ("metadata.broker.list", "the field `bootstrap`"),
    ("client.id", "the field `client_id`"),
    ("group.id", "the argument of Reader::group"),
    ("auto.offset.reset", "Reader::assigned with a start"),
    ("enable.auto.commit", "Reader::group, which commits what was processed"),
    ("enable.auto.offset.store", "Reader::processed"),
    ("enable.partition.eof", "the signals"),
    ("log.queue", "the `librdkafka` tracing target"),
];

/// What to connect to, as whom, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Comma-separated `host:port` of some brokers.
    pub bootstrap: String,
    /// The client's name: in broker logs, in statistics and in the names of threads.
    pub client_id: String,
    /// The lines to start from.
    pub preset: Preset,
    /// librdkafka keys and values on top of the preset, for every client made from these settings.
    pub overrides: BTreeMap<String, String>,
}

impl fmt::Debug for Settings {
    /// Shows the keys of the overrides only: their values may be passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("bootstrap", &self.bootstrap)
            .field("client_id", &self.client_id)
            .field("preset", &self.preset)
            .field("overrides", &self.overrides.keys())
            .finish()
    }
}

/// The settings do not make a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A field must not be empty.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// The key is set in another way.
    #[error("override `{key}` = `{value}` is reserved: use {instead}")]
    Reserved {
        /// The key.
        key: String,
        /// The value given.
        value: String,
        /// What to use.
        instead: &'static str,
    },
    /// librdkafka knows no such key, or not with such a value.
    #[error("override `{key}` = `{value}`: {reason}")]
    Refused {
        /// The key.
        key: String,
        /// The value given.
        value: String,
        /// librdkafka's reason, with what it allows.
        reason: String,
    },
    /// Each setting is fine, but not together.
    #[error("settings of `{client_id}` contradict each other: {reason}")]
    Contradiction {
        /// The client that could not be made.
        client_id: String,
        /// librdkafka's reason.
        reason: String,
    },
}

impl Settings {
    /// Settings without overrides.
    pub fn new(bootstrap: impl Into<String>, client_id: impl Into<String>, preset: Preset) -> Self {
        let (bootstrap, client_id) = (bootstrap.into(), client_id.into());
        Self { bootstrap, client_id, preset, overrides: BTreeMap::new() }
    }

    /// The same with an override.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.overrides.insert(key.into(), value.into());
        self
    }

    /// The same under another client id: one client per purpose, each seen apart.
    #[must_use]
    pub fn named(&self, client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), ..self.clone() }
    }

    /// Checks without making a client, so that a program can refuse to start.
    ///
    /// # Errors
    /// Names the key and the value to change.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.config(Side::Producer)?;
        self.config(Side::Reader)?;
        Ok(())
    }

    /// The native configuration of one side.
    pub(crate) fn config(&self, side: Side) -> Result<ClientConfig, SettingsError> {
        for (field, value) in [("bootstrap", &self.bootstrap), ("client_id", &self.client_id)] {
            if value.trim().is_empty() {
                return Err(SettingsError::Empty(field));
            }
        }
        let mut config = ClientConfig::new();
        config.set_log_level(log_level());
        config.set("bootstrap.servers", &self.bootstrap).set("client.id", &self.client_id);
        for line in self.preset.lines().iter().filter(|line| line.side == side || line.side == Side::Both) {
            config.set(line.key, line.value);
        }
        for (key, value) in &self.overrides {
            refuse_reserved(key, value)?;
            config.set(key, value);
        }
        config.create_native_config().map_err(|error| refused(&error))?;
        Ok(config)
    }

    /// The error of a client that could not be made from a valid configuration.
    pub(crate) fn contradiction(&self, error: &KafkaError) -> SettingsError {
        SettingsError::Contradiction { client_id: self.client_id.clone(), reason: error.to_string() }
    }
}

fn refuse_reserved(key: &str, value: &str) -> Result<(), SettingsError> {
    match RESERVED.iter().find(|(reserved, _)| *reserved == key) {
        None => Ok(()),
        Some((_, instead)) => {
            Err(SettingsError::Reserved { key: key.to_owned(), value: value.to_owned(), instead })
        }
    }
}

fn refused(error: &KafkaError) -> SettingsError {
    let (key, value, reason) = match error {
        KafkaError::ClientConfig(_, reason, key, value) => (key.clone(), value.clone(), reason.clone()),
        other => (String::new(), String::new(), other.to_string()),
    };
    SettingsError::Refused { key, value, reason }
}

/// librdkafka filters its lines before they are queued, so it is told what somebody listens to.
fn log_level() -> RDKafkaLogLevel {
    if tracing::enabled!(target: "librdkafka", tracing::Level::DEBUG) {
        RDKafkaLogLevel::Info
    } else {
        RDKafkaLogLevel::Critical
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(preset: Preset) -> Settings {
        Settings::new("127.0.0.1:9092", "test", preset)
    }

    #[test]
    fn both_presets_make_both_sides() {
        for preset in [Preset::Defaults, Preset::FailFast] {
            assert_eq!(settings(preset).check(), Ok(()));
        }
    }

    #[test]
    fn every_line_of_a_preset_gives_a_reason_and_appears_once() {
        for preset in [Preset::Defaults, Preset::FailFast] {
            let mut keys: Vec<_> = preset.lines().iter().map(|line| line.key).collect();
            assert!(preset.lines().iter().all(|line| !line.reason.is_empty()));
            keys.sort_unstable();
            let all = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), all, "{preset:?}");
        }
    }

    #[test]
    fn only_fail_fast_bounds_a_record_and_does_not_linger() {
        let shipped = settings(Preset::Defaults).config(Side::Producer).unwrap();
        let fast = settings(Preset::FailFast).config(Side::Producer).unwrap();
        assert_eq!((shipped.get("linger.ms"), shipped.get("message.timeout.ms")), (None, None));
        assert_eq!((fast.get("linger.ms"), fast.get("message.timeout.ms")), (Some("0"), Some("30000")));
        assert_eq!(shipped.get("enable.idempotence"), Some("true"));
    }

    #[test]
    fn an_override_wins_over_its_preset() {
        let config = settings(Preset::FailFast).with("linger.ms", "7").config(Side::Producer).unwrap();
        assert_eq!(config.get("linger.ms"), Some("7"));
    }

    #[test]
    fn a_bad_override_is_named_with_its_value() {
        let unknown = settings(Preset::FailFast).with("no.such.key", "1").check().unwrap_err().to_string();
        assert!(unknown.contains("`no.such.key` = `1`"), "{unknown}");
        let wrong = settings(Preset::FailFast).with("linger.ms", "soon").check().unwrap_err().to_string();
        assert!(wrong.contains("`linger.ms` = `soon`"), "{wrong}");
    }

    #[test]
    fn a_reserved_key_is_refused_and_says_what_to_use() {
        let error = settings(Preset::Defaults).with("group.id", "x").check().unwrap_err().to_string();
        assert_eq!(error, "override `group.id` = `x` is reserved: use the argument of Reader::group");
    }

    #[test]
    fn an_empty_bootstrap_is_refused() {
        let error = Settings::new(" ", "test", Preset::Defaults).check();
        assert_eq!(error, Err(SettingsError::Empty("bootstrap")));
    }

    #[test]
    fn debug_output_keeps_the_values_of_overrides_to_itself() {
        let shown = format!("{:?}", settings(Preset::Defaults).with("sasl.password", "hunter2"));
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
    }
}
