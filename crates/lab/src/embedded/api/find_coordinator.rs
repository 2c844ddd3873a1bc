//! FindCoordinator: who coordinates a group; several groups at once from version 4 on.
//!
//! Transactions are not served: their coordinator is refused with `INVALID_REQUEST`, which clients do not retry.

use cluster::{BrokerId, ErrorCode, Request, Response};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use super::Exchange;
use super::words::{self, Directory};

/// The protocol's number for "the key is a group".
const GROUP: i8 = 0;

type Found = (String, Result<BrokerId, ErrorCode>);

pub(super) fn exchange(request: FindCoordinatorRequest, version: i16) -> Exchange<FindCoordinatorResponse> {
    let keys = if version >= 4 { request.coordinator_keys } else { vec![request.key] };
    let groups: Vec<String> = keys.iter().map(ToString::to_string).collect();
    if request.key_type != GROUP {
        let refused = groups.into_iter().map(|key| (key, Err(ErrorCode::InvalidRequest))).collect();
        return Exchange::Now(message(refused, version, None));
    }
    Exchange::ask(Request::FindCoordinator(groups), move |response, directory| {
        let Response::FindCoordinator(found) = response else { unreachable!("coordinators are answered so") };
        message(found, version, Some(directory))
    })
}

fn message(found: Vec<Found>, version: i16, directory: Option<&Directory>) -> FindCoordinatorResponse {
    let mut coordinators = found.into_iter().map(|found| coordinator(found, directory));
    if version >= 4 {
        return FindCoordinatorResponse::default().with_coordinators(coordinators.collect());
    }
    let only = coordinators.next().unwrap_or_default();
    FindCoordinatorResponse::default()
        .with_error_code(only.error_code)
        .with_error_message(only.error_message)
        .with_node_id(only.node_id)
        .with_host(only.host)
        .with_port(only.port)
}

fn coordinator((key, found): Found, directory: Option<&Directory>) -> Coordinator {
    let endpoint = |id: &BrokerId| directory.and_then(|directory| directory.0.get(id));
    let message = Coordinator::default().with_key(words::text(&key)).with_error_message(None);
    match found.map(|id| (id, endpoint(&id))) {
        Ok((id, Some(at))) => message.with_node_id(id.0.into()).with_host(at.host.clone()).with_port(at.port),
        Ok((_, None)) => nobody(message, ErrorCode::CoordinatorNotAvailable),
        Err(error) => nobody(message, error),
    }
}

fn nobody(message: Coordinator, error: ErrorCode) -> Coordinator {
    message.with_error_code(error.code()).with_node_id((-1).into()).with_port(-1)
}
