//! The classic consumer group protocol: who is in a group, who leads it, who reads what, and up to where.
//!
//! A pure state machine: requests, reports of the log and ticks go in, answers and records come out. Which broker
//! coordinates a group, and the log of `__consumer_offsets`, are not known here.
//!
//! Invariants:
//! - A token is answered at most once, and never after [`Groups::abandon`]. As in Apache, a member whose connection
//!   breaks stays a member until its session ends.
//! - A token that was not answered by the call it came with is parked: its answer comes out of a later one. A second
//!   join or sync of the same member answers the first with `REBALANCE_IN_PROGRESS`.
//! - Nobody gets an assignment, and no offset is visible, before its record is reported as stored.
//! - While a group is held no timer of it runs.
//! - Ids follow from the seed and the order of the requests; all tables are ordered: same input, same output.
//!
//! A full table first forgets a group that holds neither member nor offset; its next generation is then 1 again.
//!
//! Source: `GroupCoordinator` and `GroupMetadataManager` of Apache Kafka.

mod group;
mod ids;
mod join;
mod leave;
mod member;
mod offsets;
mod persist;
mod rebalance;
mod settings;
mod sync;
#[cfg(test)]
mod tests;
mod turn;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use self::group::Group;
use self::ids::MemberIds;
pub(crate) use self::offsets::{CommitParts, refuse_commit};
pub(crate) use self::persist::PersistId;
use self::persist::{Persists, Record, as_coordinator_error};
pub(crate) use self::settings::GroupSettings;
use self::turn::{Alarm, Turn};
use crate::api::{
    Committed, GroupMember, GroupView, JoinGroup, OffsetFetch, Response, SyncGroup, Token, TopicPartition,
};
use crate::error::ErrorCode;

/// What a group wants done.
#[derive(Debug)]
pub(crate) enum GroupEffect {
    /// Answer a request.
    Reply { token: Token, response: Response },
    /// Append a record to the group's offsets partition and report once, by [`Groups::persisted`]: when its high
    /// watermark has passed, when the append failed, or after `offsets.commit.timeout.ms` with `REQUEST_TIMED_OUT`.
    Persist { group: String, id: PersistId },
}

type Table = BTreeMap<String, Group>;

/// Every consumer group of the cluster.
#[derive(Debug)]
pub(crate) struct Groups {
    settings: GroupSettings,
    groups: Table,
    persists: Persists,
    ids: MemberIds,
    alarm: Alarm,
    parked: BTreeSet<Token>,
}

impl Groups {
    /// No groups yet.
    pub(crate) fn new(settings: GroupSettings) -> Self {
        Self {
            groups: Table::new(),
            persists: Persists::new(settings.persists_max),
            ids: MemberIds::new(settings.seed),
            alarm: Alarm::default(),
            parked: BTreeSet::new(),
            settings,
        }
    }

    /// Handles a JoinGroup; parked while the rebalance waits for others.
    pub(crate) fn join(
        &mut self,
        token: Token,
        client_id: &str,
        request: JoinGroup,
        now: Duration,
    ) -> Vec<GroupEffect> {
        self.answer(token, now, |groups, turn| {
            let found = check_join(&request, turn.settings).and_then(|()| match request.member.as_str() {
                "" => open(groups, &request.group, turn.settings),
                _ => groups.get_mut(&request.group).ok_or(ErrorCode::UnknownMemberId),
            });
            match found {
                Ok(group) => group.join(token, client_id, request, turn),
                Err(error) => turn.joined(token, Err((error, request.member))),
            }
        })
    }

    /// Handles a SyncGroup; parked until the leader's assignments are stored.
    pub(crate) fn sync(&mut self, token: Token, request: SyncGroup, now: Duration) -> Vec<GroupEffect> {
        self.answer(token, now, |groups, turn| match find(groups, &request.who.group) {
            Ok(group) => group.sync(token, request, turn),
            Err(error) => turn.synced(token, Err(error)),
        })
    }

    /// Handles a Heartbeat.
    ///
    /// # Errors
    /// What the member is to be told.
    pub(crate) fn heartbeat(&mut self, who: &GroupMember, now: Duration) -> Result<(), ErrorCode> {
        let (groups, mut turn) = self.turn(now);
        find(groups, &who.group)?.heartbeat(who, &mut turn)
    }

    /// Handles a LeaveGroup: (member id, group instance id) of each that leaves. Answered at once.
    pub(crate) fn leave(
        &mut self,
        token: Token,
        group: &str,
        members: Vec<(String, Option<String>)>,
        now: Duration,
    ) -> Vec<GroupEffect> {
        self.answer(token, now, |groups, turn| {
            let result = match find(groups, group) {
                Ok(group) => Ok(group.leave(members, turn)),
                Err(ErrorCode::UnknownMemberId) => {
                    let unknown = |(id, instance)| (id, instance, ErrorCode::UnknownMemberId);
                    Ok(members.into_iter().map(unknown).collect())
                }
                Err(error) => Err(error),
            };
            turn.reply(token, Response::LeaveGroup(result));
        })
    }

    /// Handles an OffsetCommit; parked until the offsets are stored. A commit without membership makes the group.
    /// Parts that were refused before stay refused.
    pub(crate) fn commit(
        &mut self,
        token: Token,
        who: &GroupMember,
        parts: CommitParts,
        now: Duration,
    ) -> Vec<GroupEffect> {
        self.answer(token, now, |groups, turn| {
            let found = if who.generation < 0 {
                open(groups, &who.group, turn.settings)
            } else {
                groups.get_mut(&who.group).ok_or(ErrorCode::IllegalGeneration)
            };
            match found {
                Ok(group) => group.commit(token, who, parts, turn),
                Err(error) => turn.reply(token, refuse_commit(parts, error)),
            }
        })
    }

    /// The stored offsets of one group; an unknown group has none.
    pub(crate) fn fetch_offsets(&self, request: OffsetFetch) -> Vec<(TopicPartition, Option<Committed>)> {
        match self.groups.get(&request.group) {
            Some(group) => group.fetch(request.partitions),
            None => request
                .partitions
                .unwrap_or_default()
                .into_iter()
                .map(|partition| (partition, None))
                .collect(),
        }
    }

    /// The groups that fulfil a condition: (group, protocol type, state).
    pub(crate) fn list(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, String, &'static str)> {
        let wanted = self.groups.values().filter(|group| wanted(&group.name));
        wanted.map(|group| (group.name.clone(), group.protocol_type.clone(), group.phase.name())).collect()
    }

    /// One group in detail; an unknown one is `Dead` and not found.
    pub(crate) fn describe(&self, group: &str) -> GroupView {
        self.groups.get(group).map_or_else(|| view::dead(group), Group::view)
    }

    /// The log reports on a record, in the order of the records of a group. A second report says nothing new.
    pub(crate) fn persisted(
        &mut self,
        id: PersistId,
        result: Result<(), ErrorCode>,
        now: Duration,
    ) -> Vec<GroupEffect> {
        self.advance(now, |groups, turn| {
            let Some((name, record)) = turn.persists.end(id) else { return };
            let Some(group) = groups.get_mut(&name) else { return };
            let result = result.map_err(as_coordinator_error);
            match record {
                Record::Assignments(assignments) => group.assignments_stored(id, assignments, result, turn),
                Record::Offsets(token, parts) => group.offsets_stored(token, parts, result, turn),
                Record::StaticMember(member) => group.static_member_stored(&member, result, turn),
            }
        })
    }

    /// Handles what is due: sessions, rebalances, members that do not sync.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<GroupEffect> {
        let effects = self.advance(now, |groups, turn| {
            let due = |group: &Group| group.deadline().is_some_and(|at| at <= turn.now);
            let names: Vec<String> =
                groups.values().filter(|group| due(group)).map(|g| g.name.clone()).collect();
            for name in names {
                if let Some(group) = groups.get_mut(&name) {
                    group.expire(turn);
                }
            }
        });
        self.alarm.0 = self.groups.values().filter_map(Group::deadline).min();
        effects
    }

    /// When to call [`Groups::tick`] next. Nothing is due before; there may be nothing to do then.
    pub(crate) fn next_timer(&self) -> Option<Duration> {
        self.alarm.0
    }

    /// The connection of a request is gone: it is not answered any more.
    pub(crate) fn abandon(&mut self, token: Token) {
        self.parked.remove(&token);
    }

    /// The coordinator of these groups is frozen or lost: their timers stand still until
    /// [`Groups::release`], for a member must not be expelled because its coordinator was away.
    pub(crate) fn hold(&mut self, wanted: impl Fn(&str) -> bool) {
        for group in self.groups.values_mut().filter(|group| wanted(&group.name)) {
            group.held = true;
        }
    }

    /// These groups have a coordinator again: all their timers start anew from now.
    pub(crate) fn release(&mut self, wanted: impl Fn(&str) -> bool, now: Duration) {
        let (groups, mut turn) = self.turn(now);
        for group in groups.values_mut().filter(|group| wanted(&group.name)) {
            group.restart_timers(&mut turn);
        }
    }

    /// The coordinator of these groups has moved: parked joins and syncs are answered with an error. Commits are
    /// not: their records are in the log, whose report decides.
    pub(crate) fn fail_parked(
        &mut self,
        wanted: impl Fn(&str) -> bool,
        error: ErrorCode,
        now: Duration,
    ) -> Vec<GroupEffect> {
        self.advance(now, |groups, turn| {
            for group in groups.values_mut().filter(|group| wanted(&group.name)) {
                group.fail_parked(error, turn);
            }
        })
    }

    /// A topic is deleted: so are its offsets.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        for group in self.groups.values_mut() {
            group.offsets.retain(|partition, _| &*partition.topic != topic);
        }
    }

    fn turn(&mut self, now: Duration) -> (&mut Table, Turn<'_>) {
        let Self { settings, groups, persists, ids, alarm, .. } = self;
        (groups, Turn { now, settings, persists, ids, alarm, effects: Vec::new() })
    }

    /// Parks a request, handles it, and lets the answers through that somebody waits for.
    fn answer(
        &mut self,
        token: Token,
        now: Duration,
        act: impl FnOnce(&mut Table, &mut Turn),
    ) -> Vec<GroupEffect> {
        self.parked.insert(token);
        self.advance(now, act)
    }

    fn advance(&mut self, now: Duration, act: impl FnOnce(&mut Table, &mut Turn)) -> Vec<GroupEffect> {
        let (groups, mut turn) = self.turn(now);
        act(groups, &mut turn);
        let mut effects = turn.effects;
        effects.retain(|effect| match effect {
            GroupEffect::Reply { token, .. } => self.parked.remove(token),
            GroupEffect::Persist { .. } => true,
        });
        effects
    }
}

/// The group that a member speaks of.
fn find<'a>(groups: &'a mut Table, name: &str) -> Result<&'a mut Group, ErrorCode> {
    if name.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    groups.get_mut(name).ok_or(ErrorCode::UnknownMemberId)
}

/// The group, made if there is room for it.
fn open<'a>(groups: &'a mut Table, name: &str, settings: &GroupSettings) -> Result<&'a mut Group, ErrorCode> {
    if !groups.contains_key(name) && groups.len() >= settings.groups_max {
        let hollow = groups.values().find(|group| group.is_hollow()).map(|group| group.name.clone());
        groups.remove(&hollow.ok_or(ErrorCode::PolicyViolation)?);
    }
    Ok(groups.entry(name.to_owned()).or_insert_with(|| Group::new(name)))
}

fn check_join(request: &JoinGroup, settings: &GroupSettings) -> Result<(), ErrorCode> {
    let bytes: usize = request.protocols.iter().map(|(name, data)| name.len() + data.len()).sum();
    if request.group.is_empty() {
        Err(ErrorCode::InvalidGroupId)
    } else if !(settings.session_timeout_min..=settings.session_timeout_max)
        .contains(&request.session_timeout)
    {
        Err(ErrorCode::InvalidSessionTimeout)
    } else if bytes > settings.record_bytes_max {
        Err(ErrorCode::UnknownServerError)
    } else {
        Ok(())
    }
}
