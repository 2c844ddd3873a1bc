//! Topics: made, grown and deleted by the controller, which must work for it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::*;
use crate::cluster::Cluster;
use crate::configs;
use crate::error::ErrorCode;
use crate::parked::Parked;
use crate::partition::{Partition, Pid, Topic};
use crate::placement;

/// Where groups write what they must not forget.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// How long a broker keeps trying to reach the controller with a client's request, whatever the client's own timeout:
/// that one is for the controller. Source: the retry timeout of Apache Kafka's forwarding channel (`BrokerServer`).
const FORWARDING: Duration = Duration::from_secs(60);
/// Longest topic name. Source: Apache Kafka's `Topic.MAX_NAME_LENGTH`.
const NAME_BYTES_MAX: usize = 249;

type Refusal = (ErrorCode, String);

impl Cluster {
    pub(crate) fn create_offsets_topic(&mut self) {
        let brokers = i16::try_from(self.spec.brokers).unwrap_or(i16::MAX);
        let replicas = self.spec.offsets_replication_factor.min(brokers);
        let new = NewTopic {
            name: OFFSETS_TOPIC.to_owned(),
            replicas: NewReplicas::Counts {
                partitions: self.spec.offsets_partitions,
                replication_factor: replicas,
            },
            configs: Vec::new(),
        };
        let created = self.create_topic(new, false);
        debug_assert!(created.error.is_none(), "a checked spec has room for the offsets topic");
        if let Some(topic) = self.topics.get_mut(OFFSETS_TOPIC) {
            topic.internal = true;
        }
    }

    /// Waits while the controller is frozen.
    pub(crate) fn topics_request(&mut self, broker: BrokerId, token: Token, request: Request) {
        if self.controller_works() {
            let response = self.run_topics_request(request);
            return self.reply(token, response);
        }
        self.park(token, Parked::Topics { broker, request }, FORWARDING);
    }

    pub(crate) fn run_waiting_topic_requests(&mut self) {
        let about_topics = |parked: &Parked| matches!(parked, Parked::Topics { .. });
        let waiting =
            self.parked.iter().filter(|(_, (parked, _))| about_topics(parked)).map(|(token, _)| *token);
        let waiting: Vec<Token> = waiting.collect();
        for token in waiting {
            if let Some(Parked::Topics { request, .. }) = self.unpark(token) {
                let response = self.run_topics_request(request);
                self.reply(token, response);
            }
        }
    }

    fn run_topics_request(&mut self, request: Request) -> Response {
        match request {
            Request::CreatePartitions(asked) => {
                let grow = |(topic, count, replicas)| self.grow(topic, count, replicas, asked.validate_only);
                Response::CreatePartitions(asked.topics.into_iter().map(grow).collect())
            }
            Request::DeleteTopics(topics, _) => {
                Response::DeleteTopics(topics.into_iter().map(|topic| self.delete_topic(topic)).collect())
            }
            Request::CreateTopics(asked) => {
                let (topics, twice) = split_repeated(asked.topics);
                let create = |new| self.create_topic(new, asked.validate_only);
                Response::CreateTopics(topics.into_iter().map(create).chain(twice).collect())
            }
            _ => Response::CreateTopics(Vec::new()),
        }
    }

    fn create_topic(&mut self, new: NewTopic, validate_only: bool) -> CreatedTopic {
        let name = new.name.clone();
        match self.checked(new) {
            Ok((replicas, configs)) => {
                let created = CreatedTopic {
                    id: self.topic_id(&name),
                    name: name.clone(),
                    error: ErrorCode::None,
                    message: None,
                    partitions: i32::try_from(replicas.len()).unwrap_or(i32::MAX),
                    replication_factor: replicas
                        .first()
                        .map_or(-1, |r| i16::try_from(r.len()).unwrap_or(i16::MAX)),
                    configs: self.with_defaults(&configs),
                };
                if !validate_only {
                    self.add_topic(name.into(), created.id, replicas, configs);
                }
                created
            }
            Err((error, message)) => refused(name, error, Some(message)),
        }
    }

    #[allow(clippy::type_complexity, reason = "two results of one check, taken apart by its one caller")]
    fn checked(&self, new: NewTopic) -> Result<(Vec<Replicas>, BTreeMap<String, String>), Refusal> {
        if !is_legal_name(&new.name) {
            let allowed = "1 to 249 characters of a-z A-Z 0-9 . _ -, and neither . nor ..";
            return Err((
                ErrorCode::InvalidTopicException,
                format!("`{}` is no topic name: {allowed}", new.name),
            ));
        }
        if self.topics.contains_key(new.name.as_str()) {
            return Err((ErrorCode::TopicAlreadyExists, format!("topic `{}` exists already", new.name)));
        }
        let replicas = match new.replicas {
            NewReplicas::Counts { partitions, replication_factor } => {
                self.placed(partitions, replication_factor)?
            }
            NewReplicas::Explicit(assigned) => self.assigned(assigned)?,
            NewReplicas::Both => {
                let message = "counts must be -1 where replicas are assigned";
                return Err((ErrorCode::InvalidRequest, message.to_owned()));
            }
        };
        self.check_room(replicas.len())?;
        Ok((replicas, configs::checked(new.configs)?))
    }

    fn placed(&self, partitions: i32, replication_factor: i16) -> Result<Vec<Replicas>, Refusal> {
        let partitions = if partitions == -1 { self.spec.partitions } else { partitions };
        let factor = if replication_factor == -1 { self.spec.replication_factor } else { replication_factor };
        // What is no number of replicas at all is told first, too many for these brokers last.
        if factor < 1 {
            let message = format!("replication factor {factor}: at least 1 is allowed");
            return Err((ErrorCode::InvalidReplicationFactor, message));
        }
        let Some(count) = usize::try_from(partitions).ok().filter(|count| *count > 0) else {
            let message = format!("{partitions} partitions: at least 1 is allowed");
            return Err((ErrorCode::InvalidPartitions, message));
        };
        let registered = self.brokers.len();
        let Some(factor) = usize::try_from(factor).ok().filter(|factor| *factor <= registered) else {
            let allowed = format!("1 to {registered}, the number of brokers");
            let message = format!("replication factor {factor}: allowed is {allowed}");
            return Err((ErrorCode::InvalidReplicationFactor, message));
        };
        self.check_room(count)?;
        // Topics start at different brokers, or the first ones would lead most of them.
        let start = self.topics.len() + usize::try_from(self.spec.seed % 1_000).unwrap_or(0);
        let placed = self.on_live_brokers(count, factor, start);
        if placed.iter().any(|replicas| replicas.len() < factor) {
            let message = "every broker is fenced: nobody could lead".to_owned();
            return Err((ErrorCode::InvalidReplicationFactor, message));
        }
        Ok(placed)
    }

    /// Live brokers first; fenced ones fill up what is missing and never lead, as Apache's placer has it. Without a live
    /// broker there are no replicas.
    fn on_live_brokers(&self, partitions: usize, factor: usize, start: usize) -> Vec<Replicas> {
        let live = self.cluster_view().brokers;
        let mut placed = placement::rack_aware(&live, partitions, factor, start, start);
        let fenced = self.brokers.iter().filter(|broker| broker.fenced).map(|broker| broker.id);
        for replicas in placed.iter_mut().filter(|replicas| !replicas.is_empty()) {
            replicas.extend(fenced.clone().take(factor.saturating_sub(replicas.len())));
        }
        placed
    }

    fn assigned(&self, mut assigned: Vec<(i32, Vec<BrokerId>)>) -> Result<Vec<Replicas>, Refusal> {
        assigned.sort_by_key(|(partition, _)| *partition);
        let in_order = assigned.iter().enumerate().all(|(at, (partition, _))| *partition == at as i32);
        if assigned.is_empty() || !in_order {
            return Err((
                ErrorCode::InvalidReplicaAssignment,
                "partitions must count from 0 without gaps".into(),
            ));
        }
        let replicas: Vec<Replicas> = assigned.into_iter().map(|(_, replicas)| replicas).collect();
        self.check_assignment(&replicas, replicas[0].len())?;
        Ok(replicas)
    }

    fn check_assignment(&self, replicas: &[Replicas], factor: usize) -> Result<(), Refusal> {
        for brokers in replicas {
            let distinct: std::collections::BTreeSet<_> = brokers.iter().collect();
            let known = brokers.iter().all(|broker| self.broker(*broker).is_some());
            if brokers.len() != factor || factor == 0 || distinct.len() != factor || !known {
                let allowed = format!("{factor} distinct brokers of 1 to {}", self.brokers.len());
                return Err((
                    ErrorCode::InvalidReplicaAssignment,
                    format!("replicas {brokers:?}: allowed is {allowed}"),
                ));
            }
        }
        Ok(())
    }

    fn check_room(&self, more: usize) -> Result<(), Refusal> {
        if self.partitions.len().saturating_add(more) <= self.spec.partitions_max {
            return Ok(());
        }
        let most = self.spec.partitions_max;
        Err((ErrorCode::PolicyViolation, format!("{more} more partitions: the cluster holds at most {most}")))
    }

    fn add_topic(
        &mut self,
        name: TopicName,
        id: TopicId,
        replicas: Vec<Replicas>,
        configs: BTreeMap<String, String>,
    ) {
        let topic = Topic {
            id,
            internal: false,
            partitions: Vec::new(),
            retention_bytes: configs::number(&configs, configs::RETENTION_BYTES),
            message_bytes_max: configs::number(&configs, configs::MAX_MESSAGE_BYTES)
                .unwrap_or(self.spec.message_bytes_max),
            min_isr: configs::number(&configs, configs::MIN_ISR)
                .unwrap_or_else(|| usize::try_from(self.spec.min_isr).unwrap_or(1)),
            stamps: configs.get(configs::TIMESTAMP_TYPE).is_some_and(|kind| kind == configs::LOG_APPEND_TIME),
            configs,
        };
        self.topic_ids.insert(id, name.clone());
        self.topics.insert(name.clone(), topic);
        self.add_partitions(&name, replicas);
    }

    fn add_partitions(&mut self, name: &TopicName, replicas: Vec<Replicas>) {
        for brokers in replicas {
            let Some(topic) = self.topics.get_mut(name) else { return };
            let pid = Pid(self.next_pid);
            self.next_pid += 1;
            let index = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
            topic.partitions.push(pid);
            let min_isr = topic.min_isr;
            let mut partition =
                Partition::new(name.clone(), index, &brokers, min_isr, self.spec.producers_max);
            partition.isr.retain(|broker| self.is_active(*broker));
            partition.leader = partition.isr.first().copied();
            partition.log.begin_epoch(partition.epoch);
            self.partitions.insert(pid, partition);
            for broker in brokers {
                if let Some(broker) = self.broker_mut(broker) {
                    broker.partitions.insert(pid);
                }
            }
        }
    }

    fn grow(
        &mut self,
        name: String,
        count: i32,
        replicas: Option<Vec<Replicas>>,
        validate_only: bool,
    ) -> (String, ErrorCode, Option<String>) {
        match self.growth(&name, count, replicas) {
            Ok((topic, more)) => {
                if !validate_only {
                    self.add_partitions(&topic, more);
                }
                (name, ErrorCode::None, None)
            }
            Err((error, message)) => (name, error, Some(message)),
        }
    }

    fn growth(
        &self,
        name: &str,
        count: i32,
        replicas: Option<Vec<Replicas>>,
    ) -> Result<(TopicName, Vec<Replicas>), Refusal> {
        let Some((key, topic)) = self.topics.get_key_value(name) else {
            return Err((ErrorCode::UnknownTopicOrPartition, format!("there is no topic `{name}`")));
        };
        let now = topic.partitions.len();
        let more =
            usize::try_from(count).ok().and_then(|count| count.checked_sub(now)).filter(|more| *more > 0);
        let Some(more) = more else {
            return Err((
                ErrorCode::InvalidPartitions,
                format!("{count} partitions: it has {now}, and can only grow"),
            ));
        };
        self.check_room(more)?;
        let factor = self.partitions[&topic.partitions[0]].replicas.len();
        let replicas = replicas.unwrap_or_else(|| self.on_live_brokers(more, factor, now));
        if replicas.len() != more {
            let message = format!("{} new partitions are assigned, {more} are asked for", replicas.len());
            return Err((ErrorCode::InvalidReplicaAssignment, message));
        }
        self.check_assignment(&replicas, factor)?;
        Ok((key.clone(), replicas))
    }

    fn delete_topic(&mut self, asked: TopicRef) -> DeletedTopic {
        let found = match &asked {
            TopicRef::Name(name) => {
                self.topics.get_key_value(name).map(|(name, topic)| (name.clone(), topic.id))
            }
            TopicRef::Id(id) => self.topic_ids.get(id).map(|name| (name.clone(), *id)),
        };
        match (&asked, found) {
            (_, Some((name, id))) => {
                let internal = &*name == OFFSETS_TOPIC;
                if !internal {
                    self.remove_topic(&name);
                }
                let error = if internal { ErrorCode::InvalidTopicException } else { ErrorCode::None };
                DeletedTopic { name: Some(name), id, error }
            }
            (TopicRef::Name(_), None) => DeletedTopic::refused(asked, ErrorCode::UnknownTopicOrPartition),
            (TopicRef::Id(_), None) => DeletedTopic::refused(asked, ErrorCode::UnknownTopicId),
        }
    }

    fn remove_topic(&mut self, name: &TopicName) {
        let Some(topic) = self.topics.remove(name) else { return };
        self.topic_ids.remove(&topic.id);
        self.coordinators.groups.forget_topic(name);
        for pid in topic.partitions {
            self.turn_away(pid, ErrorCode::UnknownTopicOrPartition);
            self.partitions.remove(&pid);
            for broker in &mut self.brokers {
                broker.partitions.remove(&pid);
            }
        }
    }

    /// Never given twice, not even to a topic that is made again under its old name.
    fn topic_id(&self, name: &str) -> TopicId {
        let hash = |salt: u64| {
            // FNV-1a: any fixed hash will do, as long as no library update can change it.
            let seeded = 0xcbf2_9ce4_8422_2325 ^ self.spec.seed ^ self.next_pid ^ salt;
            name.bytes().fold(seeded, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        (u128::from(hash(1)) << 64) | u128::from(hash(2) | 1)
    }

    /// Bytes that a partition may keep: what it was told, but never more than its share of the cluster's memory.
    pub(crate) fn retention_of(&self, pid: Pid) -> usize {
        let topic = self.partitions.get(&pid).and_then(|p| self.topics.get(&p.name.topic));
        let own = topic.and_then(|topic| topic.retention_bytes).unwrap_or(self.spec.retention_bytes);
        own.min(self.spec.log_bytes_max / self.partitions.len().max(1))
    }

    /// Whether its records get the broker's time.
    pub(crate) fn stamps(&self, pid: Pid) -> bool {
        let topic = self.partitions.get(&pid).and_then(|p| self.topics.get(&p.name.topic));
        topic.is_some_and(|topic| topic.stamps)
    }

    /// Whether clients may only read it.
    pub(crate) fn is_internal(&self, pid: Pid) -> bool {
        let topic = self.partitions.get(&pid).and_then(|p| self.topics.get(&p.name.topic));
        topic.is_some_and(|topic| topic.internal)
    }

    pub(crate) fn message_bytes_max_of(&self, pid: Pid) -> usize {
        let topic = self.partitions.get(&pid).and_then(|p| self.topics.get(&p.name.topic));
        topic.map_or(self.spec.message_bytes_max, |topic| topic.message_bytes_max)
    }
}

/// The rule of Apache Kafka's `Topic.validate`.
pub(crate) fn is_legal_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(legal)
}

/// Topics that a request names once, and a refusal for each that it names more often.
fn split_repeated(topics: Vec<NewTopic>) -> (Vec<NewTopic>, Vec<CreatedTopic>) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for topic in &topics {
        *times.entry(topic.name.clone()).or_default() += 1;
    }
    times.retain(|_, times| *times > 1);
    let once = topics.into_iter().filter(|topic| !times.contains_key(&topic.name)).collect();
    let message = || Some("the request names this topic more than once".to_owned());
    let twice = times.keys().map(|name| refused(name.clone(), ErrorCode::InvalidRequest, message()));
    (once, twice.collect())
}

pub(crate) fn refused(name: String, error: ErrorCode, message: Option<String>) -> CreatedTopic {
    CreatedTopic { name, id: 0, error, message, partitions: -1, replication_factor: -1, configs: Vec::new() }
}
