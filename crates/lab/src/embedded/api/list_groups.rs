//! ListGroups: the groups that the asked broker coordinates. All of them are of the classic kind.

use cluster::{Request, Response};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{ListGroupsRequest, ListGroupsResponse};
use kafka_protocol::protocol::StrBytes;

use super::Exchange;
use super::words;

const CLASSIC: &str = "classic";

pub(super) fn exchange(request: ListGroupsRequest, _version: i16) -> Exchange<ListGroupsResponse> {
    Exchange::ask(Request::ListGroups, move |response, _| {
        let Response::ListGroups(groups) = response else { unreachable!("groups are answered by groups") };
        let asked = groups.iter().filter(|(_, _, state)| {
            passes(&request.states_filter, state) && passes(&request.types_filter, CLASSIC)
        });
        let listed = asked.map(|(group, protocol_type, state)| {
            ListedGroup::default()
                .with_group_id(words::text(group).into())
                .with_protocol_type(words::text(protocol_type))
                .with_group_state(StrBytes::from_static_str(state))
                .with_group_type(StrBytes::from_static_str(CLASSIC))
        });
        ListGroupsResponse::default().with_groups(listed.collect())
    })
}

/// No filter lets everything pass; names are compared as Kafka does, without regard to case.
fn passes(filter: &[StrBytes], value: &str) -> bool {
    filter.is_empty() || filter.iter().any(|allowed| allowed.eq_ignore_ascii_case(value))
}
