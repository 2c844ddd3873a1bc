//! Events on their way out: encoded, given their partition, watched by its circuit.
//!
//! Invariant: the guard of a record of an account begins before the record is handed over and ends with the
//! delivery report, whoever waits. Records of topics that belong to no account are not watched: their partitions
//! have no circuit.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Delivery, Headers, NotSent, Producer, Record, RequestError, SendError, Unknown};
use circuit::{Calls, Outcomes};
use contracts::codec::EncodeError;
use contracts::partitioner::partition_of;
use contracts::{Encoded, Event, Exchange, Provenance, topics};
use trading::ids::{AccountId, EventId, ServiceId};
use trading::mode::Mode;
use uuid::Uuid;

use crate::clock;
use crate::connection::Connection;
use crate::layout::Layout;
use crate::metrics::Metrics;

/// The event was certainly not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Event and provenance do not fit each other: a bug of the caller.
    #[error("not sent: {0}")]
    Encode(#[from] EncodeError),
    /// The producer did not take it.
    #[error("not sent: {0}")]
    Send(#[from] bus::SendError),
}

/// Says what a service has to say. Clones share everything.
#[derive(Debug, Clone)]
pub struct Publisher {
    service: ServiceId,
    layout: Arc<Layout>,
    producer: Producer,
    unacked: Calls,
    outcomes: Outcomes,
    told_from: Duration,
    metrics: Metrics,
}

impl Publisher {
    /// A publisher on `connection`, whose records are in flight in `unacked`, and whose questions and refused records
    /// are told to `outcomes`.
    #[must_use]
    pub fn new(connection: &Connection, unacked: Calls, outcomes: Outcomes, metrics: Metrics) -> Self {
        Self {
            service: connection.service().clone(),
            layout: Arc::clone(connection.layout()),
            producer: connection.producer().clone(),
            unacked,
            outcomes,
            told_from: Duration::from_millis(connection.settings().circuit.age_floor_ms),
            metrics,
        }
    }

    /// Where everything of an account lies; the index of its circuit.
    #[must_use]
    pub fn partition_of(&self, account: &AccountId) -> i32 {
        self.layout.partition_of(account)
    }

    /// The provenance of an event of this service, now, that starts a chain.
    #[must_use]
    pub fn provenance(&self, event_id: EventId, mode: Mode) -> Provenance {
        Provenance::root(self.service.clone(), event_id, clock::now(), mode)
    }

    /// Hands an event over. The delivery tells when it was acknowledged; dropping it recalls nothing.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn publish(&self, event: Event, provenance: &Provenance) -> Result<Delivery, PublishError> {
        let record = to_record(contracts::encode(event, provenance)?, &self.layout);
        let watched = self.layout.is_by_account(&record.topic);
        let guard = watched.then(|| self.unacked.begin(circuit_index(record.partition)));
        let sent = self.producer.send(&record, guard);
        if watched && matches!(sent, Err(SendError::QueueFull)) {
            self.outcomes.refused(circuit_index(record.partition));
        }
        Ok(sent?)
    }

    /// Hands an event over that nobody waits for; what becomes of it is counted.
    pub fn publish_unwatched(&self, event: Event, provenance: &Provenance) {
        let event_type = event.event_type().as_str();
        let sent = self.publish(event, provenance);
        count_delivery(sent, event_type, self.metrics.clone());
    }

    /// A question, ready to be asked; the requester adds what binds the answer to it. The answer comes to the
    /// same partition index, so that a path needs one index only.
    ///
    /// # Errors
    /// [`PublishError::Encode`]: the event is no question.
    pub fn question(
        &self,
        event: Event,
        provenance: Provenance,
        deadline: Instant,
    ) -> Result<bus::Request, PublishError> {
        let correlation_id = Uuid::new_v4();
        // A question cannot be encoded without an exchange; the bus writes its own values over all but the id.
        let exchange = Exchange {
            correlation_id,
            reply_topic: topics::QUOTE_REPLIES,
            reply_partition: 0,
            deadline: provenance.event_time,
        };
        let encoded = contracts::encode(event, &provenance.with_exchange(exchange))?;
        let Record { topic, partition, key, headers, payload } = to_record(encoded, &self.layout);
        let reply_partition = partition;
        Ok(bus::Request {
            correlation_id,
            topic,
            partition,
            key,
            headers,
            payload,
            reply_partition,
            deadline,
        })
    }

    /// Begins a call on this partition that ends with the delivery report.
    pub(crate) fn unacked(&self, partition: i32) -> circuit::Guard {
        self.unacked.begin(circuit_index(partition))
    }

    /// Tells the circuit of this partition how a question ended that was asked for so long. What was never sent says
    /// nothing of Kafka, unless its queue was full, and neither does a failure for want of time: a client that gives its
    /// questions less than the lowest limit of age would call every partition stuck.
    pub(crate) fn asked<T>(&self, partition: i32, took: Duration, answer: &Result<T, RequestError>) {
        let index = circuit_index(partition);
        match answer {
            Ok(_) => self.outcomes.ended(index, took, false),
            Err(RequestError::NotSent(NotSent::Refused(SendError::QueueFull))) => {
                self.outcomes.refused(index)
            }
            Err(RequestError::Unknown(Unknown::Closed) | RequestError::NotSent(_)) => {}
            Err(RequestError::Unknown(_)) if took < self.told_from => {}
            Err(RequestError::Unknown(_)) => self.outcomes.ended(index, took, true),
        }
    }

    /// Tells the circuit of this index that a call went all the way.
    pub fn proved(&self, circuit: usize) {
        self.outcomes.proved(circuit);
    }

    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// The index of the circuit of a partition; a partition that is none has no circuit.
#[must_use]
pub fn circuit_index(partition: i32) -> usize {
    usize::try_from(partition).unwrap_or(usize::MAX)
}

/// The record of what was encoded; where it does not say its partition, the key does.
pub(crate) fn to_record(encoded: Encoded, layout: &Layout) -> Record {
    let Encoded { topic, partition, key, headers, payload } = encoded;
    // Of a topic that the service did not name at start only partition 0 is certain to exist.
    let count = layout.partitions_of(topic).unwrap_or(1);
    let partition = partition.unwrap_or_else(|| partition_of(&key, count));
    Record { topic: Cow::Borrowed(topic), partition, key, headers: to_headers(headers), payload }
}

pub(crate) fn to_headers(headers: contracts::Headers) -> Headers {
    headers.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect()
}

/// Counts what becomes of a record that nobody waits for. The tasks are as many as the producer's queue at most.
pub(crate) fn count_delivery(
    sent: Result<Delivery, PublishError>,
    event_type: &'static str,
    metrics: Metrics,
) {
    match sent {
        Ok(delivery) => drop(tokio::spawn(async move {
            metrics.published(event_type, if delivery.await.is_ok() { "acked" } else { "lost" });
        })),
        Err(error) => {
            tracing::debug!(%error, event_type, "not published");
            metrics.published(event_type, "refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::offline;
    use crate::settings::Strategy;
    use circuit::{Circuits, Settings, Words};
    use contracts::event::{FeeAssessed, FeeRequest, FeeSubject, ModeChanged};
    use contracts::event_id::fresh_event_id;
    use trading::fee::{FeeSchedules, FeeTerms, Liquidity, TierLimits};
    use trading::ids::{InstanceId, ProductId, QuoteId};

    fn question() -> Event {
        Event::FeeRequest(FeeRequest {
            account: AccountId::new("a-1").unwrap(),
            product: ProductId::new("BTC-USD").unwrap(),
            subject: FeeSubject::Quote(QuoteId::new("q-1").unwrap()),
            notional: 100.into(),
            liquidity: Liquidity::Taker,
        })
    }

    #[tokio::test]
    async fn a_question_and_its_answer_have_the_partition_of_the_account() {
        let circuits = Circuits::new(["0"], WORDS, Settings::default(), 1).unwrap();
        let publisher = publisher(12, &circuits);
        let provenance = publisher.provenance(fresh_event_id(), Mode::Normal);
        let request = publisher.question(question(), provenance, Instant::now()).unwrap();
        let expected = publisher.partition_of(&AccountId::new("a-1").unwrap());
        assert_eq!((request.partition, request.reply_partition), (expected, expected));
        let again = publisher.question(
            question(),
            publisher.provenance(fresh_event_id(), Mode::Normal),
            Instant::now(),
        );
        assert_ne!(again.unwrap().correlation_id, request.correlation_id, "each question has its own answer");
    }

    fn fee() -> Event {
        let now = clock::now();
        let terms = FeeTerms { notional: 100.into(), liquidity: Liquidity::Taker, quote_decimals: 2 };
        let fee = FeeSchedules::default().assess(&terms, None, &TierLimits::default(), now).unwrap();
        Event::FeeAssessed(Box::new(FeeAssessed {
            account: AccountId::new("a-1").unwrap(),
            product: ProductId::new("BTC-USD").unwrap(),
            subject: FeeSubject::Quote(QuoteId::new("q-1").unwrap()),
            notional: terms.notional,
            fee,
            assessed_at: now,
        }))
    }

    fn change_of_mode() -> Event {
        Event::ModeChanged(ModeChanged {
            instance: InstanceId::new("test-1").unwrap(),
            scope: "partition 0".to_owned(),
            from: Mode::Normal,
            to: Mode::Degraded,
            reason: "a test".to_owned(),
            changed_at: clock::now(),
        })
    }

    const WORDS: Words = Words { degraded: "down", restored: "up" };

    fn publisher(partitions: i32, circuits: &Circuits) -> Publisher {
        let connection = offline(Strategy::Degrade, partitions);
        Publisher::new(&connection, circuits.unacked(), circuits.outcomes(), Metrics::new("test"))
    }

    #[tokio::test]
    async fn questions_that_fail_open_their_circuit_and_those_that_had_no_time_do_not() {
        let opens = |took_ms: u64, answer: Result<(), RequestError>| {
            let mut circuits = Circuits::new(["0", "1"], WORDS, Settings::default(), 1).unwrap();
            let publisher = publisher(2, &circuits);
            (0..30).for_each(|_| publisher.asked(1, Duration::from_millis(took_ms), &answer));
            circuits.watch(Duration::from_millis(10));
            [0, 1].map(|partition| circuits.switches().permille(partition) == 0)
        };
        let unanswered = Err(Unknown::Unanswered.into());
        assert_eq!(opens(300, unanswered), [false, true]);
        assert_eq!(opens(20, unanswered), [false, false], "its client gave it no time");
        assert_eq!(opens(300, Err(NotSent::TableFull.into())), [false, false], "our own refusal");
        assert_eq!(opens(300, Ok(())), [false, false]);
    }

    #[tokio::test]
    async fn a_record_that_is_stuck_ages_in_its_circuit_though_nobody_waits_for_it() {
        let mut circuits = Circuits::new(["0"], WORDS, Settings::default(), 1).unwrap();
        let publisher = publisher(1, &circuits);
        let mut in_flight = |tick: u64| {
            circuits.watch(Duration::from_millis(10 * tick));
            circuits.snapshot(Duration::from_millis(10 * tick))[0].in_flight
        };
        let provenance = publisher.provenance(fresh_event_id(), Mode::Normal);
        drop(publisher.publish(change_of_mode(), &provenance).unwrap());
        assert_eq!(in_flight(1), 0, "`modes` belongs to no account, and so to no circuit");
        drop(publisher.publish(fee(), &provenance).unwrap());
        assert_eq!(in_flight(2), 1);
    }
}
