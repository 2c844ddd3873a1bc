//! Members of groups: join, sync, heartbeat, leave; and the requests that wait for other members.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest,
    SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use tokio::task::JoinHandle;

use super::super::normal;
use super::super::plan::{Generation, Group, Identity, Member};
use super::Case;
use super::ask::ask_at;

/// An answer that has not come by then waits for another member.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Longer than any plan lasts.
const SESSION_MS: i32 = 300_000;

/// How long an open request is kept.
const OPEN: Duration = Duration::from_secs(300);

/// An id that no member was given.
const NOBODY: &str = "nobody";

const CONSUMER: StrBytes = StrBytes::from_static_str("consumer");

/// What a member knows of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Membership {
    pub(super) id: StrBytes,
    pub(super) generation: i32,
    assignor: StrBytes,
    /// Whom it hands assignments to, if it leads.
    others: Vec<StrBytes>,
}

/// A request that waits for other members.
#[derive(Debug)]
pub(super) struct Waiting {
    member: Member,
    group: Group,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    Join(Open<JoinGroupResponse>),
    Sync(Open<SyncGroupResponse>),
}

/// Ends with its owner, unlike a task that is merely dropped.
#[derive(Debug)]
struct Open<R>(JoinHandle<Result<R, &'static str>>);

impl<R> Drop for Open<R> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Waiting {
    fn is_over(&self) -> bool {
        match &self.answer {
            Answer::Join(open) => open.0.is_finished(),
            Answer::Sync(open) => open.0.is_finished(),
        }
    }
}

impl Case<'_> {
    pub(super) async fn join(
        &mut self,
        member: Member,
        group: Group,
        session_ms: i32,
        assignor: &'static str,
        id: Identity,
    ) -> String {
        if self.is_waiting(member, group) {
            return "still waits".to_owned();
        }
        let own = self.members.get(&(group, member)).map(|known| known.id.clone());
        let id = match id {
            Identity::Own => own.unwrap_or_default(),
            Identity::Forgotten => StrBytes::default(),
            Identity::Invented => StrBytes::from_static_str(NOBODY),
        };
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str(assignor))
            .with_metadata(subscription());
        let request = JoinGroupRequest::default()
            .with_group_id(self.group_name(group).into())
            .with_session_timeout_ms(session_ms)
            .with_rebalance_timeout_ms(SESSION_MS)
            .with_member_id(id)
            .with_protocol_type(CONSUMER)
            .with_protocols(vec![protocol]);
        let address = match self.coordinator(self.group_name(group)).await {
            Ok(coordinator) => self.address(coordinator).to_owned(),
            Err(none) => return none,
        };
        let answer = tokio::spawn(async move { ask_at(&address, 9, &request, OPEN).await });
        self.open(Waiting { member, group, answer: Answer::Join(Open(answer)) }).await
    }

    pub(super) async fn sync(&mut self, member: Member, group: Group, said: Generation) -> String {
        if self.is_waiting(member, group) {
            return "still waits".to_owned();
        }
        let known = self.membership(member, group);
        let assignment = |(at, id): (usize, &StrBytes)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(id.clone())
                .with_assignment(Bytes::from(format!("part {at}")))
        };
        let assignor =
            if known.assignor.is_empty() { StrBytes::from_static_str("range") } else { known.assignor };
        let request = SyncGroupRequest::default()
            .with_group_id(self.group_name(group).into())
            .with_generation_id(generation(known.generation, said))
            .with_member_id(known.id)
            .with_protocol_type(Some(CONSUMER))
            .with_protocol_name(Some(assignor))
            .with_assignments(known.others.iter().enumerate().map(assignment).collect());
        let address = match self.coordinator(self.group_name(group)).await {
            Ok(coordinator) => self.address(coordinator).to_owned(),
            Err(none) => return none,
        };
        let answer = tokio::spawn(async move { ask_at(&address, 5, &request, OPEN).await });
        self.open(Waiting { member, group, answer: Answer::Sync(Open(answer)) }).await
    }

    pub(super) async fn heartbeat(&mut self, member: Member, group: Group, said: Generation) -> String {
        let known = self.membership(member, group);
        let request = HeartbeatRequest::default()
            .with_group_id(self.group_name(group).into())
            .with_generation_id(generation(known.generation, said))
            .with_member_id(known.id);
        let told = self.ask_coordinator(group, 4, &request).await;
        told.map_or_else(|none| none, |told| normal::error(told.error_code))
    }

    pub(super) async fn leave(&mut self, member: Member, group: Group) -> String {
        let known = self.membership(member, group);
        let request = LeaveGroupRequest::default()
            .with_group_id(self.group_name(group).into())
            .with_members(vec![MemberIdentity::default().with_member_id(known.id)]);
        let told = match self.ask_coordinator(group, 5, &request).await {
            Ok(told) => told,
            Err(none) => return none,
        };
        let members: Vec<String> = told.members.iter().map(|left| normal::error(left.error_code)).collect();
        format!("{} members {members:?}", normal::error(told.error_code))
    }

    /// What a member knows of itself; one that never joined invents something.
    pub(super) fn membership(&self, member: Member, group: Group) -> Membership {
        let nobody =
            || Membership { id: StrBytes::from_static_str(NOBODY), generation: 1, ..Membership::default() };
        self.members.get(&(group, member)).cloned().unwrap_or_else(nobody)
    }

    fn is_waiting(&self, member: Member, group: Group) -> bool {
        self.waiting.iter().any(|open| (open.member, open.group) == (member, group))
    }

    /// Waits a little for an answer; one that does not come is told later.
    async fn open(&mut self, waiting: Waiting) -> String {
        let deadline = tokio::time::Instant::now() + AT_ONCE;
        while !waiting.is_over() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if waiting.is_over() {
            return self.answered(waiting).await;
        }
        self.waiting.push(waiting);
        "waits".to_owned()
    }

    /// The requests that came back since the last step.
    pub(super) async fn came_back(&mut self) -> Vec<String> {
        let deadline = tokio::time::Instant::now() + AT_ONCE;
        while !self.waiting.is_empty() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // All that a step sets free comes back together.
            if self.waiting.iter().all(Waiting::is_over) {
                break;
            }
        }
        let (over, open) = std::mem::take(&mut self.waiting).into_iter().partition(Waiting::is_over);
        self.waiting = open;
        let mut told: Vec<Waiting> = over;
        told.sort_by_key(|waiting| (waiting.group, waiting.member));
        let mut texts = Vec::new();
        for waiting in told {
            let who = format!("{:?} of {:?}", waiting.member, waiting.group);
            texts.push(format!("{who}: {}", self.answered(waiting).await));
        }
        texts
    }

    async fn answered(&mut self, mut waiting: Waiting) -> String {
        let (member, group) = (waiting.member, waiting.group);
        match &mut waiting.answer {
            Answer::Join(open) => match (&mut open.0).await {
                Ok(Ok(told)) => self.joined(member, group, told),
                Ok(Err(none)) => none.to_owned(),
                Err(_) => "given up".to_owned(),
            },
            Answer::Sync(open) => match (&mut open.0).await {
                Ok(Ok(told)) => synced(&told),
                Ok(Err(none)) => none.to_owned(),
                Err(_) => "given up".to_owned(),
            },
        }
    }

    fn joined(&mut self, member: Member, group: Group, told: JoinGroupResponse) -> String {
        let mut names: Vec<String> = told.members.iter().map(|m| self.names.member(&m.member_id)).collect();
        names.sort();
        let text = format!(
            "{} generation {} as {} leader {} by {:?} members {names:?}",
            normal::error(told.error_code),
            told.generation_id,
            self.names.member(&told.member_id),
            self.names.member(&told.leader),
            told.protocol_name.as_ref().map_or("null", |name| name.as_str()),
        );
        if !told.member_id.is_empty() {
            // A refusal hands out an id at most.
            let generation = if told.error_code == 0 { told.generation_id } else { 0 };
            let mut others: Vec<StrBytes> = told.members.into_iter().map(|m| m.member_id).collect();
            others.sort_by_key(|id| self.names.member(id));
            let assignor = told.protocol_name.unwrap_or_default();
            let known = Membership { id: told.member_id, generation, assignor, others };
            self.members.insert((group, member), known);
        }
        text
    }
}

fn synced(told: &SyncGroupResponse) -> String {
    format!(
        "{} by {:?} gets {}",
        normal::error(told.error_code),
        told.protocol_name.as_ref().map_or("null", |name| name.as_str()),
        normal::content(Some(&told.assignment))
    )
}

/// A generation as a request says it.
pub(super) fn generation(known: i32, said: Generation) -> i32 {
    match said {
        Generation::Known => known,
        Generation::Old => known - 1,
        Generation::Future => known + 1,
    }
}

/// A subscription to one topic, as consumers of version 0 write it.
fn subscription() -> Bytes {
    Bytes::from_static(&[0, 0, 0, 0, 0, 1, 0, 1, b't', 0xff, 0xff, 0xff, 0xff])
}
