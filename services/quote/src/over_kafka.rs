//! The primary way: the fee asked over Kafka, the quote published and acknowledged before it is given out.

use std::sync::Arc;

use contracts::Event;
use contracts::event::{FeeRequest, FeeSubject};
use contracts::event_id::fresh_event_id;
use service_kit::clock;
use service_kit::exchange::{AskError, Questions};
use service_kit::publisher::Publisher;
use trading::Decimal;
use trading::fee::{FeeQuote, Liquidity};
use trading::mode::Mode;

use crate::desk::Desk;
use crate::quote::{Ask, Issued, QuoteError};

/// Quotes over Kafka. Clones share everything.
#[derive(Debug, Clone)]
pub struct OverKafka {
    desk: Arc<Desk>,
    questions: Questions,
    publisher: Publisher,
}

impl OverKafka {
    /// Prices of `desk`, fees asked with `questions`, quotes told through `publisher`.
    #[must_use]
    pub const fn new(desk: Arc<Desk>, questions: Questions, publisher: Publisher) -> Self {
        Self { desk, questions, publisher }
    }

    /// A quote that was acknowledged. Waits as long as Kafka does, or until the asker's deadline for the fee.
    ///
    /// # Errors
    /// [`QuoteError`] says whether anything was sent; nothing is ever executed by a quote.
    pub async fn quote(&self, ask: Ask) -> Result<Issued, QuoteError> {
        let priced = self.desk.price(&ask, Mode::Normal, clock::now())?;
        let fee = self.fee(&ask, priced.notional).await?;
        self.desk.learn(&ask, &fee, clock::now());
        let issued = self.desk.issue(&ask, priced, fee);
        let event_id = fresh_event_id();
        let provenance = self.publisher.provenance(event_id, Mode::Normal);
        let provenance = provenance.caused_by(ask.cause.unwrap_or(event_id));
        let event = Event::QuoteIssued(Box::new(issued.signed.clone()));
        self.publisher.publish(event, &provenance)?.await?;
        // The fee was asked and answered over Kafka, the quote is in the log: nothing is left for a heartbeat to do.
        self.publisher.proved(ask.circuit());
        Ok(issued)
    }

    async fn fee(&self, ask: &Ask, notional: Decimal) -> Result<FeeQuote, QuoteError> {
        let request = FeeRequest {
            account: ask.account.clone(),
            product: ask.product.clone(),
            subject: FeeSubject::Quote(ask.quote_id.clone()),
            notional,
            liquidity: Liquidity::Taker,
        };
        let event_id = fresh_event_id();
        let provenance = self.publisher.provenance(event_id, Mode::Normal);
        let provenance = provenance.caused_by(ask.cause.unwrap_or(event_id));
        let asked = self.questions.ask(Event::FeeRequest(request), provenance, ask.deadline);
        match asked.await? {
            (_, Event::FeeReply(reply)) => reply.result.map_err(QuoteError::FeeRefused),
            _ => Err(AskError::OtherKind.into()),
        }
    }
}
