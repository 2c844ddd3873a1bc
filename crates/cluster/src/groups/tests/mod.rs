//! The coordinator seen from its clients and from its log.

mod bounds;
mod membership;
mod offsets;
mod properties;
mod rebalances;
mod storing;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::api::{Joined, Synced};

pub(super) const GROUP: &str = "trades";

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn partition(index: i32) -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition: index }
}

pub(super) fn at(offset: i64) -> Committed {
    Committed { offset, leader_epoch: -1, metadata: String::new() }
}

/// A JoinGroup of a consumer: session 10 s, rebalance 60 s, assignor `range`.
pub(super) fn join_request(member: &str) -> JoinGroup {
    JoinGroup {
        group: GROUP.to_owned(),
        member: member.to_owned(),
        instance: None,
        session_timeout: secs(10),
        rebalance_timeout: secs(60),
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::from_static(b"orders"))],
        member_id_required: true,
    }
}

pub(super) fn as_static(mut request: JoinGroup, instance: &str) -> JoinGroup {
    request.instance = Some(instance.to_owned());
    request
}

/// The groups, a clock, and a log that stores records at once unless it is `stuck`.
pub(super) struct World {
    pub(super) groups: Groups,
    pub(super) now: Duration,
    pub(super) stuck: bool,
    pub(super) records: VecDeque<PersistId>,
    pub(super) replies: BTreeMap<Token, Response>,
    tokens: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(GroupSettings::default())
    }

    pub(super) fn with(settings: GroupSettings) -> Self {
        Self {
            groups: Groups::new(settings),
            now: secs(1),
            stuck: false,
            records: VecDeque::new(),
            replies: BTreeMap::new(),
            tokens: 0,
        }
    }

    pub(super) fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    pub(super) fn take(&mut self, effects: Vec<GroupEffect>) {
        for effect in effects {
            match effect {
                GroupEffect::Reply { token, response } => {
                    assert!(self.replies.insert(token, response).is_none(), "{token:?} answered twice");
                }
                GroupEffect::Persist { id, .. } => self.records.push_back(id),
            }
        }
        if !self.stuck {
            self.store(Ok(()));
        }
    }

    /// The log reports on everything that is under way.
    pub(super) fn store(&mut self, result: Result<(), ErrorCode>) {
        while let Some(id) = self.records.pop_front() {
            let effects = self.groups.persisted(id, result, self.now);
            self.take(effects);
        }
    }

    /// Lets the time pass, timer by timer.
    pub(super) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.groups.next_timer().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let effects = self.groups.tick(self.now);
            assert!(self.groups.next_timer().is_none_or(|next| next > self.now), "a tick leaves nothing due");
            self.take(effects);
        }
        self.now = end;
    }

    pub(super) fn join(&mut self, request: JoinGroup) -> Token {
        let token = self.token();
        let effects = self.groups.join(token, "app", request, self.now);
        self.take(effects);
        token
    }

    pub(super) fn sync(&mut self, joined: &Joined, assignments: &[(&str, &'static str)]) -> Token {
        let token = self.token();
        let assignments =
            assignments.iter().map(|(id, what)| ((*id).to_owned(), Bytes::from_static(what.as_bytes())));
        let request = SyncGroup { who: who(joined), assignments: assignments.collect() };
        let effects = self.groups.sync(token, request, self.now);
        self.take(effects);
        token
    }

    pub(super) fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<ErrorCode> {
        let token = self.token();
        let members = members.iter().map(|(id, instance)| ((*id).to_owned(), instance.map(str::to_owned)));
        let effects = self.groups.leave(token, GROUP, members.collect(), self.now);
        self.take(effects);
        match self.replies.remove(&token) {
            Some(Response::LeaveGroup(Ok(members))) => members.into_iter().map(|(.., error)| error).collect(),
            other => panic!("not left: {other:?}"),
        }
    }

    pub(super) fn heartbeat(&mut self, joined: &Joined) -> Result<(), ErrorCode> {
        self.groups.heartbeat(&who(joined), self.now)
    }

    pub(super) fn commit(&mut self, who: GroupMember, offsets: &[(i32, i64)]) -> Token {
        let token = self.token();
        let parts = offsets.iter().map(|(index, offset)| (partition(*index), Ok(at(*offset)))).collect();
        let effects = self.groups.commit(token, &who, parts, self.now);
        self.take(effects);
        token
    }

    pub(super) fn commit_errors(&mut self, token: Token) -> Vec<ErrorCode> {
        match self.replies.remove(&token) {
            Some(Response::OffsetCommit(parts)) => parts.into_iter().map(|(_, error)| error).collect(),
            other => panic!("not a commit's answer: {other:?}"),
        }
    }

    /// All committed offsets: (partition, offset).
    pub(super) fn offsets(&self) -> Vec<(i32, i64)> {
        let all = self.groups.fetch_offsets(OffsetFetch {
            group: GROUP.to_owned(),
            partitions: None,
            require_stable: false,
        });
        all.into_iter().filter_map(|(partition, at)| Some((partition.partition, at?.offset))).collect()
    }

    pub(super) fn join_result(&mut self, token: Token) -> Result<Joined, (ErrorCode, String)> {
        match self.replies.remove(&token) {
            Some(Response::JoinGroup(result)) => result,
            other => panic!("not a join's answer: {other:?}"),
        }
    }

    pub(super) fn joined(&mut self, token: Token) -> Joined {
        self.join_result(token).expect("joined")
    }

    pub(super) fn sync_result(&mut self, token: Token) -> Result<Synced, ErrorCode> {
        match self.replies.remove(&token) {
            Some(Response::SyncGroup(result)) => result,
            other => panic!("not a sync's answer: {other:?}"),
        }
    }

    pub(super) fn assignment(&mut self, token: Token) -> Bytes {
        self.sync_result(token).expect("synced").assignment
    }

    pub(super) fn is_parked(&self, token: Token) -> bool {
        !self.replies.contains_key(&token)
    }

    pub(super) fn state(&self) -> &'static str {
        self.groups.describe(GROUP).state
    }

    /// A member id as a client gets it: by asking without one.
    pub(super) fn member_id(&mut self) -> String {
        let token = self.join(join_request(""));
        match self.join_result(token) {
            Err((ErrorCode::MemberIdRequired, id)) => id,
            other => panic!("no member id: {other:?}"),
        }
    }

    /// A stable group of this many members, the leader first; each is assigned its number.
    pub(super) fn stable(&mut self, members: usize) -> Vec<Joined> {
        let ids: Vec<String> = (0..members).map(|_| self.member_id()).collect();
        self.rejoin(&ids)
    }

    /// All of these join, and sync: the leader first.
    pub(super) fn rejoin(&mut self, ids: &[String]) -> Vec<Joined> {
        let mut tokens: Vec<Token> = ids.iter().map(|id| self.join(join_request(id))).collect();
        if !self.is_parked(tokens[0]) && ids.len() > 1 {
            // The first member of an empty group gets a generation of its own.
            self.joined(tokens[0]);
            tokens[0] = self.join(join_request(&ids[0]));
        }
        let mut members: Vec<Joined> = tokens.into_iter().map(|token| self.joined(token)).collect();
        members.sort_by_key(|joined| joined.member != joined.leader);
        for member in &members {
            let token = self.sync(member, &[]);
            if !self.is_parked(token) {
                self.sync_result(token).expect("synced");
            }
        }
        members
    }
}

pub(super) fn who(joined: &Joined) -> GroupMember {
    GroupMember {
        group: GROUP.to_owned(),
        generation: joined.generation,
        member: joined.member.clone(),
        instance: None,
    }
}
