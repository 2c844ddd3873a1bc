//! The stack of a quote, outermost first: deadline, degrade, track, Kafka; and beside it the fallback.
//!
//! Under `hang` there is only Kafka: no deadline, no circuit, no second way. That is the case.

use std::fmt;
use std::future::Future;

use circuit::{Calls, SwitchBoard};
use degrade::deadline::error::Error as DeadlineError;
use degrade::{ByPartition, DeadlineLayer, DegradeLayer, TrackLayer};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt as _, service_fn};

use crate::quote::{Ask, Issued, QuoteError};

/// What the stack fails with.
pub type StackError = DeadlineError<QuoteError>;

/// The way to a quote. Clones share everything.
#[derive(Clone)]
pub struct Stack(BoxCloneSyncService<Ask, Issued, StackError>);

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

impl Stack {
    /// No protection at all.
    pub fn hanging<P, A>(primary: P) -> Self
    where
        P: Fn(Ask) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
    {
        Self(BoxCloneSyncService::new(service_fn(primary).map_err(DeadlineError::Inner)))
    }

    /// A deadline around both ways; `switches` decides which one a question takes, and only those that go the primary
    /// way age in `unanswered`.
    pub fn degrading<P, A, F, B>(primary: P, fallback: F, switches: SwitchBoard, unanswered: Calls) -> Self
    where
        P: Fn(Ask) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
        F: Fn(Ask) -> B + Clone + Send + Sync + 'static,
        B: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
    {
        let tracked = TrackLayer::new(unanswered, Ask::circuit).layer(service_fn(primary));
        let by_circuit = ByPartition::new(switches, Ask::circuit);
        let degrade = DegradeLayer::new(service_fn(fallback), by_circuit).layer(tracked);
        Self(BoxCloneSyncService::new(DeadlineLayer::new(|ask: &Ask| ask.budget).layer(degrade)))
    }

    /// A quote.
    ///
    /// # Errors
    /// [`StackError`] says whether anything was sent.
    pub async fn quote(&self, ask: Ask) -> Result<Issued, StackError> {
        self.0.clone().oneshot(ask).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ask, desk};
    use circuit::{Circuits, Decision, Settings, Words};
    use degrade::deadline::error::Elapsed;
    use service_kit::clock;
    use service_kit::problem::PathTaken;
    use std::sync::Arc;
    use std::time::Duration;
    use trading::mode::Mode;

    async fn made(mode: Mode, ask: Ask) -> Result<Issued, QuoteError> {
        let (desk, now) = (Arc::new(desk(Duration::ZERO)), clock::now());
        let priced = desk.price(&ask, mode, now)?;
        let fee = desk.cached_fee(&ask, &priced, now)?;
        Ok(desk.issue(&ask, priced, fee))
    }

    fn circuits() -> Circuits {
        let words = Words { degraded: "down", restored: "up" };
        Circuits::new(["0", "1"], words, Settings::default(), 1).unwrap()
    }

    fn degrading<P, A>(primary: P, circuits: &Circuits) -> Stack
    where
        P: Fn(Ask) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
    {
        let fallback = |ask| made(Mode::Degraded, ask);
        Stack::degrading(primary, fallback, circuits.switches(), circuits.unanswered())
    }

    #[tokio::test]
    async fn an_open_circuit_makes_a_degraded_quote_of_its_own_partition_only() {
        let circuits = circuits();
        let stack = degrading(|ask| made(Mode::Normal, ask), &circuits);
        let issued = stack.quote(ask()).await.unwrap();
        assert_eq!((issued.path, issued.signed.quote.mode), (PathTaken::Kafka, Mode::Normal));

        circuits.switches().set(1, Decision::Fallback);
        let issued = stack.quote(ask()).await.unwrap();
        assert_eq!((issued.path, issued.signed.quote.mode), (PathTaken::Sync, Mode::Degraded));
        let elsewhere = Ask { partition: 0, ..ask() };
        assert_eq!(stack.quote(elsewhere).await.unwrap().path, PathTaken::Kafka);

        circuits.switches().set(1, Decision::Primary);
        assert_eq!(stack.quote(ask()).await.unwrap().path, PathTaken::Kafka);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_with_the_budget_and_is_seen_by_its_circuit() {
        let mut circuits = circuits();
        let stack = degrading(|_| std::future::pending(), &circuits);
        let budget = Duration::from_millis(300);
        let call = tokio::spawn(async move { stack.quote(Ask { budget, ..ask() }).await });
        tokio::task::yield_now().await;
        let opened = (1..=60).any(|tick| {
            let changes = circuits.watch(Duration::from_millis(10 * tick));
            changes.iter().any(|change| change.partition == 1)
        });
        assert!(opened, "a call that is not answered opens its circuit");
        let elapsed = Elapsed { budget, passed_on: true };
        assert_eq!(call.await.unwrap(), Err(DeadlineError::Elapsed(elapsed)));
    }

    #[tokio::test(start_paused = true)]
    async fn hanging_waits_for_as_long_as_it_takes() {
        let stack = Stack::hanging(|ask| async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            made(Mode::Normal, ask).await
        });
        let ask = Ask { budget: Duration::from_millis(1), ..ask() };
        assert_eq!(stack.quote(ask).await.unwrap().path, PathTaken::Kafka);
    }
}
