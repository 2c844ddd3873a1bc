//! Group coordinators: who coordinates which group, and the offsets topic under them.
//!
//! The coordinator of a group is the leader of the group's partition of `__consumer_offsets`. What a group must not
//! forget is a record there, committed like any other: when that partition's high watermark is stuck, joins and
//! commits are stuck on a coordinator that is perfectly healthy.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::*;
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::groups::{self, CommitParts, GroupEffect, GroupSettings, Groups, PersistId};
use crate::parked::Parked;
use crate::partition::{AckWaiter, Pid};
use crate::spec::Spec;
use crate::timers::{Timer, TimerKey};
use crate::topics::OFFSETS_TOPIC;

#[derive(Debug)]
pub(crate) struct Coordinators {
    pub(crate) groups: Groups,
    /// Records that are not committed yet.
    records: BTreeMap<u64, Uncommitted>,
    /// When the groups' timer is set for.
    alarm: Option<Duration>,
    /// Which broker served each partition of the offsets topic when it was last looked at.
    serving: Vec<Option<BrokerId>>,
}

/// A record on its way: where it lies, up to which offset it reaches, and when it is given up.
#[derive(Debug)]
struct Uncommitted {
    pid: Pid,
    required: i64,
    timer: TimerKey,
}

impl Coordinators {
    pub(crate) fn new(spec: &Spec) -> Self {
        let settings = GroupSettings { seed: spec.seed, ..GroupSettings::default() };
        let serving = vec![None; usize::try_from(spec.offsets_partitions).unwrap_or(0)];
        Self { groups: Groups::new(settings), records: BTreeMap::new(), alarm: None, serving }
    }
}

impl Cluster {
    pub(crate) fn find_coordinators(
        &self,
        groups: Vec<String>,
    ) -> Vec<(String, Result<BrokerId, ErrorCode>)> {
        let find = |group: String| {
            let leader = self.offsets_partition(&group).and_then(|pid| self.partitions[&pid].leader);
            // As everything in metadata: the broker may be dead, and this still names it.
            let found =
                leader.filter(|broker| self.is_active(*broker)).ok_or(ErrorCode::CoordinatorNotAvailable);
            (group, found)
        };
        groups.into_iter().map(find).collect()
    }

    pub(crate) fn group_request(
        &mut self,
        broker: BrokerId,
        token: Token,
        client_id: &str,
        request: Request,
    ) {
        let now = self.now;
        let effects = match request {
            Request::JoinGroup(join) => match self.coordinates_named(broker, &join.group) {
                Ok(()) => self.coordinators.groups.join(token, client_id, join, now),
                Err(error) => reply(token, Response::JoinGroup(Err((error, join.member)))),
            },
            Request::SyncGroup(sync) => match self.coordinates_named(broker, &sync.who.group) {
                Ok(()) => self.coordinators.groups.sync(token, sync, now),
                Err(error) => reply(token, Response::SyncGroup(Err(error))),
            },
            Request::Heartbeat(who) => {
                let here = self.coordinates_named(broker, &who.group);
                let beat = here.and_then(|()| self.coordinators.groups.heartbeat(&who, now));
                reply(token, Response::Heartbeat(beat))
            }

            Request::LeaveGroup(group, members) => match self.coordinates_named(broker, &group) {
                Ok(()) => self.coordinators.groups.leave(token, &group, members, now),
                Err(error) => reply(token, Response::LeaveGroup(Err(error))),
            },
            Request::OffsetCommit(commit) => {
                let parts = self.commit_parts(commit.offsets);
                let nothing_known = parts.iter().all(|(_, part)| part.is_err());
                match self.coordinates(broker, &commit.who.group) {
                    Ok(()) if !nothing_known => {
                        self.coordinators.groups.commit(token, &commit.who, parts, now)
                    }
                    here => {
                        let error = here.err().unwrap_or(ErrorCode::None);
                        reply(token, groups::refuse_commit(parts, error))
                    }
                }
            }
            Request::OffsetFetch(asked) => return self.offsets_asked(broker, token, asked),
            Request::ListGroups => reply(token, self.list_groups(broker)),
            Request::DescribeGroups(asked) => reply(token, self.describe_groups(broker, asked)),
            _ => Vec::new(),
        };
        self.run_group_effects(effects);
    }

    /// A broker looks for the partitions before it asks the group: this is what is told if both are wrong.
    fn commit_parts(&self, offsets: Vec<(TopicPartition, Committed)>) -> CommitParts {
        let known = |name: &TopicPartition| self.pid(&name.topic, name.partition).is_some();
        let part = |(name, committed)| {
            let part = if known(&name) { Ok(committed) } else { Err(ErrorCode::UnknownTopicOrPartition) };
            (name, part)
        };
        offsets.into_iter().map(part).collect()
    }

    /// Who wants stable offsets waits until what lies in the offsets partition is committed: that is how the
    /// coordinator of Apache Kafka 4 reads the flag (`GroupCoordinatorService.fetchOffsets`).
    fn offsets_asked(&mut self, broker: BrokerId, token: Token, asked: Vec<OffsetFetch>) {
        let stable = asked.iter().filter(|one| one.require_stable);
        let mut waits: Vec<(Pid, i64)> = stable
            .filter(|one| self.coordinates(broker, &one.group).is_ok())
            .filter_map(|one| self.offsets_partition(&one.group))
            .map(|pid| (pid, self.partitions[&pid].log.end()))
            .filter(|(pid, end)| self.partitions[pid].high_watermark < *end)
            .collect();
        waits.sort_unstable();
        waits.dedup();
        if waits.is_empty() {
            let response = self.fetch_offsets(broker, asked, &[]);
            return self.reply(token, response);
        }
        self.park(token, Parked::Offsets { broker, asked, waits }, self.spec.clock.offsets_commit);
    }

    /// `unsettled`: the partitions that did not commit in time what was to be waited for.
    pub(crate) fn fetch_offsets(
        &self,
        broker: BrokerId,
        asked: Vec<OffsetFetch>,
        unsettled: &[Pid],
    ) -> Response {
        let fetch = |one: OffsetFetch| {
            let group = one.group.clone();
            let late = self.offsets_partition(&group).is_some_and(|pid| unsettled.contains(&pid));
            let offsets = match self.coordinates(broker, &group) {
                Ok(()) if one.require_stable && late => Err(ErrorCode::CoordinatorNotAvailable),
                here => here.map(|()| self.coordinators.groups.fetch_offsets(one)),
            };
            (group, offsets)
        };
        Response::OffsetFetch(asked.into_iter().map(fetch).collect())
    }

    fn list_groups(&self, broker: BrokerId) -> Response {
        let here = |group: &str| self.coordinates(broker, group).is_ok();
        Response::ListGroups(self.coordinators.groups.list(here))
    }

    fn describe_groups(&self, broker: BrokerId, asked: Vec<String>) -> Response {
        let describe = |group: String| match self.coordinates(broker, &group) {
            Ok(()) => self.coordinators.groups.describe(&group),
            Err(error) => GroupView {
                error,
                group,
                state: "",
                protocol_type: String::new(),
                protocol: String::new(),
                members: Vec::new(),
            },
        };
        Response::DescribeGroups(asked.into_iter().map(describe).collect())
    }

    fn run_group_effects(&mut self, effects: Vec<GroupEffect>) {
        for effect in effects {
            match effect {
                GroupEffect::Reply { token, response } => self.reply(token, response),
                GroupEffect::Persist { group, id } => self.persist(&group, id),
            }
        }
        self.set_groups_alarm();
    }

    fn persist(&mut self, group: &str, id: PersistId) {
        let pid = self.offsets_partition(group).ok_or(ErrorCode::CoordinatorNotAvailable);
        match pid.and_then(|pid| Ok((pid, self.append_group_record(pid)?))) {
            Ok((pid, required)) => {
                let timer =
                    self.timers.set(self.now + self.spec.clock.offsets_commit, Timer::GroupRecord(id.0));
                self.coordinators.records.insert(id.0, Uncommitted { pid, required, timer });
                if self.partitions[&pid].high_watermark >= required {
                    return self.group_record_done(id.0, Ok(()));
                }
                if let Some(partition) = self.partitions.get_mut(&pid) {
                    partition.ack_waiters.insert((required, AckWaiter::Group(id.0)));
                }
            }
            Err(error) => {
                let effects = self.coordinators.groups.persisted(id, Err(error), self.now);
                self.run_group_effects(effects);
            }
        }
    }

    /// A coordinator's record is committed, or will not be waited for any longer.
    pub(crate) fn group_record_done(&mut self, id: u64, result: Result<(), ErrorCode>) {
        let Some(Uncommitted { pid, required, timer }) = self.coordinators.records.remove(&id) else {
            return;
        };
        self.timers.cancel(timer);
        if let Some(partition) = self.partitions.get_mut(&pid) {
            partition.ack_waiters.remove(&(required, AckWaiter::Group(id)));
        }
        let effects = self.coordinators.groups.persisted(PersistId(id), result, self.now);
        self.run_group_effects(effects);
    }

    pub(crate) fn groups_due(&mut self) {
        if self.coordinators.alarm.take_if(|at| *at <= self.now).is_some() {
            let effects = self.coordinators.groups.tick(self.now);
            self.run_group_effects(effects);
        }
    }

    fn set_groups_alarm(&mut self) {
        let Some(next) = self.coordinators.groups.next_timer() else { return };
        if self.coordinators.alarm.is_none_or(|set| next < set) {
            self.coordinators.alarm = Some(next);
            self.timers.set(next, Timer::Groups);
        }
    }

    /// Whoever served a partition of the offsets topic may have changed. Members must not be expelled because their
    /// coordinator was away, so the groups of a partition that nobody serves are held.
    pub(crate) fn coordinators_moved(&mut self) {
        let count = self.topics.get(OFFSETS_TOPIC).map_or(0, |topic| topic.partitions.len());
        for index in 0..count {
            let Some(pid) = self.topics.get(OFFSETS_TOPIC).map(|topic| topic.partitions[index]) else {
                return;
            };
            let leader = self.partitions.get(&pid).and_then(|partition| partition.leader);
            let serves = leader.filter(|broker| self.is_running(*broker));
            let served = std::mem::replace(&mut self.coordinators.serving[index], serves);
            let theirs = move |group: &str| partition_of_group(group, count) == index;
            let groups = &mut self.coordinators.groups;
            match (served, serves) {
                (before, after) if before == after => {}
                (_, Some(_)) => groups.release(theirs, self.now),
                (_, None) => groups.hold(theirs),
            }
        }
        self.set_groups_alarm();
    }

    /// Joins and syncs that wait at a coordinator that is none any more.
    pub(crate) fn turn_groups_away(&mut self, offsets_partition: i32) {
        let count = self.topics.get(OFFSETS_TOPIC).map_or(0, |topic| topic.partitions.len());
        let theirs = |group: &str| Ok(partition_of_group(group, count)) == usize::try_from(offsets_partition);
        let effects = self.coordinators.groups.fail_parked(theirs, ErrorCode::NotCoordinator, self.now);
        self.run_group_effects(effects);
    }

    fn offsets_partition(&self, group: &str) -> Option<Pid> {
        let count = self.topics.get(OFFSETS_TOPIC)?.partitions.len();
        self.pid(OFFSETS_TOPIC, i32::try_from(partition_of_group(group, count)).ok()?)
    }

    /// As [`Cluster::coordinates`], for requests that no group without a name takes.
    fn coordinates_named(&self, broker: BrokerId, group: &str) -> Result<(), ErrorCode> {
        if group.is_empty() { Err(ErrorCode::InvalidGroupId) } else { self.coordinates(broker, group) }
    }

    /// Whether `broker` coordinates `group`.
    fn coordinates(&self, broker: BrokerId, group: &str) -> Result<(), ErrorCode> {
        let pid = self.offsets_partition(group).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        match self.partitions[&pid].leader {
            Some(leader) if leader == broker => Ok(()),
            Some(_) => Err(ErrorCode::NotCoordinator),
            None => Err(ErrorCode::CoordinatorNotAvailable),
        }
    }
}

fn reply(token: Token, response: Response) -> Vec<GroupEffect> {
    vec![GroupEffect::Reply { token, response }]
}

/// Source: Apache Kafka's `GroupMetadataManager.partitionFor`: Java's `String.hashCode`, without its sign.
fn partition_of_group(group: &str, partitions: usize) -> usize {
    let hash =
        group.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    usize::try_from(hash & i32::MAX).unwrap_or(0) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hash_as_in_java() {
        // "a".hashCode() is 97, "ab".hashCode() is 97 * 31 + 98.
        assert_eq!(partition_of_group("a", 50), 97 % 50);
        assert_eq!(partition_of_group("ab", 50), (97 * 31 + 98) % 50);
        assert_eq!(partition_of_group("", 50), 0);
    }
}
