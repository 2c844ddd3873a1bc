//! JoinGroup: enter a group. The leader's answer carries everybody's subscription.

use cluster::{JoinGroup, Joined, Request, Response};
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};

use super::Exchange;
use super::words;

/// From this version on a new member is first given its id (KIP-394).
const MEMBER_ID_REQUIRED_FROM: i16 = 4;

pub(super) fn exchange(request: JoinGroupRequest, version: i16) -> Exchange<JoinGroupResponse> {
    // Version 0 has no rebalance timeout; the session timeout served for both then.
    let rebalance_ms = if version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms };
    let protocols = request.protocols.into_iter().map(|p| (p.name.to_string(), p.metadata));
    let join = JoinGroup {
        group: request.group_id.to_string(),
        member: request.member_id.to_string(),
        instance: request.group_instance_id.map(|id| id.to_string()),
        session_timeout: words::millis(request.session_timeout_ms),
        rebalance_timeout: words::millis(rebalance_ms),
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols.collect(),
        member_id_required: version >= MEMBER_ID_REQUIRED_FROM,
    };
    Exchange::ask(Request::JoinGroup(join), move |response, _| {
        let Response::JoinGroup(joined) = response else { unreachable!("a join is answered by a join") };
        match joined {
            Ok(joined) => accepted(joined, version),
            // Before version 7 the protocol's name could not be null.
            Err((error, member)) => JoinGroupResponse::default()
                .with_error_code(error.code())
                .with_generation_id(-1)
                .with_protocol_name(Some(words::text("")).filter(|_| version < 7))
                .with_member_id(words::text(&member)),
        }
    })
}

fn accepted(joined: Joined, version: i16) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|(member, instance, subscription)| {
        JoinGroupResponseMember::default()
            .with_member_id(words::text(&member))
            .with_group_instance_id(instance.as_deref().map(words::text))
            .with_metadata(subscription)
    });
    JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_type(Some(words::text(&joined.protocol_type)))
        .with_protocol_name(Some(words::text(&joined.protocol)))
        .with_leader(words::text(&joined.leader))
        .with_skip_assignment(joined.skip_assignment && version >= 9)
        .with_member_id(words::text(&joined.member))
        .with_members(members.collect())
}
