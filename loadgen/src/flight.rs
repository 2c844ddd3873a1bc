//! One request, from its turn to its ending.
//!
//! The deadline counts from the intended start and covers everything: waiting for a connection, sending, the answer to
//! its last byte.

use std::error::Error as _;
use std::pin::pin;
use std::rc::Rc;

use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use recorder::Outcome;

use crate::choices::Choice;
use crate::classify::{self, BODY_KEPT_MAX, Mapping};
use crate::deadlines::Deadlines;
use crate::pool::{NotConnected, Pool};
use crate::ready::Ready;
use crate::tally::{Ending, Flight};

/// Why there was no complete answer.
enum NoAnswer {
    NotConnected,
    Broken(String),
}

impl From<NotConnected> for NoAnswer {
    fn from(NotConnected: NotConnected) -> Self {
        Self::NotConnected
    }
}

impl From<hyper::Error> for NoAnswer {
    fn from(error: hyper::Error) -> Self {
        let cause = error.source().map(|cause| format!(": {cause}"));
        Self::Broken(format!("{error}{}", cause.unwrap_or_default()))
    }
}

/// What to send, where to, and what the answer counts as.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) pool: &'a Rc<Pool>,
    pub(crate) requests: &'a Ready,
    pub(crate) k: u64,
    pub(crate) choice: Choice,
    pub(crate) mapping: &'a Mapping,
}

/// Sends the request and ends its flight.
pub(crate) async fn fly(exchange: Exchange<'_>, mut flight: Flight, deadlines: &Deadlines) -> Outcome {
    let (due_ns, pool) = (flight.due_ns(), exchange.pool);
    let answer = deadlines.within(due_ns, pin!(exchange.run(&mut flight))).await;
    let ending: Ending = match answer {
        None => Outcome::Timeout.into(),
        Some(Err(NoAnswer::NotConnected)) => Outcome::ErrorConnect.into(),
        Some(Err(NoAnswer::Broken(why))) => {
            pool.broke(why);
            Outcome::ErrorIo.into()
        }
        Some(Ok(ending)) => ending,
    };
    flight.end(ending);
    ending.outcome
}

impl Exchange<'_> {
    async fn run(self, flight: &mut Flight) -> Result<Ending, NoAnswer> {
        let Self { pool, requests, k, choice, mapping } = self;
        let mut lease = pool.acquire().await?;
        let request = requests.request(k, choice);
        flight.sent();
        let (head, mut body) = lease.send(request).await?.into_parts();
        let kept = read(&mut body, classify::wants_body(head.status, &head.headers)).await?;
        lease.release();
        let ending = Ending {
            outcome: mapping.outcome(head.status, &head.headers),
            executed: classify::executed(&head.headers, &kept),
            status: Some(head.status),
        };
        requests.take_back(head.headers);
        Ok(ending)
    }
}

/// Reads a body to its end, keeping it if it is wanted, up to a bound.
async fn read(body: &mut Incoming, mut wanted: bool) -> Result<Vec<u8>, NoAnswer> {
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
        return Err(NoAnswer::Broken("the answer ended before its announced length".to_owned()));
    }
    Ok(kept)
}
