//! SyncGroup: the leader hands out the assignment, everybody waits for theirs.

use cluster::{Request, Response, SyncGroup};
use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(request: SyncGroupRequest, _version: i16) -> Exchange<SyncGroupResponse> {
    let who = words::member(
        &request.group_id,
        request.generation_id,
        &request.member_id,
        request.group_instance_id.as_ref(),
    );
    let assignments =
        request.assignments.into_iter().map(|a| (a.member_id.to_string(), a.assignment)).collect();
    Exchange::ask(Request::SyncGroup(SyncGroup { who, assignments }), answer)
}

fn answer(response: Response, _: &Directory) -> SyncGroupResponse {
    let Response::SyncGroup(synced) = response else { unreachable!("a sync is answered by a sync") };
    match synced {
        Ok(synced) => SyncGroupResponse::default()
            .with_protocol_type(Some(words::text(&synced.protocol_type)))
            .with_protocol_name(Some(words::text(&synced.protocol)))
            .with_assignment(synced.assignment),
        Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
    }
}
