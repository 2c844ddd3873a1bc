//! Waiting until nothing moves any more: what makes answers independent of how fast a cluster is.
//!
//! Every wait asks the brokers themselves and has an end. Under a frozen controller nothing settles, and nothing
//! needs to: no leader and no in-sync set changes.

use std::time::Duration;

use kafka_protocol::messages::{
    DescribeGroupsRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataResponse,
};
use kafka_protocol::protocol::StrBytes;
use tokio::time::{Instant, sleep};

use super::super::plan::{Part, Topic};
use super::Case;

/// How long a cluster may take to heal. An Apache broker is up after some seconds, more if the machine is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// So many looks must show the same.
const LOOKS: u32 = 3;

/// What a frozen controller leaves to happen: connections to a dead broker break.
const MOMENT: Duration = Duration::from_millis(500);

impl Case<'_> {
    /// Waits until all running brokers see the same cluster, led and in sync as far as its brokers run.
    pub(super) async fn settled(&self) -> bool {
        if self.broken.controller {
            sleep(MOMENT).await;
            return true;
        }
        let deadline = Instant::now() + PATIENCE;
        let (mut before, mut looks) = (None, 0);
        while Instant::now() < deadline {
            let now = self.common_view().await;
            looks = if now.is_some() && now == before { looks + 1 } else { 0 };
            if looks >= LOOKS && self.groups_answer().await {
                return true;
            }
            before = now;
            sleep(PAUSE).await;
        }
        false
    }

    /// What all running brokers say, if they say the same and it is what they will still say later.
    async fn common_view(&self) -> Option<String> {
        let mut common = None;
        for broker in self.running() {
            let view = self.view(broker, None).await?;
            if view.brokers.len() != self.running().len() || !self.is_whole(&view) {
                return None;
            }
            let text = told(&view);
            if *common.get_or_insert_with(|| text.clone()) != text {
                return None;
            }
        }
        common
    }

    /// Whether every replica on a running broker is in sync and the first of them leads.
    fn is_whole(&self, view: &MetadataResponse) -> bool {
        let running = self.running();
        view.topics.iter().flat_map(|topic| &topic.partitions).all(|part| {
            let live =
                part.replica_nodes.iter().map(|broker| broker.0).filter(|broker| running.contains(broker));
            let live: Vec<i32> = live.collect();
            let in_sync = live.iter().all(|broker| part.isr_nodes.iter().any(|member| member.0 == *broker));
            let no_others = live.is_empty() || part.isr_nodes.len() == live.len();
            // The preferred leader leads again after a while, if it can.
            let preferred = part.replica_nodes.first().map_or(-1, |broker| broker.0);
            let leads = match live.first() {
                None => part.leader_id.0 == -1,
                Some(_) if live.contains(&preferred) => part.leader_id.0 == preferred,
                Some(_) => live.contains(&part.leader_id.0),
            };
            in_sync && no_others && leads
        })
    }

    /// Waits until every broker has what it fetches when it is first needed: groups, and ids for producers.
    pub(super) async fn warm(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.groups_answer().await && self.all_give_producer_ids().await {
                return true;
            }
            sleep(PAUSE).await;
        }
        false
    }

    async fn all_give_producer_ids(&self) -> bool {
        for broker in self.running() {
            let request = InitProducerIdRequest::default()
                .with_transactional_id(None)
                .with_transaction_timeout_ms(60_000)
                .with_producer_id((-1).into())
                .with_producer_epoch(-1);
            if !self.ask(broker, 4, &request).await.is_ok_and(|told| told.error_code == 0) {
                return false;
            }
        }
        true
    }

    /// Whether the coordinators have read what there is to know of the groups.
    async fn groups_answer(&self) -> bool {
        for group in self.groups.values() {
            let name = StrBytes::from_string(group.clone());
            let Ok(coordinator) = self.coordinator(name.clone()).await else { return false };
            let request = DescribeGroupsRequest::default().with_groups(vec![name.into()]);
            let Ok(told) = self.ask(coordinator, 5, &request).await else { return false };
            if told.groups.first().is_none_or(|group| group.error_code != 0) {
                return false;
            }
        }
        true
    }

    /// Waits until all running brokers know a topic as the first one does, or that it is gone.
    pub(super) async fn topic_settled(&self, topic: Topic, there: bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && !self.is_topic_settled(topic, there).await {
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_topic_settled(&self, topic: Topic, there: bool) -> bool {
        let mut common: Option<String> = None;
        for broker in self.running() {
            let Some(view) = self.view(broker, Some(self.topic_name(topic))).await else { return false };
            let known = view.topics.iter().any(|topic| topic.error_code == 0);
            let text = told(&view);
            if known != there || *common.get_or_insert_with(|| text.clone()) != text {
                return false;
            }
            for part in view.topics.iter().flat_map(|topic| &topic.partitions) {
                let index = part.partition_index;
                if self.running().contains(&part.leader_id.0)
                    && !self.leads(part.leader_id.0, Part { topic, index }).await
                {
                    return false;
                }
            }
        }
        true
    }

    /// Whether a broker answers as the leader of a partition: it learns of it a moment after its metadata does.
    async fn leads(&self, broker: i32, part: Part) -> bool {
        use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
        let asked = ListOffsetsPartition::default()
            .with_partition_index(part.index)
            .with_current_leader_epoch(-1)
            .with_timestamp(-1);
        let topic = ListOffsetsTopic::default()
            .with_name(self.topic_name(part.topic).into())
            .with_partitions(vec![asked]);
        let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
        let told = self.ask(broker, 7, &request).await;
        told.is_ok_and(|told| told.topics.iter().flat_map(|t| &t.partitions).all(|part| part.error_code == 0))
    }
}

/// What must be the same everywhere.
fn told(view: &MetadataResponse) -> String {
    let mut topics: Vec<String> = view
        .topics
        .iter()
        .map(|topic| {
            let part = |part: &kafka_protocol::messages::metadata_response::MetadataResponsePartition| {
                format!(
                    "{}:{}:{}:{:?}",
                    part.partition_index, part.leader_id.0, part.leader_epoch, part.isr_nodes
                )
            };
            let mut parts: Vec<String> = topic.partitions.iter().map(part).collect();
            parts.sort();
            format!("{:?} {:?} {parts:?}", topic.name, topic.topic_id)
        })
        .collect();
    topics.sort();
    topics.join("\n")
}
