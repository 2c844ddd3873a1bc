//! Where both doors lead, HTTP and Kafka: a question becomes a quote, once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contracts::refusal::{Refusal, RefusalCode};
use service_kit::clock;
use service_kit::layout::Layout;
use trading::Decimal;
use trading::ids::{AccountId, EventId, ProductId, QuoteId};
use trading::order::Side;

use crate::issued::IssuedQuotes;
use crate::quote::{Ask, Issued, QuoteError};
use crate::stack::Stack;

/// What a customer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// For which account.
    pub account: AccountId,
    /// Of which product.
    pub product: ProductId,
    /// Buy or sell.
    pub side: Side,
    /// How much of the base asset, positive.
    pub quantity: Decimal,
}

/// The quotes of this instance. Clones share everything.
#[derive(Debug, Clone)]
pub struct Quotes {
    stack: Stack,
    layout: Arc<Layout>,
    issued: Arc<IssuedQuotes>,
}

impl Quotes {
    /// Quotes of `stack`, remembered in `issued`.
    #[must_use]
    pub fn new(stack: Stack, layout: Arc<Layout>, issued: IssuedQuotes) -> Self {
        Self { stack, layout, issued: Arc::new(issued) }
    }

    /// A quote under this id. Asked again with the same terms while it lives, it is the same quote.
    ///
    /// # Errors
    /// [`QuoteError`] says whether anything was sent; the id of another living quote is refused.
    pub async fn quote(
        &self,
        quote_id: QuoteId,
        terms: Terms,
        budget: Duration,
        cause: Option<EventId>,
    ) -> Result<Issued, QuoteError> {
        let Terms { account, product, side, quantity } = terms;
        let partition = self.layout.partition_of(&account);
        let deadline = Instant::now() + budget;
        let ask = Ask { quote_id, account, product, side, quantity, partition, budget, deadline, cause };
        match self.issued.get(&ask.quote_id, clock::now()) {
            Some(known) if known.answers(&ask) => return Ok(known.issued),
            Some(_) => return Err(taken(&ask.quote_id).into()),
            None => {}
        }
        let issued = self.stack.quote(ask.clone()).await?;
        self.issued.insert(&ask, &issued, clock::now());
        Ok(issued)
    }

    /// A quote that this instance issued and that still lives.
    #[must_use]
    pub fn find(&self, id: &QuoteId) -> Option<Issued> {
        self.issued.get(id, clock::now()).map(|known| known.issued)
    }
}

fn taken(id: &QuoteId) -> Refusal {
    Refusal::new(RefusalCode::Internal, format!("quote id {id} was used for other terms"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ask, desk, layout};
    use std::sync::atomic::{AtomicI64, Ordering};
    use trading::mode::Mode;
    use trading::time::Timestamp;

    #[tokio::test]
    async fn a_question_asked_twice_has_one_answer_and_its_id_no_other() {
        let desk = Arc::new(desk(Duration::ZERO));
        let calls = Arc::new(AtomicI64::new(1));
        let stack = Stack::hanging(move |ask| {
            let (desk, call) = (Arc::clone(&desk), calls.fetch_add(1, Ordering::Relaxed));
            async move {
                let now = clock::now();
                let priced = desk.price(&ask, Mode::Normal, now)?;
                // Each answer is another one.
                let mut fee = desk.cached_fee(&ask, &priced, now)?;
                fee.tier_as_of = Timestamp::from_unix_ms(call);
                Ok(desk.issue(&ask, priced, fee))
            }
        });
        let quotes = Quotes::new(stack, Arc::new(layout()), IssuedQuotes::new(10));
        let quote = |quantity: &str| {
            let Ask { quote_id, account, product, side, .. } = ask();
            let terms = Terms { account, product, side, quantity: quantity.parse().unwrap() };
            quotes.quote(quote_id, terms, Duration::from_secs(5), None)
        };
        let first = quote("0.001").await.unwrap();
        assert_eq!(quote("0.001").await.unwrap(), first);
        let error = quote("0.002").await.unwrap_err().to_string();
        assert!(error.contains("other terms"), "{error}");
    }
}
