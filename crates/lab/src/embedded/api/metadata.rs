//! Metadata: brokers, topics, leaders. Topics are never created by asking for them.

use cluster::{PartitionView, Request, Response, TopicRef, TopicView};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use uuid::Uuid;

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(request: MetadataRequest, version: i16) -> Exchange<MetadataResponse> {
    let topics = match request.topics {
        // In version 0 an empty list means all topics; later it means none, and null means all.
        Some(topics) if version > 0 || !topics.is_empty() => Some(topics.into_iter().map(asked).collect()),
        _ => None,
    };
    Exchange::ask(Request::Metadata(topics), answer)
}

fn asked(topic: MetadataRequestTopic) -> TopicRef {
    match topic.name {
        Some(name) => TopicRef::Name(words::name(&name)),
        None => TopicRef::Id(topic.topic_id.as_u128()),
    }
}

fn answer(response: Response, directory: &Directory) -> MetadataResponse {
    let Response::Metadata(view) = response else { unreachable!("metadata is answered by metadata") };
    let brokers = view.cluster.brokers.iter().filter_map(|(id, zone)| {
        let endpoint = directory.0.get(id)?;
        Some(
            MetadataResponseBroker::default()
                .with_node_id(id.0.into())
                .with_host(endpoint.host.clone())
                .with_port(endpoint.port)
                .with_rack(Some(words::text(zone))),
        )
    });
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(words::text(&view.cluster.cluster_id)))
        .with_controller_id(view.cluster.controller.into())
        .with_topics(view.topics.iter().map(topic).collect())
}

fn topic(view: &TopicView) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(view.error.code())
        .with_name(view.name.as_deref().map(words::topic))
        .with_topic_id(Uuid::from_u128(view.id))
        .with_is_internal(view.internal)
        .with_partitions(view.partitions.iter().map(partition).collect())
}

fn partition(view: &PartitionView) -> MetadataResponsePartition {
    MetadataResponsePartition::default()
        .with_error_code(view.error.code())
        .with_partition_index(view.partition)
        .with_leader_id(words::leader_id(view.leader))
        .with_leader_epoch(view.epoch)
        .with_replica_nodes(words::broker_ids(&view.replicas))
        .with_isr_nodes(words::broker_ids(&view.isr))
        .with_offline_replicas(words::broker_ids(&view.offline))
}
