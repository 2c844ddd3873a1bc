//! LeaveGroup: one member before version 3, several from then on.

use cluster::{ErrorCode, Request, Response};
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

use super::Exchange;
use super::words;

pub(super) fn exchange(request: LeaveGroupRequest, version: i16) -> Exchange<LeaveGroupResponse> {
    let members = if version >= 3 {
        let members = request.members.into_iter();
        members.map(|m| (m.member_id.to_string(), m.group_instance_id.map(|id| id.to_string()))).collect()
    } else {
        vec![(request.member_id.to_string(), None)]
    };
    Exchange::ask(Request::LeaveGroup(request.group_id.to_string(), members), move |response, _| {
        let Response::LeaveGroup(left) = response else { unreachable!("a leave is answered by a leave") };
        match left {
            Err(error) => LeaveGroupResponse::default().with_error_code(error.code()),
            Ok(members) if version >= 3 => {
                LeaveGroupResponse::default().with_members(members.iter().map(member).collect())
            }
            Ok(members) => {
                let error = members.first().map_or(ErrorCode::None, |(_, _, error)| *error);
                LeaveGroupResponse::default().with_error_code(error.code())
            }
        }
    })
}

fn member((member, instance, error): &(String, Option<String>, ErrorCode)) -> MemberResponse {
    MemberResponse::default()
        .with_member_id(words::text(member))
        .with_group_instance_id(instance.as_deref().map(words::text))
        .with_error_code(error.code())
}
