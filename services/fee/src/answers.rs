//! Questions over Kafka: the fee is answered, and told to the world as `FeeAssessed`.
//!
//! The answer does not wait for that event, which is handed over behind it, and counted: ahead of it, it would be
//! acknowledged by the broker before the answer is even looked at.
//! Of an order the event id is a function of the order, so that a question asked twice tells one fee.

use std::sync::Arc;
use std::time::Duration;

use bus::Then;
use contracts::event::{FeeAssessed, FeeReply, FeeRequest, FeeSubject};
use contracts::event_id::{Step, event_id_for, fresh_event_id};
use contracts::{Event, Provenance};
use service_kit::clock;
use service_kit::exchange::{Answer, Answered};
use service_kit::publisher::Publisher;
use trading::ids::{AccountId, EventId, OrderKey};
use trading::mode::Mode;

use crate::desk::Desk;

/// Answers questions with the fees of a desk.
#[derive(Debug)]
pub struct FeeAnswers {
    desk: Arc<Desk>,
    publisher: Publisher,
}

impl FeeAnswers {
    /// The fees of `desk`, told through `publisher`.
    #[must_use]
    pub const fn new(desk: Arc<Desk>, publisher: Publisher) -> Self {
        Self { desk, publisher }
    }
}

impl Answer for FeeAnswers {
    async fn answer(&self, question: Event, provenance: &Provenance, _: Duration) -> Option<Answered> {
        let Event::FeeRequest(request) = question else { return None };
        let FeeRequest { account, product, subject, notional, liquidity } = request;
        let now = clock::now();
        let result = self.desk.assess(&account, &product, notional, liquidity, now);
        let assessed = result.as_ref().ok().map(|fee| {
            let event_id = event_id_of(&account, &subject);
            let cause = self.publisher.provenance(event_id, Mode::Normal).caused_by(provenance.event_id);
            let (subject, fee) = (subject.clone(), fee.clone());
            let assessed = FeeAssessed { account, product, subject, notional, fee, assessed_at: now };
            let publisher = self.publisher.clone();
            Then::new(move || publisher.publish_unwatched(Event::FeeAssessed(Box::new(assessed)), &cause))
        });
        let reply = Event::FeeReply(Box::new(FeeReply { subject, result }));
        Some(Answered { event: reply, mode: Mode::Normal, then: assessed })
    }
}

fn event_id_of(account: &AccountId, subject: &FeeSubject) -> EventId {
    match subject {
        FeeSubject::Quote(_) => fresh_event_id(),
        FeeSubject::Order { client_order_id, .. } => {
            let key = OrderKey { account: account.clone(), client_order_id: client_order_id.clone() };
            event_id_for(&key, Step::FeeAssessed)
        }
    }
}
