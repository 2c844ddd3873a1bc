//! A way out that follows a script, for tests: it remembers what it was told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use contracts::EventType;
use contracts::event::{FeeReply, FeeRequest, QuoteReply, QuoteRequest};
use contracts::refusal::{Refusal, RefusalCode};
use futures::FutureExt;
use futures::future::{pending, ready};
use service_kit::clock;
use tokio::time::Instant;
use trading::ids::EventId;

use crate::samples;
use crate::wire::{Ack, Asked, Fact, NoAnswer, NotAcked, NotTaken, Wire};

/// What happens to a record or a question.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// Acknowledged, or answered.
    Good,
    /// Taken, and then nothing.
    Silence,
    /// Taken, and given up by the client: it may be in the log.
    Lost,
    /// Not taken.
    Full,
    /// A question is answered with a refusal; a record is acknowledged.
    Refusal(RefusalCode),
}

#[derive(Debug, Default)]
pub(crate) struct Script {
    fates: Mutex<HashMap<EventType, VecDeque<Fate>>>,
    taken: Mutex<Vec<(EventType, Option<EventId>)>>,
}

impl Script {
    /// What happens to the next of these, in turn; after that all is good.
    pub(crate) fn next(&self, event_type: EventType, fates: impl IntoIterator<Item = Fate>) {
        self.fates.lock().unwrap().entry(event_type).or_default().extend(fates);
    }

    /// What was taken, in order.
    pub(crate) fn taken(&self) -> Vec<EventType> {
        self.taken.lock().unwrap().iter().map(|(event_type, _)| *event_type).collect()
    }

    /// The ids under which events of this type were taken.
    pub(crate) fn ids(&self, event_type: EventType) -> Vec<EventId> {
        let taken = self.taken.lock().unwrap();
        taken.iter().filter(|(taken, _)| *taken == event_type).filter_map(|(_, id)| *id).collect()
    }

    fn take(&self, event_type: EventType, id: Option<EventId>) -> Fate {
        let fate = self.fates.lock().unwrap().get_mut(&event_type).and_then(VecDeque::pop_front);
        let fate = fate.unwrap_or(Fate::Good);
        if !matches!(fate, Fate::Full) {
            self.taken.lock().unwrap().push((event_type, id));
        }
        fate
    }

    fn answer<T: Send + 'static>(
        &self,
        event_type: EventType,
        answer: impl FnOnce(Option<Refusal>) -> T,
    ) -> Asked<T> {
        match self.take(event_type, None) {
            Fate::Good => ready(Ok(answer(None))).boxed(),
            Fate::Silence => pending().boxed(),
            Fate::Lost => ready(Err(NoAnswer::Unknown("lost".into()))).boxed(),
            Fate::Full => ready(Err(NoAnswer::NotSent("full".into()))).boxed(),
            Fate::Refusal(code) => ready(Ok(answer(Some(Refusal::new(code, "by the script"))))).boxed(),
        }
    }
}

impl Wire for Arc<Script> {
    fn publish(&self, fact: Fact) -> Result<Ack, NotTaken> {
        match self.take(fact.event.event_type(), Some(fact.event_id)) {
            Fate::Good | Fate::Refusal(_) => Ok(ready(Ok(())).boxed()),
            Fate::Silence => Ok(pending().boxed()),
            Fate::Lost => Ok(ready(Err(NotAcked("lost".into()))).boxed()),
            Fate::Full => Err(NotTaken("full".into())),
        }
    }

    fn quote(&self, request: QuoteRequest, _: EventId, _: Instant) -> Asked<QuoteReply> {
        self.answer(EventType::QuoteRequest, |refusal| QuoteReply {
            quote_id: request.quote_id.clone(),
            result: refusal.map_or_else(|| Ok(samples::quote(request, clock::now())), Err),
        })
    }

    fn fee(&self, request: FeeRequest, _: EventId, _: Instant) -> Asked<FeeReply> {
        self.answer(EventType::FeeRequest, |refusal| FeeReply {
            subject: request.subject,
            result: refusal.map_or_else(|| Ok(samples::fee()), Err),
        })
    }

    fn proved(&self, _: usize) {}
}
