//! One group: its members, its phase, its offsets, and the questions that every request asks of them.
//!
//! - A group in [`Phase::Empty`] has no members; in any other phase it has at least one, or is about to be empty.
//! - Every value of `instances` is a key of `members`.
//! - The generation only grows.

use std::collections::BTreeMap;
use std::time::Duration;

use super::member::Member;
use super::persist::PersistId;
use super::turn::Turn;
use crate::api::{Committed, TopicPartition};
use crate::error::ErrorCode;

/// Where a group is between two generations. `PreparingRebalance` is `Gathering` (the first members of an empty
/// group are given a moment to arrive together) or `Joining`; `CompletingRebalance` is `Syncing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No members; may hold offsets.
    Empty,
    /// Waits until `until`, longer if the group `grew` meanwhile, but not longer than until `last`.
    Gathering { until: Duration, last: Duration, grew: bool },
    /// Waits for every member to rejoin.
    Joining { until: Duration },
    /// Waits for the leader's assignment, then for its record (`storing`). Members that have not asked for their
    /// assignment at `stragglers_until` are removed.
    Syncing { stragglers_until: Option<Duration>, storing: Option<PersistId> },
    /// Everybody can have their assignment.
    Stable { stragglers_until: Option<Duration> },
}

impl Phase {
    /// The protocol's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Gathering { .. } | Self::Joining { .. } => "PreparingRebalance",
            Self::Syncing { .. } => "CompletingRebalance",
            Self::Stable { .. } => "Stable",
        }
    }

    /// When the phase runs out.
    fn deadline(self) -> Option<Duration> {
        match self {
            Self::Empty => None,
            Self::Gathering { until, .. } | Self::Joining { until } => Some(until),
            Self::Syncing { stragglers_until, .. } | Self::Stable { stragglers_until } => stragglers_until,
        }
    }
}

/// A member id that was handed out and not joined with yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) until: Duration,
    pub(super) session_timeout: Duration,
}

/// A group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) phase: Phase,
    pub(super) generation: i32,
    pub(super) protocol_type: String,
    /// The assignor of this generation.
    pub(super) protocol: String,
    pub(super) leader: Option<String>,
    pub(super) members: BTreeMap<String, Member>,
    /// Group instance id to member id.
    pub(super) instances: BTreeMap<String, String>,
    pub(super) pending: BTreeMap<String, Pending>,
    /// `None` is a slot reserved by a commit under way: the bound holds before the record is stored.
    pub(super) offsets: BTreeMap<TopicPartition, Option<Committed>>,
    pub(super) commits_under_way: usize,
    /// Its coordinator is away: no timer runs.
    pub(super) held: bool,
}

impl Group {
    /// A group without members.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            phase: Phase::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeMap::new(),
            offsets: BTreeMap::new(),
            commits_under_way: 0,
            held: false,
        }
    }

    /// Whether nothing is lost if it is forgotten, apart from the number of its generation.
    pub(super) fn is_hollow(&self) -> bool {
        self.phase == Phase::Empty
            && self.pending.is_empty()
            && self.commits_under_way == 0
            && self.offsets.values().all(Option::is_none)
    }

    /// Whether this is the member that the id, and the instance id if given, stand for.
    ///
    /// # Errors
    /// `UNKNOWN_MEMBER_ID`; `FENCED_INSTANCE_ID` when another member has taken the instance id over.
    pub(super) fn check_member(&self, member: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        match instance.map(|instance| self.instances.get(instance)) {
            Some(Some(holder)) if holder != member => Err(ErrorCode::FencedInstanceId),
            Some(None) => Err(ErrorCode::UnknownMemberId),
            _ if self.members.contains_key(member) => Ok(()),
            _ => Err(ErrorCode::UnknownMemberId),
        }
    }

    /// Whether this generation is the group's.
    ///
    /// # Errors
    /// `ILLEGAL_GENERATION`: the member has to rejoin.
    pub(super) fn check_generation(&self, generation: i32) -> Result<(), ErrorCode> {
        if generation == self.generation { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    /// Whether somebody with these protocols could take part: the type is the group's, and some assignor is known to
    /// every member.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[(String, bytes::Bytes)]) -> bool {
        let type_fits = if self.members.is_empty() {
            !protocol_type.is_empty()
        } else {
            protocol_type == self.protocol_type
        };
        type_fits && protocols.iter().any(|(name, _)| self.everybody_speaks(name))
    }

    /// The assignor of the next generation: of those that every member knows, each votes for the one it prefers; a
    /// draw goes to the name that sorts first.
    pub(super) fn elect_protocol(&self) -> String {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let choice = member.protocols.iter().find(|(name, _)| self.everybody_speaks(name));
            if let Some((name, _)) = choice {
                *votes.entry(name).or_default() += 1;
            }
        }
        // `max_by_key` keeps the last of equals, so the names are walked backwards.
        votes
            .into_iter()
            .rev()
            .max_by_key(|(_, count)| *count)
            .map(|(name, _)| name.to_owned())
            .unwrap_or_default()
    }

    fn everybody_speaks(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.speaks(protocol))
    }

    /// Whether this member leads the group.
    pub(super) fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    /// How long a rebalance waits: as long as the most patient member wants.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Takes a member out and answers what it waits for with `UNKNOWN_MEMBER_ID`, so that it starts over if it is
    /// still there. The first of the others succeeds a leader.
    pub(super) fn remove(&mut self, id: &str, turn: &mut Turn) {
        let Some(member) = self.members.remove(id) else { return };
        if let Some(token) = member.joining {
            turn.joined(token, Err((ErrorCode::UnknownMemberId, String::new())));
        }
        if let Some(token) = member.syncing {
            turn.synced(token, Err(ErrorCode::UnknownMemberId));
        }
        if let Some(instance) = &member.instance {
            self.instances.remove(instance);
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    /// The member is alive.
    pub(super) fn touch(&mut self, id: &str, turn: &mut Turn) {
        if let Some(member) = self.members.get_mut(id) {
            turn.alarm.by(member.touch(turn.now));
        }
    }

    /// When the next timer of the group is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        if self.held {
            return None;
        }
        let sessions = self.members.values().filter_map(Member::expires);
        let pending = self.pending.values().map(|pending| pending.until);
        sessions.chain(pending).chain(self.phase.deadline()).min()
    }
}
