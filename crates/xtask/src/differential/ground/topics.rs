//! Topics: made, grown, deleted, described.

use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    MetadataRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::super::normal;
use super::super::plan::{Name, Shape, Topic};
use super::Case;

/// How long a broker may wait for the controller.
const TIMEOUT_MS: i32 = 4_000;

/// How many brokers placement goes round.
const BROKERS: i32 = 3;

/// DescribeConfigs: a topic.
const TOPIC_RESOURCE: i8 = 2;

/// DescribeConfigs: the topic itself says so.
const TOPIC_SOURCE: i8 = 1;

impl Case<'_> {
    pub(super) async fn create(&mut self, topic: Topic, shape: &Shape) -> String {
        let (asked, only_check) = self.creatable(topic, shape);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![asked])
            .with_timeout_ms(TIMEOUT_MS)
            .with_validate_only(only_check);
        let told = match self.ask(self.any(), 7, &request).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        let Some(told) = told.topics.first() else { return "nothing told".to_owned() };
        if told.error_code == 0 && !only_check {
            self.topics.insert(topic, told.topic_id);
            self.topic_settled(topic, true).await;
        }
        self.created(told, only_check)
    }

    fn created(&mut self, told: &CreatableTopicResult, only_check: bool) -> String {
        let error = normal::error(told.error_code);
        // What is only checked has no id that it keeps.
        let id = if only_check { "-".to_owned() } else { self.names.topic(told.topic_id) };
        let own = told.configs.iter().flatten().filter(|config| config.config_source == TOPIC_SOURCE);
        let own: Vec<String> =
            own.map(|config| format!("{}={:?}", config.name.as_str(), config.value)).collect();
        format!(
            "{error} id {id} partitions {} replicas {} own {own:?}",
            told.num_partitions, told.replication_factor
        )
    }

    fn creatable(&self, topic: Topic, shape: &Shape) -> (CreatableTopic, bool) {
        let own = CreatableTopic::default().with_name(self.topic_name(topic).into());
        let assigned = |placed: Vec<(i32, Vec<i32>)>| {
            let one = |(partition, brokers): (i32, Vec<i32>)| {
                CreatableReplicaAssignment::default()
                    .with_partition_index(partition)
                    .with_broker_ids(brokers.into_iter().map(BrokerId).collect())
            };
            placed.into_iter().map(one).collect::<Vec<_>>()
        };
        let placed = own.clone().with_num_partitions(-1).with_replication_factor(-1);
        match shape {
            Shape::Counts { partitions, replicas, name } => {
                let name = self.odd_name(topic, *name);
                let asked = own.with_name(name.into()).with_num_partitions(*partitions);
                (asked.with_replication_factor(*replicas), true)
            }
            Shape::Assigned(brokers) => (placed.with_assignments(assigned(brokers.clone())), true),
            Shape::Placed { partitions, replicas, configs, only_check } => {
                let brokers =
                    |at: i32| (0..i32::from(*replicas)).map(|next| (at + next) % BROKERS + 1).collect();
                let brokers = (0..*partitions).map(|at| (at, brokers(at))).collect();
                let config = |(name, value): &(&'static str, &'static str)| {
                    CreatableTopicConfig::default()
                        .with_name(StrBytes::from_static_str(name))
                        .with_value(Some(StrBytes::from_static_str(value)))
                };
                let asked = placed
                    .with_assignments(assigned(brokers))
                    .with_configs(configs.iter().map(config).collect());
                (asked, *only_check)
            }
        }
    }

    fn odd_name(&self, topic: Topic, name: Name) -> StrBytes {
        match name {
            Name::Own => self.topic_name(topic),
            Name::Empty => StrBytes::default(),
            Name::Dot => StrBytes::from_static_str("."),
            Name::Slash => StrBytes::from_static_str("a/b"),
            Name::Long(letters) => StrBytes::from_string("x".repeat(letters)),
        }
    }

    pub(super) async fn delete(&mut self, topic: Topic, by_id: bool) -> String {
        use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
        let asked = if by_id {
            DeleteTopicState::default().with_name(None).with_topic_id(self.topic_id(topic))
        } else {
            DeleteTopicState::default().with_name(Some(self.topic_name(topic).into()))
        };
        let request = DeleteTopicsRequest::default().with_topics(vec![asked]).with_timeout_ms(TIMEOUT_MS);
        let told = match self.ask(self.any(), 6, &request).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        let Some(told) = told.responses.first() else { return "nothing told".to_owned() };
        if told.error_code == 0 {
            self.topic_settled(topic, false).await;
        }
        let named = if told.name.is_some() { "named" } else { "nameless" };
        let id = if told.error_code == 0 { self.names.topic(told.topic_id) } else { "-".to_owned() };
        format!("{} {named} id {id}", normal::error(told.error_code))
    }

    pub(super) async fn grow(&mut self, topic: Topic, to: i32, only_check: bool) -> String {
        use kafka_protocol::messages::create_partitions_request::{
            CreatePartitionsAssignment, CreatePartitionsTopic,
        };
        // New partitions are placed by hand as well, with as many replicas as the others have.
        let view = self.view(self.any(), Some(self.topic_name(topic))).await;
        let parts: Vec<_> =
            view.into_iter().flat_map(|view| view.topics).flat_map(|t| t.partitions).collect();
        let replicas = parts.first().map_or(1, |part| part.replica_nodes.len() as i32);
        let brokers = |at: i32| (0..replicas).map(|next| BrokerId((at + next) % BROKERS + 1)).collect();
        let new = |at: i32| CreatePartitionsAssignment::default().with_broker_ids(brokers(at));
        let new: Vec<_> = (parts.len() as i32..to).map(new).collect();
        let asked = CreatePartitionsTopic::default()
            .with_name(self.topic_name(topic).into())
            .with_count(to)
            .with_assignments(Some(new).filter(|new| !new.is_empty()));
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![asked])
            .with_timeout_ms(TIMEOUT_MS)
            .with_validate_only(only_check);
        match self.ask(self.any(), 3, &request).await {
            Err(none) => none.to_owned(),
            Ok(told) => {
                let Some(told) = told.results.first() else { return "nothing told".to_owned() };
                if told.error_code == 0 && !only_check {
                    self.topic_settled(topic, true).await;
                }
                normal::error(told.error_code)
            }
        }
    }

    pub(super) async fn metadata(&mut self, topic: Topic, by_id: bool) -> String {
        let asked = if by_id {
            MetadataRequestTopic::default().with_name(None).with_topic_id(self.topic_id(topic))
        } else {
            MetadataRequestTopic::default().with_name(Some(self.topic_name(topic).into()))
        };
        let request = MetadataRequest::default().with_topics(Some(vec![asked]));
        let told = match self.ask(self.any(), 12, &request).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        let Some(topic) = told.topics.into_iter().next() else { return "nothing told".to_owned() };
        let named = if topic.name.is_some() { "named" } else { "nameless" };
        let id = if topic.error_code == 0 { self.names.topic(topic.topic_id) } else { "-".to_owned() };
        let mut parts = topic.partitions;
        parts.sort_by_key(|part| part.partition_index);
        let parts: String = parts.into_iter().map(|part| self.described(part)).collect();
        let error = normal::error(topic.error_code);
        format!("{error} {named} id {id} brokers {}{parts}", told.brokers.len())
    }

    fn described(&self, part: MetadataResponsePartition) -> String {
        let ids = |mut brokers: Vec<BrokerId>| {
            brokers.sort_by_key(|broker| broker.0);
            brokers.into_iter().map(|broker| broker.0).collect::<Vec<_>>()
        };
        format!(
            "\n    {} {} leader {} epoch {} replicas {:?} isr {:?} offline {:?}",
            part.partition_index,
            normal::error(part.error_code),
            part.leader_id.0,
            self.names.epoch(part.leader_epoch),
            part.replica_nodes.iter().map(|broker| broker.0).collect::<Vec<_>>(),
            ids(part.isr_nodes),
            ids(part.offline_replicas),
        )
    }

    pub(super) async fn configs(&mut self, topic: Topic, names: &[&'static str]) -> String {
        use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
        let resource = DescribeConfigsResource::default()
            .with_resource_type(TOPIC_RESOURCE)
            .with_resource_name(self.topic_name(topic))
            .with_configuration_keys(Some(names.iter().map(|n| StrBytes::from_static_str(n)).collect()));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let told = match self.ask(self.any(), 4, &request).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        let Some(told) = told.results.into_iter().next() else { return "nothing told".to_owned() };
        let mut configs = told.configs;
        configs.sort_by(|one, other| one.name.cmp(&other.name));
        let one =
            |config: &kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult| {
                let own = if config.config_source == TOPIC_SOURCE { " own" } else { "" };
                let value = config.value.as_ref().map_or("null", |value| value.as_str());
                format!(" {}={value}{own}", config.name.as_str())
            };
        format!("{}{}", normal::error(told.error_code), configs.iter().map(one).collect::<String>())
    }
}
