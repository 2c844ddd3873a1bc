//! One request, from its turn to its ending.
//!
//! The deadline counts from the intended start and covers everything: waiting for a connection, sending, the answer to
//! its last byte.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use recorder::Outcome;
use tokio::time::timeout_at;

use crate::classify::{self, BODY_KEPT_MAX, Mapping};
use crate::pool::{NotConnected, Pool};
use crate::tally::{Ending, Flight};

/// Why there was no complete answer.
enum NoAnswer {
    NotConnected,
    Broken,
}

impl From<NotConnected> for NoAnswer {
    fn from(NotConnected: NotConnected) -> Self {
        Self::NotConnected
    }
}

impl From<hyper::Error> for NoAnswer {
    fn from(_: hyper::Error) -> Self {
        Self::Broken
    }
}

/// Sends the request and ends its flight.
pub(crate) async fn fly(
    pool: Rc<Pool>,
    request: Request<Full<Bytes>>,
    mut flight: Flight,
    mapping: &Mapping,
    deadline: Duration,
) -> Outcome {
    flight.begun();
    let deadline = flight.due() + deadline;
    let answer = timeout_at(deadline.into(), exchange(&pool, request, mapping, &mut flight)).await;
    let ending: Ending = match answer {
        Err(_) => Outcome::Timeout.into(),
        Ok(Err(NoAnswer::NotConnected)) => Outcome::ErrorConnect.into(),
        Ok(Err(NoAnswer::Broken)) => Outcome::ErrorIo.into(),
        Ok(Ok(ending)) => ending,
    };
    flight.end(ending);
    ending.outcome
}

async fn exchange(
    pool: &Rc<Pool>,
    request: Request<Full<Bytes>>,
    mapping: &Mapping,
    flight: &mut Flight,
) -> Result<Ending, NoAnswer> {
    let mut lease = pool.acquire().await?;
    flight.sent();
    let answer = lease.send(request).await?;
    let ending = read(answer, mapping).await?;
    lease.release();
    Ok(ending)
}

/// Reads the answer to its end, keeping of the body what may say whether something was executed.
async fn read(answer: Response<Incoming>, mapping: &Mapping) -> Result<Ending, NoAnswer> {
    let (head, mut body) = answer.into_parts();
    let mut wanted = classify::wants_body(head.status, &head.headers);
    let mut kept = Vec::new();
    // An HTTP/2 stream that is reset without an error looks like one that came to its end.
    let announced = body.size_hint().exact().filter(|_| !body.is_end_stream());
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let Some(data) = frame.data_ref() else { continue };
        received += data.len() as u64;
        if !wanted {
            continue;
        }
        wanted = kept.len() + data.len() <= BODY_KEPT_MAX;
        kept.extend_from_slice(if wanted { data } else { b"" });
    }
    if announced.is_some_and(|announced| announced != received) {
        return Err(NoAnswer::Broken);
    }
    Ok(Ending {
        outcome: mapping.outcome(head.status, &head.headers),
        executed: classify::executed(&head.headers, &kept),
        status: Some(head.status),
    })
}
