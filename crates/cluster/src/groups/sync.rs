//! SyncGroup and Heartbeat: the leader's assignments are stored before anybody gets theirs.
//!
//! Source: `doSyncGroup`, `handleHeartbeat` of Apache Kafka's GroupCoordinator. A heartbeat in
//! `CompletingRebalance` is answered with `NONE`, as Apache does since 2.8.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::group::{Group, Phase};
use super::persist::{PersistId, Record};
use super::turn::Turn;
use crate::api::{GroupMember, SyncGroup, Synced, Token};
use crate::error::ErrorCode;

impl Group {
    /// Whether the sender is a member of this generation.
    ///
    /// # Errors
    /// `UNKNOWN_MEMBER_ID`, `FENCED_INSTANCE_ID`, `ILLEGAL_GENERATION`.
    pub(super) fn check(&self, who: &GroupMember) -> Result<(), ErrorCode> {
        self.check_member(&who.member, who.instance.as_deref())?;
        self.check_generation(who.generation)
    }

    /// Handles a SyncGroup: answers it, or parks it until the assignments are stored.
    pub(super) fn sync(&mut self, token: Token, request: SyncGroup, turn: &mut Turn) {
        let id = request.who.member.clone();
        let refusal = match self.check(&request.who) {
            Err(error) => Some(error),
            Ok(()) if matches!(self.phase, Phase::Gathering { .. } | Phase::Joining { .. }) => {
                Some(ErrorCode::RebalanceInProgress)
            }
            Ok(()) => None,
        };
        if let Some(error) = refusal {
            return turn.synced(token, Err(error));
        }
        self.park_sync(token, &id, turn);
        match self.phase {
            Phase::Stable { .. } => self.answer_syncs(turn),
            Phase::Syncing { storing: None, .. } if self.is_leader(&id) => {
                self.store(request.assignments, turn)
            }
            _ => {}
        }
    }

    fn park_sync(&mut self, token: Token, id: &str, turn: &mut Turn) {
        if let Some(member) = self.members.get_mut(id) {
            member.synced = true;
            if let Some(earlier) = member.syncing.replace(token) {
                turn.synced(earlier, Err(ErrorCode::RebalanceInProgress));
            }
        }
        let all_synced = self.members.values().all(|member| member.synced);
        if let (true, Phase::Syncing { stragglers_until, .. } | Phase::Stable { stragglers_until }) =
            (all_synced, &mut self.phase)
        {
            *stragglers_until = None;
        }
    }

    /// Asks for the leader's assignments to be stored; who is not a member gets none.
    fn store(&mut self, assignments: Vec<(String, Bytes)>, turn: &mut Turn) {
        let assignments: BTreeMap<String, Bytes> =
            assignments.into_iter().filter(|(id, _)| self.members.contains_key(id)).collect();
        let bytes: usize = assignments.values().map(Bytes::len).sum();
        let stored = if bytes > turn.settings.record_bytes_max {
            Err(ErrorCode::UnknownServerError)
        } else {
            turn.persists.check_room().map(|()| turn.persist(&self.name, Record::Assignments(assignments)))
        };
        match stored {
            Ok(id) => {
                if let Phase::Syncing { storing, .. } = &mut self.phase {
                    *storing = Some(id);
                }
            }
            Err(error) => self.assign_failed(error, turn),
        }
    }

    fn assign_failed(&mut self, error: ErrorCode, turn: &mut Turn) {
        self.fail_syncs(error, turn);
        self.rebalance(turn);
    }

    /// The record of the assignments is stored, or it is not: then everybody rejoins. A rebalance that began
    /// meanwhile has made it void.
    pub(super) fn assignments_stored(
        &mut self,
        id: PersistId,
        mut assignments: BTreeMap<String, Bytes>,
        result: Result<(), ErrorCode>,
        turn: &mut Turn,
    ) {
        let Phase::Syncing { stragglers_until, storing } = self.phase else { return };
        if storing != Some(id) {
            return;
        }
        if let Err(error) = result {
            return self.assign_failed(error, turn);
        }
        for (id, member) in &mut self.members {
            member.assignment = assignments.remove(id).unwrap_or_default();
        }
        self.phase = Phase::Stable { stragglers_until };
        self.answer_syncs(turn);
    }

    fn answer_syncs(&mut self, turn: &mut Turn) {
        for member in self.members.values_mut() {
            let Some(token) = member.syncing.take() else { continue };
            let synced = Synced {
                protocol_type: self.protocol_type.clone(),
                protocol: self.protocol.clone(),
                assignment: member.assignment.clone(),
            };
            turn.synced(token, Ok(synced));
            turn.alarm.by(member.touch(turn.now));
        }
    }

    /// Handles a heartbeat.
    ///
    /// # Errors
    /// Those of [`Group::check`]; `REBALANCE_IN_PROGRESS`: the member has to rejoin.
    pub(super) fn heartbeat(&mut self, who: &GroupMember, turn: &mut Turn) -> Result<(), ErrorCode> {
        self.check(who)?;
        self.touch(&who.member, turn);
        match self.phase {
            Phase::Gathering { .. } | Phase::Joining { .. } => Err(ErrorCode::RebalanceInProgress),
            Phase::Empty | Phase::Syncing { .. } | Phase::Stable { .. } => Ok(()),
        }
    }
}
