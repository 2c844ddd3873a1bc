//! DescribeGroups: a group's state and its members.

use cluster::{ErrorCode, GroupView, MemberView, Request, Response};
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use kafka_protocol::protocol::StrBytes;

use super::Exchange;
use super::words;

/// From this version on an unknown group is an error (KIP-1043); before, it was a dead group.
const NOT_FOUND_FROM: i16 = 6;

pub(super) fn exchange(request: DescribeGroupsRequest, version: i16) -> Exchange<DescribeGroupsResponse> {
    let groups = request.groups.iter().map(|group| group.to_string()).collect();
    Exchange::ask(Request::DescribeGroups(groups), move |response, _| {
        let Response::DescribeGroups(views) = response else { unreachable!("groups are answered by groups") };
        let groups = views.into_iter().map(|view| described(view, version));
        DescribeGroupsResponse::default().with_groups(groups.collect())
    })
}

fn described(view: GroupView, version: i16) -> DescribedGroup {
    let unknown = matches!(view.error, ErrorCode::GroupIdNotFound);
    let error = if unknown && version < NOT_FOUND_FROM { ErrorCode::None } else { view.error };
    let state = if unknown { "Dead" } else { view.state };
    let words = (unknown && version >= NOT_FOUND_FROM).then(|| format!("Group {} not found.", view.group));
    DescribedGroup::default()
        .with_error_code(error.code())
        .with_error_message(words.as_deref().map(words::text))
        .with_group_id(words::text(&view.group).into())
        .with_group_state(StrBytes::from_static_str(state))
        .with_protocol_type(words::text(&view.protocol_type))
        .with_protocol_data(words::text(&view.protocol))
        .with_members(view.members.into_iter().map(member).collect())
}

fn member(view: MemberView) -> DescribedGroupMember {
    DescribedGroupMember::default()
        .with_member_id(words::text(&view.member))
        .with_group_instance_id(view.instance.as_deref().map(words::text))
        .with_client_id(words::text(&view.client_id))
        .with_client_host(StrBytes::from_static_str("/127.0.0.1"))
        .with_member_metadata(view.subscription)
        .with_member_assignment(view.assignment)
}
