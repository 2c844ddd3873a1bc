//! From one generation to the next: who starts a rebalance, whom it waits for, what ends it.
//!
//! Source: `prepareRebalance`, `onCompleteJoin`, `expirePendingSync` and `onExpireHeartbeat` of Apache Kafka's
//! GroupCoordinator. Not modelled: the record that Apache writes when a group becomes empty, since nobody waits for it.

use std::time::Duration;

use super::group::{Group, Phase};
use super::member::Member;
use super::turn::Turn;
use crate::api::Joined;
use crate::error::ErrorCode;

/// How long a rebalance is put off, at least, when only static members that are away are left.
const POSTPONE_MIN: Duration = Duration::from_secs(1);

impl Group {
    /// Starts a rebalance unless one is under way. Members that wait for an assignment have to rejoin.
    pub(super) fn rebalance(&mut self, turn: &mut Turn) {
        let (now, delay) = (turn.now, turn.settings.initial_rebalance_delay);
        match self.phase {
            Phase::Gathering { .. } | Phase::Joining { .. } => {}
            Phase::Empty if delay.is_zero() => self.complete_join(turn),
            Phase::Empty => {
                let until = now.saturating_add(delay);
                let last = now.saturating_add(self.rebalance_timeout()).max(until);
                self.phase = Phase::Gathering { until, last, grew: false };
                turn.alarm.by(until);
            }
            Phase::Syncing { .. } | Phase::Stable { .. } => {
                self.fail_syncs(ErrorCode::RebalanceInProgress, turn);
                self.start_joining(self.rebalance_timeout(), turn);
                self.complete_join_if_all_are_here(turn);
            }
        }
    }

    fn start_joining(&mut self, wait: Duration, turn: &mut Turn) {
        let until = turn.now.saturating_add(wait);
        self.phase = Phase::Joining { until };
        turn.alarm.by(until);
    }

    /// Ends the waiting as soon as there is nobody left to wait for.
    pub(super) fn complete_join_if_all_are_here(&mut self, turn: &mut Turn) {
        let all_joined = self.members.values().all(|member| member.joining.is_some());
        let over = match self.phase {
            Phase::Gathering { .. } => self.members.is_empty(),
            Phase::Joining { .. } => self.members.is_empty() || (self.pending.is_empty() && all_joined),
            Phase::Empty | Phase::Syncing { .. } | Phase::Stable { .. } => false,
        };
        if over {
            self.complete_join(turn);
        }
    }

    /// The next generation begins with those who are here. A static member may be away as long as its session lasts.
    fn complete_join(&mut self, turn: &mut Turn) {
        self.remove_all(|member| member.joining.is_none() && member.instance.is_none(), turn);
        if !self.members.is_empty() && !self.leader_is_here() {
            return self.start_joining(self.rebalance_timeout().max(POSTPONE_MIN), turn);
        }
        self.generation = self.generation.saturating_add(1);
        self.protocol = self.elect_protocol();
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            return;
        }
        let stragglers_until = turn.now.saturating_add(self.rebalance_timeout());
        self.phase = Phase::Syncing { stragglers_until: Some(stragglers_until), storing: None };
        turn.alarm.by(stragglers_until);
        self.answer_joins(turn);
    }

    /// Keeps a leader that has joined, or makes the first member that has joined the leader.
    fn leader_is_here(&mut self) -> bool {
        let is_here = |id: &String| self.members.get(id).is_some_and(|member| member.joining.is_some());
        if !self.leader.as_ref().is_some_and(is_here) {
            let Some(successor) = self.members.keys().find(|id| is_here(id)) else { return false };
            self.leader = Some(successor.clone());
        }
        true
    }

    fn answer_joins(&mut self, turn: &mut Turn) {
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let answer = self.joined(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            (member.new, member.synced) = (false, false);
            if let Some(token) = member.joining.take() {
                turn.joined(token, Ok(answer));
            }
            turn.alarm.by(member.touch(turn.now));
        }
    }

    /// What a member is told of this generation; the leader is told of everybody.
    pub(super) fn joined(&self, id: &str) -> Joined {
        let member_of = |(id, member): (&String, &Member)| {
            (id.clone(), member.instance.clone(), member.subscription(&self.protocol))
        };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member: id.to_owned(),
            members: if self.is_leader(id) {
                self.members.iter().map(member_of).collect()
            } else {
                Vec::new()
            },
            skip_assignment: false,
        }
    }

    /// Answers every waiting sync with an error.
    pub(super) fn fail_syncs(&mut self, error: ErrorCode, turn: &mut Turn) {
        for member in self.members.values_mut() {
            if let Some(token) = member.syncing.take() {
                turn.synced(token, Err(error));
                turn.alarm.by(member.touch(turn.now));
            }
        }
    }

    /// Removes the members that fulfil a condition; returns whether there were any.
    pub(super) fn remove_all(&mut self, gone: impl Fn(&Member) -> bool, turn: &mut Turn) -> bool {
        let ids: Vec<String> =
            self.members.iter().filter(|(_, member)| gone(member)).map(|(id, _)| id.clone()).collect();
        for id in &ids {
            self.remove(id, turn);
        }
        !ids.is_empty()
    }

    /// After members have gone: the others share what they had.
    pub(super) fn after_removal(&mut self, turn: &mut Turn) {
        match self.phase {
            Phase::Stable { .. } | Phase::Syncing { .. } => self.rebalance(turn),
            Phase::Gathering { .. } | Phase::Joining { .. } => self.complete_join_if_all_are_here(turn),
            Phase::Empty => {}
        }
    }

    /// The coordinator has moved: who waits for it is told so. Members whose first rebalance it was do not know
    /// their id yet and start over; the others have the full time again to find the new coordinator.
    pub(super) fn fail_parked(&mut self, error: ErrorCode, turn: &mut Turn) {
        self.fail_syncs(error, turn);
        for (id, member) in &mut self.members {
            if let Some(token) = member.joining.take() {
                turn.joined(token, Err((error, id.clone())));
                turn.alarm.by(member.touch(turn.now));
            }
        }
        self.remove_all(|member| member.new, turn);
        if matches!(self.phase, Phase::Gathering { .. } | Phase::Joining { .. }) {
            self.start_joining(self.rebalance_timeout(), turn);
            self.complete_join_if_all_are_here(turn);
        }
    }

    /// Every timer starts anew: nobody is blamed for the time in which the coordinator was away.
    pub(super) fn restart_timers(&mut self, turn: &mut Turn) {
        self.held = false;
        let (now, rebalance_timeout) = (turn.now, self.rebalance_timeout());
        for member in self.members.values_mut() {
            member.touch(now);
        }
        for pending in self.pending.values_mut() {
            pending.until = now.saturating_add(pending.session_timeout);
        }
        let again = now.saturating_add(rebalance_timeout);
        match &mut self.phase {
            Phase::Joining { until } => *until = again,
            Phase::Gathering { until, last, .. } => {
                *until = now.saturating_add(turn.settings.initial_rebalance_delay);
                *last = again.max(*until);
            }
            Phase::Syncing { stragglers_until: Some(until), .. }
            | Phase::Stable { stragglers_until: Some(until) } => *until = again,
            Phase::Empty | Phase::Syncing { .. } | Phase::Stable { .. } => {}
        }
        if let Some(at) = self.deadline() {
            turn.alarm.by(at);
        }
    }

    /// Handles every timer that is due.
    pub(super) fn expire(&mut self, turn: &mut Turn) {
        let now = turn.now;
        self.pending.retain(|_, pending| pending.until > now);
        let lost = self.remove_all(|member| member.expires().is_some_and(|at| at <= now), turn);
        if lost {
            self.after_removal(turn);
        } else {
            self.complete_join_if_all_are_here(turn);
        }
        self.expire_phase(turn);
    }

    fn expire_phase(&mut self, turn: &mut Turn) {
        let now = turn.now;
        match self.phase {
            Phase::Gathering { until, last, grew: true } if until <= now && now < last => {
                let until = now.saturating_add(turn.settings.initial_rebalance_delay).min(last);
                self.phase = Phase::Gathering { until, last, grew: false };
                turn.alarm.by(until);
            }
            Phase::Gathering { until, .. } | Phase::Joining { until } if until <= now => {
                self.complete_join(turn)
            }
            Phase::Syncing { stragglers_until: Some(until), .. }
            | Phase::Stable { stragglers_until: Some(until) }
                if until <= now =>
            {
                self.remove_all(|member| !member.synced, turn);
                self.rebalance(turn);
            }
            _ => {}
        }
    }
}
