//! The way to a quote, by strategy.
//!
//! `degrade` has every layer in its place, as the crate of that name says how to compose them; outermost is the rescue
//! of the HTTP door, then:
//!
//! | layer | here |
//! |---|---|
//! | early drop, deadline | what the asker has left, over HTTP or over Kafka |
//! | shed | customers' quotes give way to quotes for orders |
//! | degrade | one circuit per partition |
//! | shadow, track, Kafka | the primary way; a shadow calculates locally and is compared |
//! | proven, bulkhead, deadline, locally | the other way |
//!
//! `hang` has only Kafka: that is the case. `timeout` has a deadline around it. `breaker` has the breaker that people
//! install, with its time limiter inside.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use circuit::{BadSetting, Calls, SwitchBoard};
use degrade::shed::Priority;
use degrade::{
    BulkheadLayer, ByPartition, DeadlineLayer, DegradeLayer, EarlyDropLayer, Proof, ProvenLayer, ShadowLayer,
    ShedLayer, TrackLayer,
};
use service_kit::breaker::{self, BreakerChange, BreakerSettings};
use service_kit::metrics::Metrics;
use service_kit::rescue::RETRY_AFTER;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceBuilder, ServiceExt as _, service_fn};

use crate::compare::PriceAndRate;
use crate::layers::LayerSettings;
use crate::locally::Locally;
use crate::quote::{Ask, Issued, QuoteError};
use crate::used::FallbackUse;

/// The way to a quote. Clones share everything.
#[derive(Clone)]
pub struct Stack(BoxCloneSyncService<Ask, Issued, QuoteError>);

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

/// What the layers of [`Stack::degrading`] need beside the two ways.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Which way a question takes.
    pub switches: SwitchBoard,
    /// Where those age that take the primary one.
    pub unanswered: Calls,
    /// The bounds.
    pub layers: LayerSettings,
    /// Where it is counted what the fallback did.
    pub used: FallbackUse,
    /// Where it is counted what the layers refused and compared.
    pub metrics: Metrics,
}

impl Stack {
    /// No protection at all.
    pub fn hanging<P, A>(primary: P) -> Self
    where
        P: Fn(Ask) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
    {
        Self(BoxCloneSyncService::new(service_fn(primary)))
    }

    /// A deadline, and nothing else.
    pub fn with_deadline<P, A>(primary: P) -> Self
    where
        P: Fn(Ask) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
    {
        let deadline = DeadlineLayer::new(budget).layer(service_fn(primary));
        Self(BoxCloneSyncService::new(deadline.map_err(QuoteError::from)))
    }

    /// The breaker that people install, around a time limiter.
    ///
    /// # Errors
    /// A setting of the breaker that is unknown or out of bounds.
    pub fn with_breaker<P, A>(
        primary: P,
        settings: &BreakerSettings,
        whose: (&'static str, usize, impl Fn(BreakerChange) + Clone + Send + Sync + 'static),
    ) -> Result<Self, BadSetting>
    where
        P: Fn(Ask) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
    {
        let calls = breaker::Calls { partition: Ask::circuit, budget, failed: QuoteError::is_failure };
        let guarded = breaker::guard(service_fn(primary), settings, whose, calls)?;
        Ok(Self(BoxCloneSyncService::new(guarded.map_err(QuoteError::from))))
    }

    /// Every layer, and `locally` as the other way.
    ///
    /// # Errors
    /// A bound of a layer that is out of bounds.
    pub fn degrading<P, A>(primary: P, locally: Locally, parts: Parts) -> Result<Self, BadSetting>
    where
        P: Fn(Ask) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Issued, QuoteError>> + Send + 'static,
    {
        let Parts { switches, unanswered, layers, used, metrics } = parts;
        let seen = metrics.clone();
        let proof = Proof::new(layers.shadow(), move |shadow| seen.shadowed(shadow))?;
        let bulkhead = BulkheadLayer::new(layers.bulkhead(), price_age(&locally))?;
        let shed = ShedLayer::new(layers.shed(), RETRY_AFTER, Ask::priority)?;
        let early_drop = EarlyDropLayer::new(budget, layers.early_drop_least());
        metrics.count_abandoned(early_drop.tally());
        let fallback_deadline = layers.fallback_deadline();
        let fallback = ServiceBuilder::new()
            .map_err(QuoteError::from)
            .layer(ProvenLayer::new(proof.clone()))
            .layer(bulkhead)
            .layer(DeadlineLayer::new(move |_: &Ask| fallback_deadline))
            .service(served(&locally, &layers, &used, &metrics));
        let stack = ServiceBuilder::new()
            .map_err(move |error| counted(QuoteError::from(error), &used, &metrics))
            .layer(early_drop)
            .layer(DeadlineLayer::new(budget))
            .layer(shed)
            .layer(DegradeLayer::new(fallback, ByPartition::new(switches, Ask::circuit)))
            .layer(ShadowLayer::new(rehearsed(&locally), PriceAndRate, proof))
            .layer(TrackLayer::new(unanswered, Ask::circuit))
            .service(service_fn(primary));
        Ok(Self(BoxCloneSyncService::new(stack)))
    }

    /// A quote.
    ///
    /// # Errors
    /// [`QuoteError`] says whether anything was sent.
    pub async fn quote(&self, ask: Ask) -> Result<Issued, QuoteError> {
        self.0.clone().oneshot(ask).await
    }
}

fn budget(ask: &Ask) -> Duration {
    ask.budget
}

fn price_age(locally: &Locally) -> impl Fn(&Ask) -> Option<Duration> + Clone + Send + Sync + 'static {
    let locally = locally.clone();
    move |ask| locally.price_age(ask)
}

/// The other way for customers, with somebody beside it who looks whether its limits were kept.
fn served(
    locally: &Locally,
    layers: &LayerSettings,
    used: &FallbackUse,
    metrics: &Metrics,
) -> impl tower::Service<Ask, Response = Issued, Error = QuoteError, Future: Send> + Clone + Send + Sync + 'static
{
    let (locally, used, metrics) = (locally.clone(), used.clone(), metrics.clone());
    let (limits, slack) = (layers.bulkhead(), layers.fallback_deadline());
    used.is_limited(&limits);
    service_fn(move |ask: Ask| {
        let (locally, metrics, in_progress) = (locally.clone(), metrics.clone(), used.begin());
        async move {
            let issued = locally.quote(ask).await?;
            if in_progress.served(&issued, &limits, slack) {
                metrics.beyond_limit();
            }
            Ok(issued)
        }
    })
}

/// The other way for nobody, to be compared.
fn rehearsed(
    locally: &Locally,
) -> impl tower::Service<Ask, Response = Issued, Error = QuoteError, Future: Send> + Clone + Send + Sync + 'static
{
    let locally = locally.clone();
    service_fn(move |ask: Ask| {
        let locally = locally.clone();
        async move { locally.rehearse(ask).await }
    })
}

/// Counts a refusal on its way out.
fn counted(error: QuoteError, used: &FallbackUse, metrics: &Metrics) -> QuoteError {
    if let Some(layer) = error.refused_by() {
        metrics.refused(layer);
    }
    if matches!(error, QuoteError::Unproven(_) | QuoteError::Limit(_)) {
        used.refused();
    }
    error
}

impl Ask {
    /// A quote that an order waits for goes before one that a customer looks at.
    fn priority(&self) -> Priority {
        if self.cause.is_some() { Priority::NewOrder } else { Priority::Quote }
    }
}

#[cfg(test)]
mod tests;
