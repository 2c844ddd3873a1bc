//! The fee service over HTTP: asked with little patience and a bounded number of questions at a time.
//!
//! At the bound a question is not asked at all, and does not wait: whoever asks has a cached tier to fall back to.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use service_kit::budget::X_DEADLINE_MS;
use tokio::sync::Semaphore;
use trading::Decimal;
use trading::fee::FeeQuote;
use trading::money;

use crate::quote::Ask;
use crate::settings::FeeUrl;

/// The longest answer that is read; one of the fee service has about 300 bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Why the fee service told no fee.
#[derive(Debug, thiserror::Error)]
pub enum FeeHttpError {
    /// Too many questions are under way.
    #[error("as many questions are under way as may be")]
    Busy,
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// No connection, or it broke.
    #[error("not reached: {0}")]
    NotReached(String),
    /// An answer that is no fee.
    #[error("answered {status}: {detail}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// What is wrong.
        detail: String,
    },
}

/// Asks the fee service over HTTP. Clones share the connections and the bound.
#[derive(Debug, Clone)]
pub struct FeeClient {
    client: Client<HttpConnector, Full<Bytes>>,
    fees: Uri,
    timeout: Duration,
    free: Arc<Semaphore>,
}

#[derive(Deserialize)]
struct Answer {
    fee: FeeQuote,
}

impl FeeClient {
    /// A client of the fee service, for so many questions at a time; connects when it is first asked.
    #[must_use]
    pub fn new(url: &FeeUrl, timeout: Duration, questions_max: usize) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(timeout));
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(questions_max).build(connector);
        Self { client, fees: url.fees().clone(), timeout, free: Arc::new(Semaphore::new(questions_max)) }
    }

    /// The fee for a notional.
    ///
    /// # Errors
    /// [`FeeHttpError`], at the latest after the timeout; use the cached tier.
    pub async fn fee(&self, ask: &Ask, notional: Decimal) -> Result<FeeQuote, FeeHttpError> {
        let _permit = self.free.try_acquire().map_err(|_| FeeHttpError::Busy)?;
        let asked = tokio::time::timeout(self.timeout, self.ask(self.request(ask, notional)));
        asked.await.map_err(|_| FeeHttpError::TimedOut(self.timeout))?
    }

    fn request(&self, ask: &Ask, notional: Decimal) -> Request<Full<Bytes>> {
        let body = serde_json::json!({
            "account": ask.account,
            "product": ask.product,
            "side": ask.side,
            "notional": money::canonical(notional),
            "liquidity": "taker",
        });
        let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let mut request = Request::new(Full::from(body.to_string()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.fees.clone();
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        request.headers_mut().insert(X_DEADLINE_MS, timeout_ms.into());
        request
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<FeeQuote, FeeHttpError> {
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| FeeHttpError::NotReached(error.to_string()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| FeeHttpError::NotReached(error.to_string()))?.to_bytes();
        let refused = |detail: String| FeeHttpError::Refused { status, detail };
        if status != StatusCode::OK {
            return Err(refused(String::from_utf8_lossy(&body[..body.len().min(256)]).into_owned()));
        }
        serde_json::from_slice::<Answer>(&body)
            .map(|answer| answer.fee)
            .map_err(|error| refused(error.to_string()))
    }
}
