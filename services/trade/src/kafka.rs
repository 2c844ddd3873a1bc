//! The way out over Kafka: every record of an order on the partition of its account, watched by its circuit.

use std::future::Future;

use bus::{NotSent, RequestError};
use contracts::event::{FeeReply, FeeRequest, QuoteReply, QuoteRequest};
use contracts::event_id::fresh_event_id;
use contracts::{Event, Provenance};
use futures::FutureExt;
use service_kit::exchange::{AskError, Questions};
use service_kit::publisher::Publisher;
use tokio::time::Instant;
use trading::ids::EventId;
use trading::mode::Mode;

use crate::wire::{Ack, Asked, Fact, NoAnswer, NotAcked, NotTaken, Wire};

/// Publishes and asks over Kafka.
#[derive(Debug)]
pub(crate) struct KafkaWire {
    publisher: Publisher,
    questions: Questions,
}

impl KafkaWire {
    pub(crate) fn new(publisher: Publisher, questions: Questions) -> Self {
        Self { publisher, questions }
    }

    fn ask(
        &self,
        question: Event,
        cause: EventId,
        deadline: Instant,
    ) -> impl Future<Output = Result<Event, NoAnswer>> + Send + 'static {
        let questions = self.questions.clone();
        let provenance = self.publisher.provenance(fresh_event_id(), Mode::Normal).caused_by(cause);
        async move {
            match questions.ask(question, provenance, deadline.into_std()).await {
                Ok((_, event)) => Ok(event),
                Err(error) => Err(no_answer(&error)),
            }
        }
    }
}

impl Wire for KafkaWire {
    fn publish(&self, fact: Fact) -> Result<Ack, NotTaken> {
        let Fact { event, event_id, causation_id, at, mode } = fact;
        let now = self.publisher.provenance(event_id, mode);
        // The event is as old as what it tells, however often it is told.
        let provenance = Provenance { event_time: at, causation_id, ..now };
        let sent = self.publisher.publish(event, &provenance);
        let delivery = sent.map_err(|error| NotTaken(error.to_string()))?;
        Ok(async move { delivery.await.map(drop).map_err(|error| NotAcked(error.to_string())) }.boxed())
    }

    fn quote(&self, request: QuoteRequest, cause: EventId, deadline: Instant) -> Asked<QuoteReply> {
        let quote_id = request.quote_id.clone();
        let answer = self.ask(Event::QuoteRequest(request), cause, deadline);
        async move {
            match answer.await? {
                Event::QuoteReply(reply) if reply.quote_id == quote_id => Ok(*reply),
                other => Err(other_answer(&other)),
            }
        }
        .boxed()
    }

    fn fee(&self, request: FeeRequest, cause: EventId, deadline: Instant) -> Asked<FeeReply> {
        let subject = request.subject.clone();
        let answer = self.ask(Event::FeeRequest(request), cause, deadline);
        async move {
            match answer.await? {
                Event::FeeReply(reply) if reply.subject == subject => Ok(*reply),
                other => Err(other_answer(&other)),
            }
        }
        .boxed()
    }

    fn proved(&self, partition: usize) {
        self.publisher.proved(partition);
    }
}

fn no_answer(error: &AskError) -> NoAnswer {
    match error {
        // The order was placed before, and its time is over: that is silence and not a refusal.
        AskError::Request(RequestError::NotSent(NotSent::TooLate)) => NoAnswer::Unknown(error.to_string()),
        AskError::Publish(_) | AskError::Request(RequestError::NotSent(_)) => {
            NoAnswer::NotSent(error.to_string())
        }
        AskError::Request(RequestError::Unknown(_)) | AskError::Undecodable(_) | AskError::OtherKind => {
            NoAnswer::Unknown(error.to_string())
        }
    }
}

fn other_answer(event: &Event) -> NoAnswer {
    NoAnswer::Unknown(format!("the answer is a {} to another question", event.event_type()))
}
