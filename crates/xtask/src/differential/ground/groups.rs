//! Groups: their coordinators, their offsets, what they look like.

use std::collections::BTreeMap;

use kafka_protocol::messages::offset_fetch_response::OffsetFetchResponsePartitions;
use kafka_protocol::messages::{
    DescribeGroupsRequest, FindCoordinatorRequest, OffsetCommitRequest, OffsetFetchRequest,
};
use kafka_protocol::protocol::StrBytes;
use tokio::time::{Duration, Instant, sleep};

use super::super::normal;
use super::super::plan::{Committer, Group, Part, Topic};
use super::Case;
use super::members::generation;

/// So many names are tried until each group has its coordinator where it should be.
const CANDIDATES: usize = 48;

/// Who coordinates which group.
const PLACES: [(Group, i32); 2] = [(Group::G, 1), (Group::H, 2)];

/// How long the first group of a cluster may wait for the topic behind it.
const FIRST_GROUP: Duration = Duration::from_secs(30);

impl Case<'_> {
    /// Names for the groups, so that they are coordinated by the brokers that they should be.
    pub(super) async fn chosen_groups(&self) -> anyhow::Result<BTreeMap<Group, String>> {
        let names: Vec<String> = (0..CANDIDATES).map(|at| format!("{}-g{at}", self.name)).collect();
        let keys = names.iter().cloned().map(StrBytes::from_string).collect();
        let request = FindCoordinatorRequest::default().with_key_type(0).with_coordinator_keys(keys);
        let deadline = Instant::now() + FIRST_GROUP;
        loop {
            let told = self
                .ask(self.any(), 4, &request)
                .await
                .map_err(|none| anyhow::anyhow!("FindCoordinator: {none}"))?;
            let on = |broker: i32| {
                told.coordinators
                    .iter()
                    .find(|c| c.error_code == 0 && c.node_id.0 == broker)
                    .map(|c| c.key.to_string())
            };
            let chosen: Option<_> =
                PLACES.iter().map(|(group, broker)| Some((*group, on(*broker)?))).collect();
            if let Some(chosen) = chosen {
                return Ok(chosen);
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "brokers 1 and 2 coordinate none of {CANDIDATES} groups"
            );
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub(super) async fn find_coordinator(&mut self, group: Option<Group>) -> String {
        let key = group.map_or_else(StrBytes::default, |group| self.group_name(group));
        let request = FindCoordinatorRequest::default().with_key_type(0).with_coordinator_keys(vec![key]);
        let told = match self.ask(self.any(), 4, &request).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        let Some(told) = told.coordinators.first() else { return "nothing told".to_owned() };
        // Which of the others takes over is the cluster's choice.
        let node = match told.node_id.0 {
            -1 => "nobody",
            node if self.running().contains(&node) => "a running broker",
            _ => "a broker that is down",
        };
        format!("{} {node}", normal::error(told.error_code))
    }

    pub(super) async fn commit(
        &mut self,
        who: Committer,
        group: Group,
        part: Part,
        offset: i64,
        note_bytes: usize,
    ) -> String {
        use kafka_protocol::messages::offset_commit_request as wire;
        let (id, generation) = match who {
            Committer::Outsider => (StrBytes::default(), -1),
            Committer::Member(member, said) => {
                let known = self.membership(member, group);
                (known.id, generation(known.generation, said))
            }
        };
        let committed = wire::OffsetCommitRequestPartition::default()
            .with_partition_index(part.index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(Some(StrBytes::from_string("n".repeat(note_bytes))));
        let topic = wire::OffsetCommitRequestTopic::default()
            .with_name(self.topic_name(part.topic).into())
            .with_partitions(vec![committed]);
        let request = OffsetCommitRequest::default()
            .with_group_id(self.group_name(group).into())
            .with_generation_id_or_member_epoch(generation)
            .with_member_id(id)
            .with_topics(vec![topic]);
        match self.ask_coordinator(group, 8, &request).await {
            Err(none) => none,
            Ok(told) => {
                let part = told.topics.first().and_then(|topic| topic.partitions.first());
                part.map_or_else(|| "nothing told".to_owned(), |part| normal::error(part.error_code))
            }
        }
    }

    pub(super) async fn committed(&mut self, group: Group, part: Option<Part>) -> String {
        use kafka_protocol::messages::offset_fetch_request as wire;
        let topic = |part: Part| {
            wire::OffsetFetchRequestTopics::default()
                .with_name(self.topic_name(part.topic).into())
                .with_partition_indexes(vec![part.index])
        };
        let asked = wire::OffsetFetchRequestGroup::default()
            .with_group_id(self.group_name(group).into())
            .with_topics(part.map(|part| vec![topic(part)]));
        let request = OffsetFetchRequest::default().with_groups(vec![asked]);
        let told = match self.ask_coordinator(group, 8, &request).await {
            Ok(told) => told,
            Err(none) => return none,
        };
        let Some(told) = told.groups.into_iter().next() else { return "nothing told".to_owned() };
        let one = |topic: &str, part: &OffsetFetchResponsePartitions| {
            format!(
                "\n    {topic}/{} {} offset {} epoch {} note {}",
                part.partition_index,
                normal::error(part.error_code),
                part.committed_offset,
                part.committed_leader_epoch,
                part.metadata.as_ref().map_or("null".to_owned(), |note| format!("{} bytes", note.len())),
            )
        };
        let mut parts: Vec<String> = Vec::new();
        for topic in &told.topics {
            let name = self.symbol(topic.name.as_str());
            parts.extend(topic.partitions.iter().map(|part| one(name, part)));
        }
        parts.sort();
        format!("{}{}", normal::error(told.error_code), parts.concat())
    }

    /// What the plan calls a topic.
    fn symbol(&self, name: &str) -> &'static str {
        match name {
            name if name == self.topic_name(Topic::A).as_str() => "A",
            name if name == self.topic_name(Topic::B).as_str() => "B",
            _ => "another topic",
        }
    }

    pub(super) async fn describe_group(&mut self, group: Group) -> String {
        let request = DescribeGroupsRequest::default().with_groups(vec![self.group_name(group).into()]);
        let told = match self.ask_coordinator(group, 5, &request).await {
            Ok(told) => told,
            Err(none) => return none,
        };
        let Some(told) = told.groups.into_iter().next() else { return "nothing told".to_owned() };
        let mut members: Vec<String> = told
            .members
            .iter()
            .map(|member| {
                format!(
                    "\n    {} client {} subscribes {} has {}",
                    self.names.member(&member.member_id),
                    member.client_id.as_str(),
                    normal::content(Some(&member.member_metadata)),
                    normal::content(Some(&member.member_assignment)),
                )
            })
            .collect();
        members.sort();
        // Apache's brokers describe what was last written down: a group that nobody has joined yet is there or not,
        // depending on what else its coordinator has written since.
        let state = match (told.group_state.as_str(), told.protocol_type.as_str()) {
            ("Empty" | "Dead", "") => "never joined",
            (state, _) => state,
        };
        format!(
            "{} {state} {:?} {:?}{}",
            normal::error(told.error_code),
            told.protocol_type.as_str(),
            told.protocol_data.as_str(),
            members.concat()
        )
    }
}
