//! Settings of topics and brokers: which ones exist, and which ones do something here.

use std::collections::BTreeMap;

use crate::api::{BrokerId, ConfigResource, DescribedConfigs};
use crate::cluster::Cluster;
use crate::error::ErrorCode;

pub(crate) const MIN_ISR: &str = "min.insync.replicas";
pub(crate) const RETENTION_BYTES: &str = "retention.bytes";
pub(crate) const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
pub(crate) const TIMESTAMP_TYPE: &str = "message.timestamp.type";

/// The value of [`TIMESTAMP_TYPE`] with which records get the broker's time.
pub(crate) const LOG_APPEND_TIME: &str = "LogAppendTime";
const CREATE_TIME: &str = "CreateTime";

/// What a setting may be.
enum Kind {
    /// A whole number from this on.
    From(i64),
    /// A number from 0 to 1.
    Ratio,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, with commas between them.
    Words(&'static [&'static str]),
}

/// The settings that have an effect here, with what they may be.
const EFFECTIVE: &[(&str, Kind)] = &[
    (MIN_ISR, Kind::From(1)),
    (RETENTION_BYTES, Kind::From(-1)),
    (MAX_MESSAGE_BYTES, Kind::From(0)),
    (TIMESTAMP_TYPE, Kind::Word(&[CREATE_TIME, LOG_APPEND_TIME])),
];

/// A topic's settings that are taken and told back, with Apache Kafka's defaults and limits.
const TAKEN: &[(&str, &str, Kind)] = &[
    ("cleanup.policy", "delete", Kind::Words(&["compact", "delete"])),
    (
        "compression.type",
        "producer",
        Kind::Word(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    ),
    ("delete.retention.ms", "86400000", Kind::From(0)),
    ("file.delete.delay.ms", "60000", Kind::From(0)),
    ("flush.messages", "9223372036854775807", Kind::From(1)),
    ("flush.ms", "9223372036854775807", Kind::From(0)),
    ("index.interval.bytes", "4096", Kind::From(0)),
    ("max.compaction.lag.ms", "9223372036854775807", Kind::From(1)),
    ("min.cleanable.dirty.ratio", "0.5", Kind::Ratio),
    ("min.compaction.lag.ms", "0", Kind::From(0)),
    ("preallocate", "false", Kind::Flag),
    ("retention.ms", "604800000", Kind::From(-1)),
    ("segment.bytes", "1073741824", Kind::From(1_048_576)),
    ("segment.index.bytes", "10485760", Kind::From(4)),
    ("segment.jitter.ms", "0", Kind::From(0)),
    ("segment.ms", "604800000", Kind::From(1)),
    ("unclean.leader.election.enable", "false", Kind::Flag),
];

impl Kind {
    fn takes(&self, value: &str) -> bool {
        match self {
            Self::From(least) => value.parse::<i64>().is_ok_and(|number| number >= *least),
            Self::Ratio => value.parse::<f64>().is_ok_and(|number| (0.0..=1.0).contains(&number)),
            Self::Flag => ["true", "false"].contains(&value.to_ascii_lowercase().as_str()),
            Self::Word(words) => words.contains(&value),
            Self::Words(words) => value.split(',').all(|word| words.contains(&word.trim())),
        }
    }

    fn allowed(&self) -> String {
        match self {
            Self::From(least) => format!("a whole number from {least}"),
            Self::Ratio => "a number from 0 to 1".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Words(words) => format!("some of {}", words.join(", ")),
        }
    }
}

/// Checks the settings of a new topic.
pub(crate) fn checked(
    configs: Vec<(String, Option<String>)>,
) -> Result<BTreeMap<String, String>, (ErrorCode, String)> {
    let invalid = |message: String| Err((ErrorCode::InvalidConfig, message));
    let known = || {
        let taken = TAKEN.iter().map(|(name, _, kind)| (*name, kind));
        EFFECTIVE.iter().map(|(name, kind)| (*name, kind)).chain(taken)
    };
    let mut taken = BTreeMap::new();
    for (name, value) in configs {
        let Some((_, kind)) = known().find(|(known, _)| *known == name) else {
            return invalid(format!("there is no topic setting `{name}`"));
        };
        let Some(value) = value else { return invalid(format!("{name} is null")) };
        if !kind.takes(&value) {
            return invalid(format!("{name} is `{value}`: allowed is {}", kind.allowed()));
        }
        taken.insert(name, value);
    }
    Ok(taken)
}

/// A setting as a number; `None` where it is not set, or set to -1 for "no limit of its own".
pub(crate) fn number(configs: &BTreeMap<String, String>, name: &str) -> Option<usize> {
    configs.get(name)?.parse().ok()
}

impl Cluster {
    pub(crate) fn describe_configs(
        &self,
        broker: BrokerId,
        asked: Vec<(ConfigResource, Option<Vec<String>>)>,
    ) -> Vec<(ConfigResource, DescribedConfigs)> {
        let describe = |(resource, names): (ConfigResource, Option<Vec<String>>)| {
            let all = match &resource {
                ConfigResource::Topic(topic) => self.topic_configs(topic),
                ConfigResource::Broker(id) => self.broker_configs(broker, id),
            };
            let wanted = |name: &String| names.as_ref().is_none_or(|names| names.contains(name));
            let described = all.map(|all| all.into_iter().filter(|(name, ..)| wanted(name)).collect());
            (resource, described)
        };
        asked.into_iter().map(describe).collect()
    }

    fn topic_configs(&self, name: &str) -> DescribedConfigs {
        let topic = self.topics.get(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        Ok(self.with_defaults(&topic.configs))
    }

    /// A topic's settings, those that it does not have with their defaults: (name, value, whether it is the default).
    pub(crate) fn with_defaults(&self, configs: &BTreeMap<String, String>) -> Vec<(String, String, bool)> {
        let own = [
            (MIN_ISR, self.spec.min_isr.to_string()),
            (RETENTION_BYTES, self.spec.retention_bytes.to_string()),
            (MAX_MESSAGE_BYTES, self.spec.message_bytes_max.to_string()),
            (TIMESTAMP_TYPE, CREATE_TIME.to_owned()),
        ];
        let defaults =
            own.into_iter().chain(TAKEN.iter().map(|(name, value, _)| (*name, (*value).to_owned())));
        defaults
            .map(|(name, default)| match configs.get(name) {
                Some(value) => (name.to_owned(), value.clone(), false),
                None => (name.to_owned(), default, true),
            })
            .collect()
    }

    /// A broker tells its own settings; an empty id is the cluster-wide default.
    fn broker_configs(&self, asked: BrokerId, id: &str) -> DescribedConfigs {
        if !id.is_empty() && id.parse() != Ok(asked.0) {
            return Err(ErrorCode::InvalidRequest);
        }
        let (spec, clock) = (&self.spec, &self.spec.clock);
        let all = [
            ("auto.create.topics.enable", "false".to_owned()),
            ("broker.heartbeat.interval.ms", clock.heartbeat.as_millis().to_string()),
            ("broker.session.timeout.ms", clock.session.as_millis().to_string()),
            ("default.replication.factor", spec.replication_factor.to_string()),
            ("leader.imbalance.check.interval.seconds", clock.leader_rebalance.as_secs().to_string()),
            ("log.retention.bytes", spec.retention_bytes.to_string()),
            ("message.max.bytes", spec.message_bytes_max.to_string()),
            ("min.insync.replicas", spec.min_isr.to_string()),
            ("num.partitions", spec.partitions.to_string()),
            ("offsets.commit.timeout.ms", clock.offsets_commit.as_millis().to_string()),
            ("offsets.topic.num.partitions", spec.offsets_partitions.to_string()),
            ("replica.lag.time.max.ms", clock.replica_lag.as_millis().to_string()),
            ("unclean.leader.election.enable", "false".to_owned()),
        ];
        Ok(all.into_iter().map(|(name, value)| (name.to_owned(), value, true)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Option<ErrorCode> {
        checked(vec![(name.to_owned(), Some(value.to_owned()))]).err().map(|(error, _)| error)
    }

    #[test]
    fn settings_are_checked_as_apache_kafka_checks_them() {
        let refused = [
            ("compression.type", "rar"),
            ("cleanup.policy", "delete,sometimes"),
            ("segment.bytes", "10"),
            ("min.insync.replicas", "0"),
            ("max.message.bytes", "-1"),
            ("min.cleanable.dirty.ratio", "1.5"),
            ("preallocate", "maybe"),
            ("no.such.setting", "1"),
        ];
        for (name, value) in refused {
            assert_eq!(check(name, value), Some(ErrorCode::InvalidConfig), "{name}={value}");
        }
        let taken =
            [("cleanup.policy", "compact, delete"), ("retention.ms", "-1"), ("max.message.bytes", "0")];
        for (name, value) in taken {
            assert_eq!(check(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn every_default_is_allowed() {
        assert!(TAKEN.iter().all(|(_, default, kind)| kind.takes(default)));
    }
}
