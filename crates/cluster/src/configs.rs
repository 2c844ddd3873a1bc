//! Settings of topics and brokers: which ones exist, and which ones do something here.

use std::collections::BTreeMap;
use std::fmt;

use crate::api::{ConfigResource, DescribedConfigs};
use crate::cluster::Cluster;
use crate::error::ErrorCode;

pub(crate) const MIN_ISR: &str = "min.insync.replicas";
pub(crate) const RETENTION_BYTES: &str = "retention.bytes";
pub(crate) const MAX_MESSAGE_BYTES: &str = "max.message.bytes";

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
enum Allowed {
    /// A whole number from here on.
    Long(i64),
    /// The same, in 32 bits.
    Int(i32),
    Share,
    Flag,
    OneOf(&'static [&'static str]),
    /// Any of these, separated by commas.
    AnyOf(&'static [&'static str]),
}

/// A topic's settings that are taken and told back, with Apache Kafka's defaults and what it allows (`LogConfig`).
const TAKEN: &[(&str, &str, Allowed)] = &[
    ("cleanup.policy", "delete", Allowed::AnyOf(&["compact", "delete"])),
    (
        "compression.type",
        "producer",
        Allowed::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    ),
    ("delete.retention.ms", "86400000", Allowed::Long(0)),
    ("file.delete.delay.ms", "60000", Allowed::Long(0)),
    ("flush.messages", "9223372036854775807", Allowed::Long(1)),
    ("flush.ms", "9223372036854775807", Allowed::Long(0)),
    ("index.interval.bytes", "4096", Allowed::Int(0)),
    ("max.compaction.lag.ms", "9223372036854775807", Allowed::Long(1)),
    ("message.timestamp.type", "CreateTime", Allowed::OneOf(&["CreateTime", "LogAppendTime"])),
    ("min.cleanable.dirty.ratio", "0.5", Allowed::Share),
    ("min.compaction.lag.ms", "0", Allowed::Long(0)),
    ("preallocate", "false", Allowed::Flag),
    ("retention.ms", "604800000", Allowed::Long(-1)),
    ("segment.bytes", "1073741824", Allowed::Int(1_048_576)),
    ("segment.index.bytes", "10485760", Allowed::Int(4)),
    ("segment.jitter.ms", "0", Allowed::Long(0)),
    ("segment.ms", "604800000", Allowed::Long(1)),
    ("unclean.leader.election.enable", "false", Allowed::Flag),
];

/// The settings that have an effect; their defaults are the cluster's.
const EFFECTIVE: &[(&str, Allowed)] = &[
    (MIN_ISR, Allowed::Int(1)),
    // Any negative number is "no limit".
    (RETENTION_BYTES, Allowed::Long(i64::MIN)),
    (MAX_MESSAGE_BYTES, Allowed::Int(0)),
];

impl Allowed {
    fn takes(self, value: &str) -> bool {
        match self {
            Self::Long(least) => value.parse().is_ok_and(|number: i64| number >= least),
            Self::Int(least) => value.parse().is_ok_and(|number: i32| number >= least),
            Self::Share => value.parse().is_ok_and(|share: f64| (0.0..=1.0).contains(&share)),
            Self::Flag => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            Self::OneOf(words) => words.contains(&value),
            Self::AnyOf(words) => value.split(',').all(|value| words.contains(&value.trim())),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Long(i64::MIN) => f.write_str("a whole number"),
            Self::Long(least) => write!(f, "a whole number from {least}"),
            Self::Int(least) => write!(f, "a whole number from {least} to {}", i32::MAX),
            Self::Share => f.write_str("a number from 0 to 1"),
            Self::Flag => f.write_str("true or false"),
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Self::AnyOf(words) => write!(f, "some of {}", words.join(", ")),
        }
    }
}

/// Checks the settings of a new topic.
pub(crate) fn checked(
    configs: Vec<(String, Option<String>)>,
) -> Result<BTreeMap<String, String>, (ErrorCode, String)> {
    let mut taken = BTreeMap::new();
    for (name, value) in configs {
        // A null value is the default.
        let Some(value) = value else { continue };
        let known =
            TAKEN.iter().map(|(known, _, allowed)| (*known, *allowed)).chain(EFFECTIVE.iter().copied());
        let allowed = known.into_iter().find(|(known, _)| *known == name).map(|(_, allowed)| allowed);
        let Some(allowed) = allowed else {
            return Err((ErrorCode::InvalidConfig, format!("there is no topic setting `{name}`")));
        };
        if !allowed.takes(&value) {
            return Err((ErrorCode::InvalidConfig, format!("{name} is `{value}`: allowed is {allowed}")));
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
        asked: Vec<(ConfigResource, Option<Vec<String>>)>,
    ) -> Vec<(ConfigResource, DescribedConfigs)> {
        let describe = |(resource, names): (ConfigResource, Option<Vec<String>>)| {
            let all = match &resource {
                ConfigResource::Topic(topic) => self.topic_configs(topic),
                ConfigResource::Broker(id) => self.broker_configs(id),
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

    fn broker_configs(&self, id: &str) -> DescribedConfigs {
        // An empty id is the cluster-wide default.
        let known = id.is_empty() || id.parse().is_ok_and(|id| self.broker(crate::BrokerId(id)).is_some());
        if !known {
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
        let taken = [
            ("cleanup.policy", "compact, delete"),
            ("retention.bytes", "-2"),
            ("retention.ms", "-1"),
            ("max.message.bytes", "0"),
        ];
        for (name, value) in taken {
            assert_eq!(check(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn every_default_is_allowed() {
        assert!(TAKEN.iter().all(|(_, default, allowed)| allowed.takes(default)));
    }
}
