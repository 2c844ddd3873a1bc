//! Questions, answers and heartbeats, to the wire and back.

use trading::money::canonical;

use super::quote::{
    fee_from_wire, fee_to_wire, refusal_from_wire, refusal_to_wire, signed_from_wire, signed_to_wire,
    subject_from_wire, subject_to_wire,
};
use super::{
    Field, FieldError, id, liquidity_from_wire, liquidity_to_wire, positive, present, side_from_wire,
    side_to_wire, time,
};
use crate::event::{FeeReply, FeeRequest, Heartbeat, QuoteReply, QuoteRequest};
use crate::topics;
use crate::wire;

impl From<FeeRequest> for wire::FeeRequest {
    fn from(request: FeeRequest) -> Self {
        Self {
            account: request.account.into(),
            product: request.product.into(),
            subject: subject_to_wire(request.subject),
            notional: canonical(request.notional),
            liquidity: liquidity_to_wire(request.liquidity),
        }
    }
}

impl TryFrom<wire::FeeRequest> for FeeRequest {
    type Error = FieldError;

    fn try_from(request: wire::FeeRequest) -> Field<Self> {
        Ok(Self {
            account: id("FeeRequest.account", &request.account)?,
            product: id("FeeRequest.product", &request.product)?,
            subject: subject_from_wire("FeeRequest.subject", request.subject)?,
            notional: positive("FeeRequest.notional", &request.notional)?,
            liquidity: liquidity_from_wire("FeeRequest.liquidity", request.liquidity)?,
        })
    }
}

impl From<FeeReply> for wire::FeeReply {
    fn from(reply: FeeReply) -> Self {
        use wire::fee_reply::Result::{Fee, Refusal};
        let result = match reply.result {
            Ok(fee) => Fee(fee_to_wire(fee)),
            Err(refusal) => Refusal(refusal_to_wire(&refusal)),
        };
        Self { subject: subject_to_wire(reply.subject), result: Some(result) }
    }
}

impl TryFrom<wire::FeeReply> for FeeReply {
    type Error = FieldError;

    fn try_from(reply: wire::FeeReply) -> Field<Self> {
        use wire::fee_reply::Result::{Fee, Refusal};
        let result = match present("FeeReply.result", reply.result)? {
            Fee(fee) => Ok(fee_from_wire(&fee)?),
            Refusal(refusal) => Err(refusal_from_wire(refusal)?),
        };
        Ok(Self { subject: subject_from_wire("FeeReply.subject", reply.subject)?, result })
    }
}

impl From<QuoteRequest> for wire::QuoteRequest {
    fn from(request: QuoteRequest) -> Self {
        Self {
            quote_id: request.quote_id.into(),
            account: request.account.into(),
            product: request.product.into(),
            side: side_to_wire(request.side),
            quantity: canonical(request.quantity),
        }
    }
}

impl TryFrom<wire::QuoteRequest> for QuoteRequest {
    type Error = FieldError;

    fn try_from(request: wire::QuoteRequest) -> Field<Self> {
        Ok(Self {
            quote_id: id("QuoteRequest.quote_id", &request.quote_id)?,
            account: id("QuoteRequest.account", &request.account)?,
            product: id("QuoteRequest.product", &request.product)?,
            side: side_from_wire("QuoteRequest.side", request.side)?,
            quantity: positive("QuoteRequest.quantity", &request.quantity)?,
        })
    }
}

impl From<QuoteReply> for wire::QuoteReply {
    fn from(reply: QuoteReply) -> Self {
        use wire::quote_reply::Result::{Quote, Refusal};
        let result = match reply.result {
            Ok(signed) => Quote(Box::new(signed_to_wire(signed))),
            Err(refusal) => Refusal(refusal_to_wire(&refusal)),
        };
        Self { quote_id: reply.quote_id.into(), result: Some(result) }
    }
}

impl TryFrom<wire::QuoteReply> for QuoteReply {
    type Error = FieldError;

    fn try_from(reply: wire::QuoteReply) -> Field<Self> {
        use wire::quote_reply::Result::{Quote, Refusal};
        let result = match present("QuoteReply.result", reply.result)? {
            Quote(signed) => Ok(signed_from_wire(&signed)?),
            Refusal(refusal) => Err(refusal_from_wire(refusal)?),
        };
        Ok(Self { quote_id: id("QuoteReply.quote_id", &reply.quote_id)?, result })
    }
}

impl From<Heartbeat> for wire::Heartbeat {
    fn from(heartbeat: Heartbeat) -> Self {
        Self {
            topic: heartbeat.topic.to_owned(),
            partition: heartbeat.partition,
            instance: heartbeat.instance.into(),
            sequence: heartbeat.sequence,
            sent_at_unix_ms: heartbeat.sent_at.unix_ms(),
        }
    }
}

impl TryFrom<wire::Heartbeat> for Heartbeat {
    type Error = FieldError;

    fn try_from(heartbeat: wire::Heartbeat) -> Field<Self> {
        let topic = topics::find(&heartbeat.topic)
            .ok_or_else(|| FieldError::new("Heartbeat.topic", &heartbeat.topic, "there is no such topic"))?;
        if heartbeat.partition < 0 {
            return Err(FieldError::new("Heartbeat.partition", heartbeat.partition, "partitions begin at 0"));
        }
        Ok(Self {
            topic: topic.name,
            partition: heartbeat.partition,
            instance: id("Heartbeat.instance", &heartbeat.instance)?,
            sequence: heartbeat.sequence,
            sent_at: time(heartbeat.sent_at_unix_ms),
        })
    }
}
