//! JoinGroup: who may enter, under which member id, and whether that starts a rebalance.
//!
//! Source: `doUnknownJoinGroup` and `doJoinGroup` of Apache Kafka's GroupCoordinator, KIP-345 (static members),
//! KIP-394 (member ids before membership), KIP-814 (a static leader that came back need not assign).

use super::group::{Group, Pending, Phase};
use super::member::Member;
use super::persist::Record;
use super::turn::Turn;
use crate::api::{JoinGroup, Token};
use crate::error::ErrorCode;

impl Group {
    /// Handles a JoinGroup whose form is valid.
    pub(super) fn join(&mut self, token: Token, client_id: &str, request: JoinGroup, turn: &mut Turn) {
        let refused = |id: &str, error, turn: &mut Turn| turn.joined(token, Err((error, id.to_owned())));
        if !self.supports(&request.protocol_type, &request.protocols) {
            return refused(&request.member, ErrorCode::InconsistentGroupProtocol, turn);
        }
        let result = if !request.member.is_empty() {
            self.join_known(token, client_id, request, turn)
        } else if let Some(old) = request.instance.as_ref().and_then(|instance| self.instances.get(instance))
        {
            self.join_static_again(token, old.clone(), request, turn);
            Ok(())
        } else if request.instance.is_none() && request.member_id_required {
            self.hand_out_id(client_id, &request, turn)
        } else {
            let id = turn.ids.next(request.instance.as_deref().unwrap_or(client_id));
            self.add(token, id, client_id, request, turn)
        };
        if let Err((error, id)) = result {
            refused(&id, error, turn);
        }
        self.complete_join_if_all_are_here(turn);
    }

    /// A first request gets the id to come back with, so that a client that retries does not become many members.
    fn hand_out_id(
        &mut self,
        client_id: &str,
        request: &JoinGroup,
        turn: &mut Turn,
    ) -> Result<(), (ErrorCode, String)> {
        let members_max = turn.settings.members_max;
        if self.members.len() >= members_max || self.pending.len() >= members_max {
            return Err((ErrorCode::GroupMaxSizeReached, String::new()));
        }
        let id = turn.ids.next(client_id);
        let until = turn.now.saturating_add(request.session_timeout);
        self.pending.insert(id.clone(), Pending { until, session_timeout: request.session_timeout });
        turn.alarm.by(until);
        Err((ErrorCode::MemberIdRequired, id))
    }

    fn add(
        &mut self,
        token: Token,
        id: String,
        client_id: &str,
        request: JoinGroup,
        turn: &mut Turn,
    ) -> Result<(), (ErrorCode, String)> {
        if self.members.len() >= turn.settings.members_max {
            return Err((ErrorCode::GroupMaxSizeReached, String::new()));
        }
        if self.members.is_empty() {
            self.protocol_type.clone_from(&request.protocol_type);
        }
        if let Some(instance) = &request.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        if let Phase::Gathering { grew, .. } = &mut self.phase {
            *grew = true;
        }
        self.members.insert(id.clone(), Member::new(client_id, request, token, turn.now));
        self.touch(&id, turn);
        self.rebalance(turn);
        Ok(())
    }

    /// A request with a member id: one that was handed out, or a member that rejoins.
    fn join_known(
        &mut self,
        token: Token,
        client_id: &str,
        request: JoinGroup,
        turn: &mut Turn,
    ) -> Result<(), (ErrorCode, String)> {
        let id = request.member.clone();
        if request.instance.is_none() && self.pending.remove(&id).is_some() {
            return self.add(token, id, client_id, request, turn);
        }
        self.check_member(&id, request.instance.as_deref()).map_err(|error| (error, id.clone()))?;
        let same = self.members.get(&id).is_some_and(|member| member.protocols == request.protocols);
        let settled = match self.phase {
            Phase::Syncing { .. } => same,
            Phase::Stable { .. } => same && !self.is_leader(&id),
            Phase::Empty | Phase::Gathering { .. } | Phase::Joining { .. } => false,
        };
        if settled {
            // Its answer got lost, or it came back through another connection: this generation still holds.
            turn.joined(token, Ok(self.joined(&id)));
            self.touch(&id, turn);
        } else {
            self.update(token, &id, request, turn);
            self.rebalance(turn);
        }
        Ok(())
    }

    /// The member waits with this request from now on.
    fn update(&mut self, token: Token, id: &str, request: JoinGroup, turn: &mut Turn) {
        let superseded = self.members.get_mut(id).and_then(|member| member.update(request, token));
        if let Some(earlier) = superseded {
            turn.joined(earlier, Err((ErrorCode::RebalanceInProgress, id.to_owned())));
        }
        self.touch(id, turn);
    }

    /// A static member has restarted: it gets a new id, the old one is fenced, the assignment stays. A stable group
    /// does not rebalance, as long as the assignor stays the same.
    fn join_static_again(&mut self, token: Token, old: String, request: JoinGroup, turn: &mut Turn) {
        let Some(mut member) = self.members.remove(&old) else { return };
        let id = turn.ids.next(request.instance.as_deref().unwrap_or_default());
        if let Some(earlier) = member.joining.take() {
            turn.joined(earlier, Err((ErrorCode::FencedInstanceId, old.clone())));
        }
        if let Some(earlier) = member.syncing.take() {
            turn.synced(earlier, Err(ErrorCode::FencedInstanceId));
        }
        if self.is_leader(&old) {
            self.leader = Some(id.clone());
        }
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.members.insert(id.clone(), member);
        self.update(token, &id, request, turn);
        if matches!(self.phase, Phase::Stable { .. }) && self.elect_protocol() == self.protocol {
            match turn.persists.check_room() {
                Ok(()) => _ = turn.persist(&self.name, Record::StaticMember(id)),
                Err(error) => self.static_member_stored(&id, Err(error), turn),
            }
        } else {
            self.rebalance(turn);
        }
    }

    /// The record of a static member that came back is stored, or it is not: the member may go on, or tries again.
    /// A rebalance that began meanwhile answers it instead.
    pub(super) fn static_member_stored(&mut self, id: &str, result: Result<(), ErrorCode>, turn: &mut Turn) {
        if !matches!(self.phase, Phase::Stable { .. }) {
            return;
        }
        let Some(token) = self.members.get_mut(id).and_then(|member| member.joining.take()) else { return };
        let answer = match result {
            Ok(()) => {
                let mut joined = self.joined(id);
                joined.skip_assignment = self.is_leader(id);
                Ok(joined)
            }
            Err(error) => Err((error, String::new())),
        };
        turn.joined(token, answer);
        self.touch(id, turn);
    }
}
