//! The fallback: the same calculation without Kafka, on the terms of a degraded quote.
//!
//! The quote is not published: its partition is stuck, and records that wait there would take the room of those for
//! healthy ones. It is honoured by its signature.

use std::sync::Arc;
use std::time::Duration;

use service_kit::clock;
use service_kit::metrics::Metrics;
use trading::fee::FeeQuote;
use trading::mode::Mode;
use trading::pricing::Priced;

use crate::desk::Desk;
use crate::fee_client::FeeClient;
use crate::quote::{Ask, Issued, QuoteError};

/// Quotes without Kafka. Clones share everything.
#[derive(Debug, Clone)]
pub struct Locally {
    desk: Arc<Desk>,
    fees: Option<FeeClient>,
    metrics: Metrics,
}

impl Locally {
    /// Prices of `desk`; the fee from `fees` first, if that is wanted.
    #[must_use]
    pub const fn new(desk: Arc<Desk>, fees: Option<FeeClient>, metrics: Metrics) -> Self {
        Self { desk, fees, metrics }
    }

    /// A degraded quote: shorter life, capped notional, and a fee that may be on an older tier.
    ///
    /// # Errors
    /// Only rules of the house: a stale price, a notional over the cap.
    pub async fn quote(&self, ask: Ask) -> Result<Issued, QuoteError> {
        let (issued, way) = self.calculated(&ask, Mode::Degraded).await?;
        self.metrics.fallback(way);
        Ok(issued)
    }

    /// The same for nobody, to be compared with a quote over Kafka. It is not counted, and not capped: the cap is a rule
    /// for customers, and a large quote says nothing against the calculation.
    ///
    /// # Errors
    /// Only rules of the house: a stale price.
    pub async fn rehearse(&self, ask: Ask) -> Result<Issued, QuoteError> {
        self.calculated(&ask, Mode::Normal).await.map(|(issued, _)| issued)
    }

    /// How old the price is that a question would be answered with.
    #[must_use]
    pub fn price_age(&self, ask: &Ask) -> Option<Duration> {
        self.desk.price_age(ask, clock::now())
    }

    /// The quote, and by which way its fee was come by.
    async fn calculated(&self, ask: &Ask, mode: Mode) -> Result<(Issued, &'static str), QuoteError> {
        let priced = self.desk.price(ask, mode, clock::now())?;
        let (fee, way) = match self.fee_over_http(ask, &priced).await {
            Some(fee) => (fee, "http"),
            None => (self.desk.cached_fee(ask, &priced, clock::now())?, "cached"),
        };
        Ok((self.desk.issue(ask, priced, fee), way))
    }

    async fn fee_over_http(&self, ask: &Ask, priced: &Priced) -> Option<FeeQuote> {
        match self.fees.as_ref()?.fee(ask, priced.notional).await {
            Ok(fee) => {
                self.desk.learn(ask, &fee, clock::now());
                Some(fee)
            }
            Err(error) => {
                tracing::debug!(%error, "no fee over HTTP; the cached tier is used");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ask, desk};
    use axum::Router;
    use axum::routing::post;
    use service_kit::problem::PathTaken;
    use std::net::SocketAddr;
    use tokio::net::TcpListener;

    /// Long enough for a busy machine to answer, short enough to wait for.
    const PATIENCE: Duration = Duration::from_secs(2);

    async fn fee_service(routes: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    fn quotes_over(address: SocketAddr, timeout: Duration) -> Locally {
        let fees = FeeClient::new(&address.into(), timeout, 8);
        Locally::new(Arc::new(desk(Duration::ZERO)), Some(fees), Metrics::new("quote"))
    }

    const FEE: &str = r#"{"account": "a-1", "product": "BTC-USD", "notional": "50.25", "fee": {
        "amount": "0.21", "rate_bps": "40", "liquidity": "taker", "tier": 2,
        "fee_schedule_version": "standard-1", "tier_as_of": 1, "freshness": "normal"}}"#;

    #[tokio::test]
    async fn the_fee_service_is_asked_over_http_first() {
        let answer = |body: String| async move {
            assert!(body.contains(r#""account":"a-1""#) && body.contains(r#""notional":"50.25""#), "{body}");
            FEE
        };
        let address = fee_service(Router::new().route("/v1/fees", post(answer))).await;
        let issued = quotes_over(address, PATIENCE).quote(ask()).await.unwrap();
        assert_eq!((issued.path, issued.signed.quote.mode), (PathTaken::Sync, Mode::Degraded));
        assert_eq!(issued.signed.quote.fee.tier, 2);
    }

    #[tokio::test]
    async fn a_fee_service_that_is_not_there_costs_the_tier_and_not_the_quote() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let issued = quotes_over(nobody, PATIENCE).quote(ask()).await.unwrap();
        assert_eq!((issued.path, issued.signed.quote.fee.tier), (PathTaken::Sync, 0));
    }

    #[tokio::test]
    async fn a_fee_service_that_hangs_or_talks_nonsense_is_not_waited_for() {
        let hangs = fee_service(Router::new().route("/v1/fees", post(std::future::pending::<()>))).await;
        let nonsense = fee_service(Router::new().route("/v1/fees", post(|| async { "{}" }))).await;
        for address in [hangs, nonsense] {
            let quotes = quotes_over(address, Duration::from_millis(50));
            assert_eq!(quotes.quote(ask()).await.unwrap().signed.quote.fee.tier, 0);
            assert!(quotes.metrics.encode().contains(r#"way="cached""#));
        }
    }
}
