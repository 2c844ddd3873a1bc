//! The clients of the probes: librdkafka as it comes, and each setting that differs with its reason, in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureProducer;
use rdkafka::statistics::Statistics;

use crate::conformance::cell::Class;

/// How often clients tell their statistics, and in how many in a row records must wait to be called stuck: 3 s.
const STATISTICS_MS: &str = "250";
const WAITED: u32 = 12;

/// How a producer is asked to be sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// All in sync.
    All,
    /// The leader alone.
    One,
    /// All in sync, with sequence numbers.
    Idempotent,
}

impl Acks {
    /// As it is written in a cell.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "acks=all",
            Self::One => "acks=1",
            Self::Idempotent => "idempotent",
        }
    }
}

/// A client with nothing but addresses.
#[must_use]
pub fn plain(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    // With the default of 10 s a dead leader also delays the expiry of records, by up to 8 s.
    config.set("reconnect.backoff.max.ms", "1000");
    config
}

/// A producer whose records live for `message_timeout_ms`.
///
/// # Errors
/// What librdkafka says to the settings.
pub fn producer(
    bootstrap: &str,
    acks: Acks,
    message_timeout_ms: u32,
    heard: &Heard,
) -> anyhow::Result<FutureProducer<Heard>> {
    let mut config = plain(bootstrap);
    config.set("linger.ms", "0");
    config.set("message.timeout.ms", message_timeout_ms.to_string());
    config.set("statistics.interval.ms", STATISTICS_MS);
    match acks {
        Acks::All => config.set("acks", "all"),
        Acks::One => config.set("acks", "1"),
        Acks::Idempotent => config.set("enable.idempotence", "true"),
    };
    Ok(config.create_with_context(heard.clone())?)
}

/// A consumer that is assigned its partitions, or subscribes as a member of `group`.
///
/// # Errors
/// What librdkafka says to the settings.
pub fn consumer(bootstrap: &str, group: &str, heard: &Heard) -> anyhow::Result<BaseConsumer<Heard>> {
    let mut config = plain(bootstrap);
    config.set("group.id", group);
    config.set("enable.auto.commit", "false");
    config.set("auto.offset.reset", "earliest");
    config.set("session.timeout.ms", "6000");
    config.set("statistics.interval.ms", STATISTICS_MS);
    Ok(config.create_with_context(heard.clone())?)
}

/// What a client said by itself: its error callback and its statistics.
#[derive(Debug, Clone, Default)]
pub struct Heard(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    errors: BTreeSet<String>,
    /// Partitions that the statistics showed with leader -1.
    leaderless: BTreeSet<String>,
    /// Per client, in how many statistics in a row records waited.
    waiting: BTreeMap<String, u32>,
    waited_max: u32,
}

impl Heard {
    /// Forgets what was heard so far.
    pub fn forget(&self) {
        *self.log() = Log::default();
    }

    /// The codes of the error callback, or `nothing`.
    #[must_use]
    pub fn errors(&self) -> Class {
        list(&self.log().errors)
    }

    /// The partitions whose leader was -1 in the statistics, or `nothing`.
    #[must_use]
    pub fn leaderless(&self) -> Class {
        list(&self.log().leaderless)
    }

    /// Whether records waited in a client for as long as only a stuck partition makes them wait.
    #[must_use]
    pub fn records_waited(&self) -> bool {
        self.log().waited_max >= WAITED
    }

    /// Notes an error that came by another way than the callback.
    pub fn note(&self, error: &KafkaError) {
        if let Some(code) = error.rdkafka_error_code() {
            self.log().errors.insert(format!("{code:?}"));
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(words: &BTreeSet<String>) -> Class {
    if words.is_empty() {
        return Class::word("nothing");
    }
    Class::word(words.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}

impl ClientContext for Heard {
    fn error(&self, error: KafkaError, _reason: &str) {
        self.note(&error);
    }

    fn stats(&self, statistics: Statistics) {
        let mut log = self.log();
        let waiting = log.waiting.entry(statistics.name).or_default();
        *waiting = if statistics.msg_cnt > 0 { *waiting + 1 } else { 0 };
        let waiting = *waiting;
        log.waited_max = log.waited_max.max(waiting);
        for (topic, stats) in &statistics.topics {
            // Partition -1 is librdkafka's own, for records without a partition.
            let gone = stats.partitions.iter().filter(|(index, stats)| **index >= 0 && stats.leader == -1);
            log.leaderless.extend(gone.map(|(index, _)| format!("{topic}-{index}")));
        }
    }
}

impl ConsumerContext for Heard {}

/// An error of librdkafka as a class.
#[must_use]
pub fn class(error: &KafkaError) -> Class {
    let code = match error {
        // Of all errors this one alone does not give its code.
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    match code {
        Some(RDKafkaErrorCode::MessageTimedOut | RDKafkaErrorCode::OperationTimedOut) => Class::times_out(),
        Some(RDKafkaErrorCode::BrokerTransportFailure) => Class::refused(),
        Some(code) => Class::error(format!("{code:?}")),
        None => Class::error(error),
    }
}

/// Drops a client on a thread of its own: the destruction joins threads that may wait for a frozen broker.
pub fn let_go<T: Send + 'static>(client: T) {
    // Without a thread to spare it is dropped here: slow, but no leak.
    drop(std::thread::Builder::new().name("let-go".to_owned()).spawn(move || drop(client)));
}
