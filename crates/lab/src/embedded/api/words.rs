//! Words both sides share: names, ids, durations, where a broker listens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::{BrokerId, CurrentLeader, GroupMember, TopicPartition, TopicRef};
use kafka_protocol::messages::{self as wire};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

/// Where the brokers listen. Fixed for the cluster's life: a broker that starts again keeps its port.
#[derive(Debug)]
pub(in crate::embedded) struct Directory(pub(in crate::embedded) BTreeMap<BrokerId, Endpoint>);

/// Where one broker listens.
#[derive(Debug, Clone)]
pub(in crate::embedded) struct Endpoint {
    pub(in crate::embedded) host: StrBytes,
    pub(in crate::embedded) port: i32,
    pub(in crate::embedded) zone: StrBytes,
}

impl Directory {
    /// The endpoints of the leaders told with an error (KIP-951), each once.
    pub(super) fn leaders(
        &self,
        leaders: impl Iterator<Item = CurrentLeader>,
    ) -> impl Iterator<Item = (wire::BrokerId, &Endpoint)> {
        let ids: std::collections::BTreeSet<BrokerId> = leaders.filter_map(|l| l.leader).collect();
        ids.into_iter().filter_map(|id| Some((id.0.into(), self.0.get(&id)?)))
    }
}

/// A topic's name as the cluster has it.
pub(super) fn name(topic: &wire::TopicName) -> cluster::TopicName {
    Arc::from(topic.as_str())
}

/// A text as the wire has it.
pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A topic's name as the wire has it.
pub(super) fn topic(name: &str) -> wire::TopicName {
    text(name).into()
}

/// Both ways to name a topic; the version in use encodes one of them.
pub(super) fn name_and_id(topic_ref: &TopicRef) -> (wire::TopicName, Uuid) {
    match topic_ref {
        TopicRef::Name(name) => (topic(name), Uuid::nil()),
        TopicRef::Id(id) => (wire::TopicName::default(), Uuid::from_u128(*id)),
    }
}

/// A topic named by name up to a version and by id after it.
pub(super) fn reference(name_given: &wire::TopicName, id: Uuid, by_id: bool) -> TopicRef {
    if by_id { TopicRef::Id(id.as_u128()) } else { TopicRef::Name(name(name_given)) }
}

/// A partition named by its topic's name.
pub(super) fn partition(topic: &cluster::TopicName, partition: i32) -> TopicPartition {
    TopicPartition { topic: Arc::clone(topic), partition }
}

/// Milliseconds of a request; negative ones mean "not at all".
pub(super) fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// A leader epoch of a request; -1 means "not known", and nothing else does.
pub(super) fn epoch(epoch: i32) -> Option<i32> {
    (epoch != -1).then_some(epoch)
}

/// A byte limit of a request; negative ones mean nothing.
pub(super) fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

/// A leader as the wire has it.
pub(super) fn leader_id(leader: Option<BrokerId>) -> wire::BrokerId {
    leader.map_or(-1, |id| id.0).into()
}

/// Ids of brokers as the wire has them.
pub(super) fn broker_ids(brokers: &[BrokerId]) -> Vec<wire::BrokerId> {
    brokers.iter().map(|id| id.0.into()).collect()
}

/// A group member as requests name it.
pub(super) fn member(
    group: &wire::GroupId,
    generation: i32,
    member: &StrBytes,
    instance: Option<&StrBytes>,
) -> GroupMember {
    GroupMember {
        group: group.to_string(),
        generation,
        member: member.to_string(),
        instance: instance.map(ToString::to_string),
    }
}

/// Gathers items under their topics. Answers come in the order asked, so the last topic is the one; a topic that
/// a client names twice is answered twice.
pub(super) fn by_topic<K: PartialEq, T>(items: impl IntoIterator<Item = (K, T)>) -> Vec<(K, Vec<T>)> {
    let mut topics: Vec<(K, Vec<T>)> = Vec::new();
    for (key, item) in items {
        match topics.last_mut().filter(|(last, _)| *last == key) {
            Some((_, items)) => items.push(item),
            None => topics.push((key, vec![item])),
        }
    }
    topics
}
