//! Heartbeat: stay in a group.

use cluster::{ErrorCode, Request, Response};
use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use super::Exchange;
use super::words::{self, Directory};

pub(super) fn exchange(request: HeartbeatRequest, _version: i16) -> Exchange<HeartbeatResponse> {
    let who = words::member(
        &request.group_id,
        request.generation_id,
        &request.member_id,
        request.group_instance_id.as_ref(),
    );
    Exchange::ask(Request::Heartbeat(who), answer)
}

fn answer(response: Response, _: &Directory) -> HeartbeatResponse {
    let Response::Heartbeat(beat) = response else { unreachable!("a heartbeat is answered by a heartbeat") };
    HeartbeatResponse::default().with_error_code(beat.err().unwrap_or(ErrorCode::None).code())
}
