//! The quotes that this instance issued, for `GET /v1/quotes/{id}` and for questions that are asked twice.
//!
//! Bound: of more than `quotes_max` the ones issued first are forgotten, whether they live or not: a quote is honoured
//! by its signature, not by being found here. Expired ones count as not there.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use trading::Decimal;
use trading::ids::QuoteId;
use trading::signature::SignedQuote;
use trading::time::Timestamp;

use crate::quote::{Ask, Issued};

/// The most quotes that are remembered: ten seconds of life at 5,000 quotes per second.
pub const QUOTES_MAX: usize = 50_000;

/// The issued quotes.
#[derive(Debug)]
pub struct IssuedQuotes {
    quotes_max: usize,
    store: Mutex<Store>,
}

/// A quote, and the quantity that was asked for: its own was floored.
#[derive(Debug, Clone)]
pub struct Remembered {
    asked: Decimal,
    /// The quote.
    pub issued: Issued,
}

impl Remembered {
    /// Whether the quote was made for just this question.
    #[must_use]
    pub fn answers(&self, ask: &Ask) -> bool {
        let quote = &self.issued.signed.quote;
        (&quote.account, &quote.product, quote.side, self.asked)
            == (&ask.account, &ask.product, ask.side, ask.quantity)
    }
}

#[derive(Debug, Default)]
struct Store {
    quotes: HashMap<QuoteId, Remembered>,
    order: VecDeque<QuoteId>,
}

impl IssuedQuotes {
    /// Remembers at most `quotes_max` quotes.
    #[must_use]
    pub fn new(quotes_max: usize) -> Self {
        Self { quotes_max, store: Mutex::default() }
    }

    /// Remembers a quote; one of the same id is replaced.
    pub fn insert(&self, ask: &Ask, issued: &Issued, now: Timestamp) {
        let id = ask.quote_id.clone();
        let remembered = Remembered { asked: ask.quantity, issued: issued.clone() };
        let mut store = self.store();
        while store.order.len() >= self.quotes_max || store.oldest_is_over(now) {
            let Some(oldest) = store.order.pop_front() else { break };
            store.quotes.remove(&oldest);
        }
        if store.quotes.insert(id.clone(), remembered).is_none() {
            store.order.push_back(id);
        }
    }

    /// A quote that is still worth something.
    #[must_use]
    pub fn get(&self, id: &QuoteId, now: Timestamp) -> Option<Remembered> {
        self.store().quotes.get(id).filter(|found| !is_over(&found.issued.signed, now)).cloned()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn oldest_is_over(&self, now: Timestamp) -> bool {
        let oldest = self.order.front().and_then(|id| self.quotes.get(id));
        oldest.is_some_and(|found| is_over(&found.issued.signed, now))
    }
}

fn is_over(signed: &SignedQuote, now: Timestamp) -> bool {
    now >= signed.quote.expires_at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ask, desk};
    use service_kit::clock;
    use std::time::Duration;
    use trading::mode::Mode;

    fn issue(store: &IssuedQuotes, id: &str) -> Issued {
        let ask = Ask { quote_id: QuoteId::new(id).unwrap(), ..ask() };
        let (desk, now) = (desk(Duration::ZERO), clock::now());
        let priced = desk.price(&ask, Mode::Degraded, now).unwrap();
        let fee = desk.cached_fee(&ask, &priced, now).unwrap();
        let issued = desk.issue(&ask, priced, fee);
        store.insert(&ask, &issued, now);
        issued
    }

    fn found(store: &IssuedQuotes, id: &str, later: Duration) -> bool {
        store.get(&QuoteId::new(id).unwrap(), clock::now().plus(later)).is_some()
    }

    #[test]
    fn a_quote_is_found_until_it_expires() {
        let store = IssuedQuotes::new(10);
        let issued = issue(&store, "q-1");
        let known = store.get(&issued.signed.quote.quote_id, clock::now()).unwrap();
        assert_eq!(known.issued, issued);
        assert!(known.answers(&ask()));
        assert!(!known.answers(&Ask { quantity: "0.002".parse().unwrap(), ..ask() }));
        assert!(!found(&store, "q-1", Duration::from_secs(6)));
    }

    #[test]
    fn at_its_bound_the_quote_issued_first_is_forgotten() {
        let store = IssuedQuotes::new(2);
        for id in ["q-1", "q-2", "q-3"] {
            issue(&store, id);
        }
        assert!(!found(&store, "q-1", Duration::ZERO));
        assert!(found(&store, "q-2", Duration::ZERO) && found(&store, "q-3", Duration::ZERO));
    }
}
