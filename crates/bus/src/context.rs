//! What every native client reports to: its log lines, its errors, its statistics.
//!
//! An outage is this project's daily bread, so librdkafka's own complaints go to the `debug` level; what matters
//! is counted in the [`Signals`](crate::Signals), and the first error of a client is logged once.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use crate::producer::Undelivered;
use crate::signals::{Publisher, SignalsWatch};

/// The context of every native client.
pub(crate) struct Context {
    client_id: String,
    publisher: Publisher,
}

impl Context {
    /// A context and the signals that it will publish.
    pub(crate) fn new(client_id: &str) -> (Self, SignalsWatch) {
        let (publisher, watch) = Publisher::new();
        (Self { client_id: client_id.to_owned(), publisher }, watch)
    }

    /// Notes how many partitions a reader has.
    pub(crate) fn assigned(&self, partitions: usize) {
        self.publisher.assigned(partitions);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        let client_id = self.client_id.as_str();
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(target: "librdkafka", client_id, fac, "{message}");
            }
            _ => tracing::debug!(target: "librdkafka", client_id, fac, "{message}"),
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.publisher.statistics(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if self.publisher.error(reason) {
            let client_id = self.client_id.as_str();
            tracing::warn!(client_id, %error, reason, "first error of this client; further ones are counted");
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Undelivered>;

    fn delivery(&self, report: &DeliveryResult<'_>, record: Self::DeliveryOpaque) {
        record.settle(report);
    }
}

impl ConsumerContext for Context {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        let assigned = consumer.assignment().map_or(0, |list| list.count());
        self.assigned(assigned);
    }
}
