//! Group requests, one member at a time.

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest,
    OffsetFetchRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;
use lab::wire::{Connection, WireError};

use super::ground::{PATIENCE, topic_name};

/// The session of members that are not meant to lose it, in milliseconds.
pub(super) const SESSION_MS: i32 = 10_000;

/// How long a rebalance waits for members that are not meant to be late, in milliseconds.
const REBALANCE_MS: i32 = 10_000;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn group_id(group: &str) -> GroupId {
    GroupId(text(group))
}

/// Who asks: a group, a member and a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) group: String,
    pub(super) member: String,
    pub(super) instance: Option<String>,
    pub(super) generation: i32,
}

impl Who {
    /// Somebody without a member id.
    pub(super) fn new(group: &str) -> Self {
        Self { group: group.to_owned(), member: String::new(), instance: None, generation: -1 }
    }

    fn instance(&self) -> Option<StrBytes> {
        self.instance.as_deref().map(text)
    }

    /// A join as a consumer would say it, with the assignor `range`.
    pub(super) fn join_request(&self) -> JoinGroupRequest {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text("range"))
            .with_metadata(Bytes::from_static(b"s"));
        JoinGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_session_timeout_ms(SESSION_MS)
            .with_rebalance_timeout_ms(REBALANCE_MS)
            .with_member_id(text(&self.member))
            .with_group_instance_id(self.instance())
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol])
            .with_reason(None)
    }

    /// Joins, first for the member id if there is none; knows its member id and generation afterwards.
    pub(super) async fn join(&mut self, at: &mut Connection) -> Result<JoinGroupResponse, WireError> {
        self.join_as(at, |request| request).await
    }

    /// As [`Who::join`], with the request changed.
    pub(super) async fn join_as(
        &mut self,
        at: &mut Connection,
        change: fn(JoinGroupRequest) -> JoinGroupRequest,
    ) -> Result<JoinGroupResponse, WireError> {
        const MEMBER_ID_REQUIRED: i16 = 79;
        let mut answer = at.ask(9, &change(self.join_request()), PATIENCE).await?;
        if answer.error_code == MEMBER_ID_REQUIRED {
            self.member = answer.member_id.to_string();
            answer = at.ask(9, &change(self.join_request()), PATIENCE).await?;
        }
        if answer.error_code == 0 {
            self.member = answer.member_id.to_string();
            self.generation = answer.generation_id;
        }
        Ok(answer)
    }

    /// Syncs; `assignments` come from the leader. The error code, and what this member was given.
    pub(super) async fn sync(
        &self,
        at: &mut Connection,
        assignments: &[(String, Bytes)],
    ) -> Result<(i16, Bytes), WireError> {
        let assign = |(member, assignment): &(String, Bytes)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(text(member))
                .with_assignment(assignment.clone())
        };
        let request = SyncGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.member))
            .with_group_instance_id(self.instance())
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text("range")))
            .with_assignments(assignments.iter().map(assign).collect());
        at.ask(5, &request, PATIENCE).await.map(|answer| (answer.error_code, answer.assignment))
    }

    pub(super) async fn heartbeat(&self, at: &mut Connection) -> Result<i16, WireError> {
        let request = HeartbeatRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.member))
            .with_group_instance_id(self.instance());
        at.ask(4, &request, PATIENCE).await.map(|answer| answer.error_code)
    }

    /// Leaves; the request's error code, or else the member's.
    pub(super) async fn leave(&self, at: &mut Connection) -> Result<i16, WireError> {
        let member = MemberIdentity::default()
            .with_member_id(text(&self.member))
            .with_group_instance_id(self.instance())
            .with_reason(None);
        let request =
            LeaveGroupRequest::default().with_group_id(group_id(&self.group)).with_members(vec![member]);
        let answer = at.ask(5, &request, PATIENCE).await?;
        let member = answer.members.first().map_or(0, |member| member.error_code);
        Ok(if answer.error_code == 0 { member } else { answer.error_code })
    }

    /// Commits an offset of one partition.
    pub(super) async fn commit(
        &self,
        at: &mut Connection,
        topic: &str,
        partition: i32,
        (offset, metadata): (i64, Option<&str>),
    ) -> Result<i16, WireError> {
        let part = OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(metadata.map(text));
        let topic =
            OffsetCommitRequestTopic::default().with_name(topic_name(topic)).with_partitions(vec![part]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(text(&self.member))
            .with_group_instance_id(self.instance())
            .with_topics(vec![topic]);
        let answer = at.ask(8, &request, PATIENCE).await?;
        let code =
            answer.topics.iter().flat_map(|topic| &topic.partitions).map(|part| part.error_code).next();
        Ok(code.unwrap_or(0))
    }
}

/// What a group has committed for these partitions, or for all: (topic, partition, offset, metadata), or the error.
pub(super) async fn committed(
    at: &mut Connection,
    group: &str,
    asked: Option<&[(&str, &[i32])]>,
) -> Result<Result<Vec<(String, i32, i64, String)>, i16>, WireError> {
    let topic = |(name, partitions): &(&str, &[i32])| {
        OffsetFetchRequestTopics::default()
            .with_name(topic_name(name))
            .with_partition_indexes(partitions.to_vec())
    };
    let asked = OffsetFetchRequestGroup::default()
        .with_group_id(group_id(group))
        .with_member_id(None)
        .with_member_epoch(-1)
        .with_topics(asked.map(|topics| topics.iter().map(topic).collect()));
    let request = OffsetFetchRequest::default().with_groups(vec![asked]);
    let answer = at.ask(8, &request, PATIENCE).await?;
    let Some(group) = answer.groups.into_iter().next() else { return Ok(Ok(Vec::new())) };
    if group.error_code != 0 {
        return Ok(Err(group.error_code));
    }
    let mut stored = Vec::new();
    for topic in group.topics {
        for part in topic.partitions {
            if part.error_code != 0 {
                return Ok(Err(part.error_code));
            }
            let metadata = part.metadata.map(|metadata| metadata.to_string()).unwrap_or_default();
            stored.push((topic.name.to_string(), part.partition_index, part.committed_offset, metadata));
        }
    }
    stored.sort();
    Ok(Ok(stored))
}
