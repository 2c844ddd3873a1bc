//! InitProducerId: an id for an idempotent producer, or the next epoch of one.

use cluster::{InitProducerId, Request, Response};
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::Exchange;
use super::words::Directory;

pub(super) fn exchange(request: InitProducerIdRequest, _version: i16) -> Exchange<InitProducerIdResponse> {
    let producer = (request.producer_id.0, request.producer_epoch);
    let transactional_id = request.transactional_id.map(|id| id.to_string());
    Exchange::ask(Request::InitProducerId(InitProducerId { transactional_id, producer }), answer)
}

fn answer(response: Response, _: &Directory) -> InitProducerIdResponse {
    let Response::InitProducerId(given) = response else { unreachable!("ids are answered by ids") };
    let message = InitProducerIdResponse::default();
    match given {
        Ok((id, epoch)) => message.with_producer_id(id.into()).with_producer_epoch(epoch),
        Err(error) => {
            message.with_error_code(error.code()).with_producer_id((-1).into()).with_producer_epoch(-1)
        }
    }
}
