//! Settings of topics and brokers: which ones exist, and which ones do something here.

use std::collections::BTreeMap;

use crate::api::{ConfigResource, DescribedConfigs};
use crate::cluster::Cluster;
use crate::error::ErrorCode;

pub(crate) const MIN_ISR: &str = "min.insync.replicas";
pub(crate) const RETENTION_BYTES: &str = "retention.bytes";
pub(crate) const MAX_MESSAGE_BYTES: &str = "max.message.bytes";

/// A topic's settings that are taken and told back, with Apache Kafka's defaults. The three above have an effect.
const TAKEN: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("compression.type", "producer"),
    ("delete.retention.ms", "86400000"),
    ("file.delete.delay.ms", "60000"),
    ("flush.messages", "9223372036854775807"),
    ("flush.ms", "9223372036854775807"),
    ("index.interval.bytes", "4096"),
    ("max.compaction.lag.ms", "9223372036854775807"),
    ("message.timestamp.type", "CreateTime"),
    ("min.cleanable.dirty.ratio", "0.5"),
    ("min.compaction.lag.ms", "0"),
    ("preallocate", "false"),
    ("retention.ms", "604800000"),
    ("segment.bytes", "1073741824"),
    ("segment.index.bytes", "10485760"),
    ("segment.jitter.ms", "0"),
    ("segment.ms", "604800000"),
    ("unclean.leader.election.enable", "false"),
];

/// Checks the settings of a new topic.
pub(crate) fn checked(
    configs: Vec<(String, Option<String>)>,
) -> Result<BTreeMap<String, String>, (ErrorCode, String)> {
    let mut taken = BTreeMap::new();
    for (name, value) in configs {
        // A null value is the default.
        let Some(value) = value else { continue };
        let allowed = match name.as_str() {
            MIN_ISR if !value.parse::<usize>().is_ok_and(|n| n >= 1) => "a whole number from 1",
            RETENTION_BYTES if value != "-1" && value.parse::<usize>().is_err() => {
                "-1 or a whole number of bytes"
            }
            MAX_MESSAGE_BYTES if value.parse::<u32>().is_err() => "a whole number of bytes",
            MIN_ISR | RETENTION_BYTES | MAX_MESSAGE_BYTES => "",
            known if TAKEN.iter().any(|(name, _)| *name == known) => "",
            _ => return Err((ErrorCode::InvalidConfig, format!("there is no topic setting `{name}`"))),
        };
        if !allowed.is_empty() {
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
        let defaults = own.into_iter().chain(TAKEN.iter().map(|(name, value)| (*name, (*value).to_owned())));
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
