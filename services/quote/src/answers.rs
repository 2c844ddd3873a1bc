//! Questions over Kafka: through the same stack as HTTP, with what is left of the asker's patience.

use std::time::Duration;

use contracts::event::{QuoteReply, QuoteRequest};
use contracts::refusal::{Refusal, RefusalCode};
use contracts::{Event, Provenance};
use service_kit::exchange::{Answer, Answered, AskError};
use trading::mode::Mode;

use crate::quote::{Issued, QuoteError};
use crate::quotes::{Quotes, Terms};

/// Answers questions with quotes.
#[derive(Debug, Clone)]
pub struct QuoteAnswers {
    quotes: Quotes,
    own_deadline: Duration,
}

impl QuoteAnswers {
    /// Quotes of `quotes`, within `own_deadline` at most.
    #[must_use]
    pub const fn new(quotes: Quotes, own_deadline: Duration) -> Self {
        Self { quotes, own_deadline }
    }
}

impl Answer for QuoteAnswers {
    async fn answer(
        &self,
        question: Event,
        provenance: &Provenance,
        time_left: Duration,
    ) -> Option<Answered> {
        let Event::QuoteRequest(request) = question else { return None };
        let QuoteRequest { quote_id, account, product, side, quantity } = request;
        let terms = Terms { account, product, side, quantity };
        let budget = time_left.min(self.own_deadline);
        let quoted = self.quotes.quote(quote_id.clone(), terms, budget, Some(provenance.event_id)).await;
        let result = match quoted {
            Ok(Issued { signed, .. }) => Ok(signed),
            // Nobody waits any more.
            Err(QuoteError::Elapsed(_) | QuoteError::TooLate(_)) => return None,
            Err(error) => Err(refusal(error)),
        };
        let mode = result.as_ref().map_or(Mode::Normal, |signed| signed.quote.mode);
        let event = Event::QuoteReply(Box::new(QuoteReply { quote_id, result }));
        Some(Answered { event, mode, then: None })
    }
}

/// What is told over Kafka of an error: whether asking again can help is in the code.
fn refusal(error: QuoteError) -> Refusal {
    let code = match &error {
        QuoteError::Refused(refusal) | QuoteError::FeeRefused(refusal) => return refusal.clone(),
        QuoteError::Publish(_) | QuoteError::Fee(AskError::Publish(_)) => RefusalCode::Overloaded,
        QuoteError::Fee(AskError::Request(bus::RequestError::NotSent(_))) => RefusalCode::Overloaded,
        QuoteError::Overloaded(_)
        | QuoteError::Unproven(_)
        | QuoteError::Limit(_)
        | QuoteError::BreakerOpen => RefusalCode::Overloaded,
        QuoteError::Fee(_) => RefusalCode::FeeUnavailable,
        QuoteError::TooLate(_) | QuoteError::Elapsed(_) => RefusalCode::DeadlinePassed,
        QuoteError::Delivery(_) => RefusalCode::Internal,
    };
    Refusal::new(code, error.to_string())
}
