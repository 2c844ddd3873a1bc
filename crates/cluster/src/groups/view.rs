//! Groups as tools see them: ListGroups and DescribeGroups.

use super::group::{Group, Phase};
use super::member::Member;
use crate::api::{GroupView, MemberView};
use crate::error::ErrorCode;

impl Group {
    /// The group in detail. Assignor, subscriptions and assignments are those of a stable group only, as in Apache.
    pub(super) fn view(&self) -> GroupView {
        let stable = matches!(self.phase, Phase::Stable { .. });
        GroupView {
            error: ErrorCode::None,
            group: self.name.clone(),
            state: self.phase.name(),
            protocol_type: self.protocol_type.clone(),
            protocol: if stable { self.protocol.clone() } else { String::new() },
            members: self.members.iter().map(|(id, member)| self.member_view(id, member, stable)).collect(),
        }
    }

    fn member_view(&self, id: &str, member: &Member, stable: bool) -> MemberView {
        let (subscription, assignment) = if stable {
            (member.subscription(&self.protocol), member.assignment.clone())
        } else {
            <_>::default()
        };
        MemberView {
            member: id.to_owned(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            subscription,
            assignment,
        }
    }
}

/// A group that nobody has heard of is dead; that it was not found is said to those who can hear it.
pub(super) fn dead(group: &str) -> GroupView {
    GroupView {
        error: ErrorCode::GroupIdNotFound,
        group: group.to_owned(),
        state: "Dead",
        protocol_type: String::new(),
        protocol: String::new(),
        members: Vec::new(),
    }
}
