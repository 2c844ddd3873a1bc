//! The way of an order, step by step; each step waits for Kafka, as on the day of the case.
//!
//! A quote, and OrderPlaced acked beside it -> fee -> OrderAccepted acked -> TradeExecuted and LedgerPosted, handed over
//! together, both acked. A quote binds nobody, so it need not wait until the order is in the log. The executor only proposes: whether a record may still be handed over is decided by the
//! [`Flow`](crate::flow::Flow), under its lock.

use std::convert::Infallible;
use std::sync::Arc;

use contracts::event_id::{Step, event_id_for};
use contracts::refusal::{Refusal, RefusalCode};
use service_kit::clock;
use tokio::time::Instant;
use trading::Decimal;
use trading::fee::FeeQuote;
use trading::ledger::posting_for_trade;
use trading::order::Order;
use trading::product::{Catalogue, Product};
use trading::quote::Quote;
use trading::trade::Trade;

use crate::entry::Entry;
use crate::flow::{Execution, Flow, NotHandedOver};
use crate::wire::{Ack, NoAnswer, NotAcked, NotTaken, Out};
use crate::{facts, stack};

/// One order on its way through the stack.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) entry: Arc<Entry>,
    /// The partition of its account in every topic.
    pub(crate) partition: usize,
    pub(crate) deadline: Instant,
}

/// Why an executor ends before the trade is acknowledged.
#[derive(Debug)]
enum Stop {
    /// A rule refuses.
    Refused(Refusal),
    /// It is certain that nothing will be executed.
    Failed(String),
    /// The fate of a record is not known.
    InDoubt(String),
    /// The flow says so: cancelled, too late, or already in doubt.
    Stopped,
}

/// Executes orders. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Executor {
    out: Out,
    catalogue: Arc<Catalogue>,
}

impl Executor {
    pub(crate) fn new(out: Out, catalogue: Arc<Catalogue>) -> Self {
        Self { out, catalogue }
    }

    /// Takes the order as far as it goes; afterwards its flow has an answer.
    pub(crate) async fn execute(self, attempt: Attempt) -> Result<(), Infallible> {
        let ended = self.steps(&attempt).await;
        attempt.entry.with(|flow| match ended {
            Ok(()) => flow.executed(),
            Err(Stop::Refused(refusal)) => flow.refuse(refusal),
            Err(Stop::Failed(why)) => flow.fail(why),
            Err(Stop::InDoubt(why)) => flow.lose_sight(why),
            Err(Stop::Stopped) => flow.lose_sight(stack::TOO_LATE),
        });
        Ok(())
    }

    async fn steps(&self, attempt: &Attempt) -> Result<(), Stop> {
        let order = attempt.entry.with(|flow| flow.order().clone());
        let product = self.product(&order)?;

        // The question goes first: a broker answers the requests of a connection one after the other, and the quote
        // would wait for the ack of the order. A refusal waits for that ack all the same.
        let quote = async { Ok(self.quote(attempt, &order).await) };
        let placed = async {
            let placed = self.hand_over(attempt, |order| self.out.publish(facts::placed(order)))?;
            Ok::<_, Stop>(placed.await?)
        };
        let (quote, ()) = tokio::try_join!(biased; quote, placed)?;
        let quote = quote?;
        check_quote(&quote, &order)?;
        let notional = product.notional(quote.price, quote.quantity).map_err(|e| Refusal::from(&e))?;
        let fee = self.fee(attempt, &order, notional).await?;

        self.hand_over(attempt, |order| self.out.publish(facts::accepted(order, clock::now())))?.await?;
        attempt.entry.with(Flow::accepted);
        check_quote(&quote, &order)?;
        let (trade, posting) = self.commit(attempt, execution(&order, product, quote, fee)?)?;
        trade.await?;
        posting?.await?;
        self.out.proved(attempt.partition);
        Ok(())
    }

    fn product(&self, order: &Order) -> Result<&Product, Stop> {
        let unknown = || Refusal::new(RefusalCode::UnknownProduct, order.terms.product.to_string());
        Ok(self.catalogue.get(&order.terms.product).ok_or_else(unknown)?)
    }

    fn hand_over(
        &self,
        attempt: &Attempt,
        publish: impl FnOnce(&Order) -> Result<Ack, NotTaken>,
    ) -> Result<Ack, Stop> {
        Ok(attempt.entry.with(|flow| flow.produce(Instant::now(), publish))?)
    }

    /// Both records in one go. The trade decides; a posting that was not taken leaves the order in doubt, and the
    /// resolver books it.
    fn commit(
        &self,
        attempt: &Attempt,
        execution: Arc<Execution>,
    ) -> Result<(Ack, Result<Ack, NotAcked>), Stop> {
        let both = |execution: &Execution| {
            let trade = self.out.publish(facts::trade(execution))?;
            let posting = self.out.publish(facts::posting(execution));
            Ok((trade, posting.map_err(|NotTaken(why)| NotAcked(why))))
        };
        Ok(attempt.entry.with(|flow| flow.commit(Instant::now(), execution, both))?)
    }

    async fn quote(&self, attempt: &Attempt, order: &Order) -> Result<Quote, Stop> {
        let request = facts::quote_request(order);
        let reply = self.out.quote(request, facts::cause(&order.key), attempt.deadline).await?;
        Ok(reply.result?.quote)
    }

    async fn fee(&self, attempt: &Attempt, order: &Order, notional: Decimal) -> Result<FeeQuote, Stop> {
        let request = facts::fee_request(order, notional);
        let reply = self.out.fee(request, facts::cause(&order.key), attempt.deadline).await?;
        Ok(reply.result?)
    }
}

/// Looked at after each wait: a price is never used beyond its life.
fn check_quote(quote: &Quote, order: &Order) -> Result<(), Stop> {
    let usable = quote.check_use(&order.key.account, &order.terms, clock::now());
    usable.map_err(|refusal| Stop::Failed(refusal.to_string()))
}

fn execution(order: &Order, product: &Product, quote: Quote, fee: FeeQuote) -> Result<Arc<Execution>, Stop> {
    let trade = Trade {
        event_id: event_id_for(&order.key, Step::TradeExecuted),
        key: order.key.clone(),
        order_id: order.order_id.clone(),
        quote_id: quote.quote_id,
        product: quote.product,
        side: quote.side,
        price: quote.price,
        quantity: quote.quantity,
        fee,
        executed_at: clock::now(),
    };
    let posting = posting_for_trade(&trade, product, event_id_for(&order.key, Step::LedgerPosted))
        .map_err(|error| Refusal::new(RefusalCode::Internal, error.to_string()))?;
    Ok(Arc::new(Execution { trade: Arc::new(trade), posting, mode: quote.mode }))
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotHandedOver<NotTaken>> for Stop {
    fn from(not: NotHandedOver<NotTaken>) -> Self {
        match not {
            NotHandedOver::Stopped => Self::Stopped,
            NotHandedOver::Refused(NotTaken(why)) => Self::Failed(why),
        }
    }
}

impl From<NotAcked> for Stop {
    fn from(NotAcked(why): NotAcked) -> Self {
        Self::InDoubt(why)
    }
}

impl From<NoAnswer> for Stop {
    fn from(none: NoAnswer) -> Self {
        match none {
            NoAnswer::NotSent(why) => Self::Failed(why),
            NoAnswer::Unknown(why) => Self::InDoubt(why),
        }
    }
}
