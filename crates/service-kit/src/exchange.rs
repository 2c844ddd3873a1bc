//! Questions and answers over topics, in the words of the contracts.
//!
//! The asking side adds to `bus::Requester` that what comes back is decoded; the answering side turns an [`Answer`]
//! into a `bus::Handler`. Who asked what is in the provenance: an answer is caused by its question.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Incoming, Malformed, Reply, RequestError, Requester, Then};
use contracts::event_id::fresh_event_id;
use contracts::provenance::names;
use contracts::{Event, Provenance, Undecodable};
use trading::ids::ServiceId;
use trading::mode::Mode;

use crate::clock;
use crate::connection::{ConnectError, Connection};
use crate::inbox::{DeadLetters, decode, is_heartbeat};
use crate::publisher::{PublishError, Publisher, to_headers};
use crate::settings::Strategy;

/// Questions that may wait for an answer under `degrade`: 2,000 per second for twice the longest deadline in use.
const PENDING_MAX: usize = 10_000;
/// Under `hang` as many as librdkafka's own queue holds by default: the case bounds nothing itself.
const PENDING_MAX_HANG: usize = 100_000;

/// A question got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It was no question, or could not be encoded: certainly not sent.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The bus says what is known.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// An answer came that cannot be read.
    #[error("the answer cannot be read: {0}")]
    Undecodable(#[from] Undecodable),
    /// An answer came, to another question.
    #[error("the answer is of another kind than the question")]
    OtherKind,
}

/// Asks questions and waits for their answers. Clones share everything.
#[derive(Debug, Clone)]
pub struct Questions {
    requester: Arc<Requester>,
    publisher: Publisher,
    dead_letters: DeadLetters,
}

impl Questions {
    /// Ready when it returns: no answer on `reply_topic` can be missed.
    ///
    /// # Errors
    /// A partition of `reply_topic` cannot be read; the service must not start.
    pub async fn start(
        connection: &Connection,
        publisher: Publisher,
        dead_letters: DeadLetters,
        reply_topic: &'static str,
    ) -> Result<Self, ConnectError> {
        let settings = connection.settings();
        let pending_max = match settings.strategy {
            Strategy::Hang => PENDING_MAX_HANG,
            Strategy::Timeout | Strategy::Breaker | Strategy::Degrade => PENDING_MAX,
        };
        let replies = connection.client("replies");
        let stray = {
            let dead_letters = dead_letters.clone();
            move |record: &Incoming| put_aside_stray(record, &dead_letters)
        };
        let requester = Requester::start(
            connection.producer().clone(),
            &replies,
            reply_topic,
            0..connection.layout().partitions(),
            pending_max,
            settings.startup(),
            stray,
        );
        Ok(Self { requester: Arc::new(requester.await?), publisher, dead_letters })
    }

    /// How the reader of answers gets on.
    #[must_use]
    pub fn reply_signals(&self) -> bus::SignalsWatch {
        self.requester.reply_signals()
    }

    /// Asks, and waits until `deadline`. The record is watched by the circuit of its partition until its delivery
    /// report, whoever waits; the wait itself is for the caller to watch.
    ///
    /// # Errors
    /// [`AskError`]; the bus says whether the question may have been sent.
    pub async fn ask(
        &self,
        question: Event,
        provenance: Provenance,
        deadline: Instant,
    ) -> Result<(Provenance, Event), AskError> {
        let request = self.publisher.question(question, provenance, deadline)?;
        let (partition, begun) = (request.partition, Instant::now());
        let unacked = self.publisher.unacked(partition);
        let answer = self.requester.request(request, unacked, ()).await;
        self.publisher.asked(partition, begun.elapsed(), &answer);
        self.publisher.metrics().late_replies(self.requester.counts().late);
        let answer = answer?;
        Ok(decode(&answer).inspect_err(|reason| self.dead_letters.put_aside(&answer, reason))?)
    }

    /// Stops reading answers; what waits ends as unknown. Never longer than `timeout`.
    pub async fn close(self, timeout: Duration) {
        // Requests still in flight hold clones; the last of them takes the reader down.
        if let Some(requester) = Arc::into_inner(self.requester) {
            let _ = requester.close(timeout).await;
        }
    }
}

/// Of what nobody waits for, an answer is just late; the rest belongs to the dead letters.
fn put_aside_stray(record: &Incoming, dead_letters: &DeadLetters) {
    if !is_heartbeat(record)
        && let Err(reason) = decode(record)
    {
        dead_letters.put_aside(record, &reason);
    }
}

/// An answer, and on which path it was made.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub event: Event,
    /// On which path.
    pub mode: Mode,
    /// What is to be done behind it.
    pub then: Option<Then>,
}

/// What answers questions.
pub trait Answer: Send + Sync + 'static {
    /// Answers; `None` for a record that is no question to this service. Dropped when `time_left` is over.
    fn answer(
        &self,
        question: Event,
        provenance: &Provenance,
        time_left: Duration,
    ) -> impl Future<Output = Option<Answered>> + Send;
}

/// Makes a `bus::Handler` of an [`Answer`]: decodes, puts aside, encodes.
#[derive(Debug)]
pub struct Answering<A> {
    answer: A,
    service: ServiceId,
    dead_letters: DeadLetters,
}

impl<A> Answering<A> {
    /// Answers with `answer`.
    pub fn new(answer: A, connection: &Connection, dead_letters: DeadLetters) -> Self {
        Self { answer, service: connection.service().clone(), dead_letters }
    }
}

impl<A: Answer> bus::Handler for Answering<A> {
    async fn handle(&self, request: Incoming, time_left: Duration) -> Option<Reply> {
        let (question, event) = match decode(&request) {
            Ok(decoded) => decoded,
            Err(reason) => {
                self.dead_letters.put_aside(&request, &reason);
                return None;
            }
        };
        let answered = self.answer.answer(event, &question, time_left).await?;
        reply(&self.service, &question, answered)
    }

    fn malformed(&self, record: &Incoming, reason: Malformed) {
        if !is_heartbeat(record) {
            self.dead_letters.put_aside_malformed(record, reason);
        }
    }
}

/// The reply to a question: caused by it, and bound to it by its exchange.
fn reply(service: &ServiceId, question: &Provenance, answered: Answered) -> Option<Reply> {
    let Answered { event, mode, then } = answered;
    let provenance = Provenance {
        exchange: question.exchange.clone(),
        ..Provenance::root(service.clone(), fresh_event_id(), clock::now(), mode)
    };
    match contracts::encode(event, &provenance.caused_by(question.event_id)) {
        Ok(mut encoded) => {
            // The responder writes this one itself.
            encoded.headers.retain(|(name, _)| *name != names::CORRELATION_ID);
            let headers = to_headers(encoded.headers);
            Some(Reply { key: encoded.key, headers, payload: encoded.payload, then })
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be encoded; the question stays unanswered");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Exchange;
    use contracts::event::{FeeReply, FeeSubject};
    use contracts::refusal::{Refusal, RefusalCode};
    use contracts::topics::QUOTE_REPLIES;
    use trading::ids::QuoteId;
    use uuid::Uuid;

    #[test]
    fn an_answer_is_caused_by_its_question_and_bound_to_it() {
        let service = ServiceId::new("quote").unwrap();
        let exchange = Exchange {
            correlation_id: Uuid::from_u128(7),
            reply_topic: QUOTE_REPLIES,
            reply_partition: 3,
            deadline: clock::now(),
        };
        let question = Provenance::root(service.clone(), fresh_event_id(), clock::now(), Mode::Normal)
            .with_exchange(exchange.clone());
        let event = Event::FeeReply(Box::new(FeeReply {
            subject: FeeSubject::Quote(QuoteId::new("q-1").unwrap()),
            result: Err(Refusal::new(RefusalCode::FeeUnavailable, "a test")),
        }));
        let answered = Answered { event: event.clone(), mode: Mode::Degraded, then: None };
        let mut reply = reply(&service, &question, answered).unwrap();
        assert!(reply.headers.iter().all(|(name, _)| name != names::CORRELATION_ID), "the bus writes it");
        reply.headers.push((names::CORRELATION_ID.into(), Uuid::from_u128(7).to_string().into()));

        let headers = reply.headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let (provenance, decoded) = contracts::decode(QUOTE_REPLIES, headers, &reply.payload).unwrap();
        assert_eq!((decoded, provenance.mode), (event, Mode::Degraded));
        assert_eq!((provenance.causation_id, provenance.exchange), (question.event_id, Some(exchange)));
    }
}
