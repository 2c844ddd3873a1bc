//! What is known about a request that got no reply.

use crate::producer::{DeliveryError, SendError};

/// A request got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing was sent: safe to refuse, to retry or to answer in another way.
    #[error("not sent: {0}")]
    NotSent(#[from] NotSent),
    /// The request may be processed now, later, or never.
    #[error("unknown: {0}")]
    Unknown(#[from] Unknown),
}

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// As many requests as allowed wait for their replies. Shed load.
    #[error("too many requests wait for a reply")]
    TableFull,
    /// The deadline had passed when the request was made.
    #[error("the deadline has already passed")]
    TooLate,
    /// The requester was closed, or its reader of replies has failed for good.
    #[error("the requester is closed")]
    Closed,
    /// The producer did not take the record.
    #[error(transparent)]
    Refused(#[from] SendError),
    /// Another request with this correlation id waits for its reply.
    #[error("the correlation id is in use")]
    IdInUse,
}

/// Why the fate of a request is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The deadline passed, and the broker had not acknowledged the request. It may still do so.
    #[error("not acknowledged by the deadline")]
    Unacknowledged,
    /// The deadline passed; the broker has the request, and nobody answered.
    #[error("acknowledged, but not answered by the deadline")]
    Unanswered,
    /// The delivery report came before the reply, and it was not an ack.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The requester was closed while the request waited.
    #[error("the requester was closed before the reply")]
    Closed,
}
