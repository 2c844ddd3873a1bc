//! The quote service: a firm price for one customer, for a short time.
//!
//! # Layout
//! - [`http`], [`answers`]: the two doors; [`quotes`]: where both lead;
//! - [`stack`]: the layers, with their bounds in [`layers`] and a witness in [`used`]; [`over_kafka`]: the primary way,
//!   [`locally`]: the fallback, with [`fee_client`] and [`tiers`];
//! - [`desk`]: prices and signatures, [`prices`]: the feed, [`issued`]: what was issued;
//! - [`settings`]: flags and environment.
//!
//! # Invariants
//! Both ways price by the same rules and sign with the same key; a degraded quote says so and is capped. A quote over
//! Kafka is given out only after it was acknowledged. Nothing on the request path is read by a group.

pub mod answers;
mod compare;
pub mod desk;
pub mod fee_client;
#[cfg(test)]
mod fixtures;
pub mod http;
pub mod issued;
pub mod layers;
pub mod locally;
pub mod over_kafka;
pub mod prices;
pub mod quote;
pub mod quotes;
pub mod settings;
pub mod stack;
pub mod tiers;
pub mod used;

use std::sync::Arc;
use std::time::Duration;

use bus::{Responder, ResponderLimits, StartAt};
use circuit::{BadSetting, Words};
use contracts::Event;
use contracts::topics::{
    DEAD_LETTERS, FEE_REQUESTS, MARKET_TICKS, MODES, QUOTE_REPLIES, QUOTE_REQUESTS, QUOTES,
};
use service_kit::connection::{ConnectError, Connection};
use service_kit::edge::{Readiness, serve, with_common_routes};
use service_kit::exchange::{Answering, Questions};
use service_kit::health::{Health, Operators, Watched};
use service_kit::inbox::{DeadLetters, Inbox, Received};
use service_kit::kafka_settings::KafkaSettingsError;
use service_kit::layout::Topics;
use service_kit::metrics::Metrics;
use service_kit::publisher::{Publisher, circuit_index};
use service_kit::settings::Strategy;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trading::signature::QuoteSigner;
use uuid::Uuid;

use crate::answers::QuoteAnswers;
use crate::desk::Desk;
use crate::fee_client::FeeClient;
use crate::issued::IssuedQuotes;
pub use crate::layers::LayerSettings;
use crate::locally::Locally;
use crate::over_kafka::OverKafka;
use crate::quote::Ask;
use crate::quotes::Quotes;
pub use crate::settings::{Fallback, FeeUrl, QuoteSettings, SigningKey};
use crate::stack::{Parts, Stack};
use crate::tiers::Tiers;
pub use crate::used::{FallbackCounts, FallbackUse};

/// The name of the service in records, metrics and logs.
pub const SERVICE: &str = "quote";

const TOPICS: Topics = Topics {
    by_account: &[FEE_REQUESTS, QUOTE_REPLIES, QUOTES, QUOTE_REQUESTS],
    others: &[MARKET_TICKS, MODES, DEAD_LETTERS],
};

/// Whoever asks over Kafka watches `quote.requests` and the topic of its own answers.
const WATCHED: Watched = Watched {
    path: &[FEE_REQUESTS, QUOTE_REPLIES, QUOTES],
    read: &[QUOTE_REPLIES],
    words: Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" },
};

/// Questions answered at a time; at the bound no more are read, and those whose askers have gone are skipped.
const CONCURRENCY_MAX: usize = 1_024;

/// The bound of each of the last closes; what is frozen ends by itself.
const CLOSE: Duration = Duration::from_millis(300);

/// Serves on `listener` until `shutdown`, then drains.
///
/// # Errors
/// The service could not start on this cluster, or its reader of requests has failed for good; the error names what
/// to change.
pub async fn run(
    listener: TcpListener,
    settings: QuoteSettings,
    shutdown: CancellationToken,
) -> Result<(), ConnectError> {
    let started = tokio::select! {
        started = QuoteService::start(&settings) => started?,
        () = shutdown.cancelled() => return Ok(()),
    };
    started.serve(listener, &settings, shutdown).await
}

/// Everything in place: no answer and no request can be missed from here on.
struct QuoteService {
    connection: Connection,
    metrics: Metrics,
    health: Health,
    desk: Arc<Desk>,
    questions: Questions,
    quotes: Quotes,
    responder: Responder<Answering<QuoteAnswers>>,
    ticks: Inbox,
}

impl QuoteService {
    async fn start(settings: &QuoteSettings) -> Result<Self, ConnectError> {
        let connection = Connection::open(&settings.kafka, SERVICE, &TOPICS).await?;
        let metrics = Metrics::new(SERVICE);
        let health = Health::start(&connection, WATCHED, metrics.clone()).await?;
        let publisher = Publisher::new(&connection, health.unacked(), health.outcomes(), metrics.clone());
        let dead_letters = DeadLetters::new(&connection, metrics.clone());
        let questions =
            Questions::start(&connection, publisher.clone(), dead_letters.clone(), QUOTE_REPLIES).await?;
        health.follow(questions.reply_signals());

        let desk =
            Arc::new(Desk::new(signer(settings.signing_key.as_ref()), Tiers::new(tiers::ACCOUNTS_MAX)));
        let over_kafka = OverKafka::new(Arc::clone(&desk), questions.clone(), publisher);
        let locally = Locally::new(Arc::clone(&desk), fee_client(settings), metrics.clone());
        let partitions = circuit_index(connection.layout().partitions());
        let stack = stack(settings, (SERVICE, partitions, &health), over_kafka, locally, &metrics)
            .map_err(KafkaSettingsError::from)?;
        let issued = IssuedQuotes::new(issued::QUOTES_MAX);
        let quotes = Quotes::new(stack, Arc::clone(connection.layout()), issued);

        let ticks = connection.reader("ticks", &[MARKET_TICKS], StartAt::End).await?;
        let ticks = Inbox::new(ticks, dead_letters.clone());
        let requests = connection.reader("requests", &[QUOTE_REQUESTS], StartAt::End).await?;
        let answers = QuoteAnswers::new(quotes.clone(), settings.kafka.deadline());
        let handler = Answering::new(answers, &connection, dead_letters);
        // Half of the drain for the handlers, half for the reader behind them.
        let limits =
            ResponderLimits { concurrency_max: CONCURRENCY_MAX, drain_max: settings.http.drain() / 2 };
        let responder = Responder::new(requests, connection.producer().clone(), handler, limits);
        Ok(Self { connection, metrics, health, desk, questions, quotes, responder, ticks })
    }

    async fn serve(
        self,
        listener: TcpListener,
        settings: &QuoteSettings,
        shutdown: CancellationToken,
    ) -> Result<(), ConnectError> {
        let Self { connection, metrics, health, desk, questions, quotes, responder, ticks } = self;
        let ready = Readiness::default();
        let routes = http::routes(quotes, &settings.kafka)
            .merge(health.routes(Operators::of(&settings.http, &listener)));
        let routes = with_common_routes(routes, &settings.http, metrics, ready.clone());
        connection.log_ready(&listener);

        let stop = shutdown.child_token();
        let answering = async {
            let ended = responder.run(stop.clone()).await;
            // A service that cannot read its requests any more ends, so that it is started again.
            stop.cancel();
            ended
        };
        let pricing = follow_prices(ticks, &desk, stop.clone());
        let draining = ready.until(&stop);
        let serving = serve(listener, routes, &settings.http, stop.clone());
        let (answered, (), (), ()) = tokio::join!(answering, pricing, draining, serving);
        tokio::join!(health.close(CLOSE), questions.close(CLOSE), connection.close(CLOSE));
        Ok(answered?)
    }
}

fn stack(
    settings: &QuoteSettings,
    whose: (&'static str, usize, &Health),
    over_kafka: OverKafka,
    locally: Locally,
    metrics: &Metrics,
) -> Result<Stack, BadSetting> {
    let primary = move |ask: Ask| {
        let over_kafka = over_kafka.clone();
        async move { over_kafka.quote(ask).await }
    };
    let (service, partitions, health) = whose;
    match settings.kafka.strategy {
        Strategy::Hang => Ok(Stack::hanging(primary)),
        Strategy::Timeout => Ok(Stack::with_deadline(primary)),
        Strategy::Breaker => {
            let whose = (service, partitions, health.breaker_listener());
            Stack::with_breaker(primary, &settings.kafka.breaker, whose)
        }
        Strategy::Degrade => {
            let parts = Parts {
                switches: health.switches(),
                unanswered: health.unanswered(),
                layers: settings.layers.clone(),
                used: settings.used.clone(),
                metrics: metrics.clone(),
            };
            Stack::degrading(primary, locally, parts)
        }
    }
}

fn fee_client(settings: &QuoteSettings) -> Option<FeeClient> {
    match settings.fallback {
        Fallback::Http => Some(FeeClient::new(
            &settings.fee_url,
            settings.fee_timeout(),
            settings.layers.fee_questions_max(),
        )),
        Fallback::Cached => None,
    }
}

fn signer(key: Option<&SigningKey>) -> QuoteSigner {
    let key = key.map_or_else(random_key, |key| key.bytes().to_vec());
    QuoteSigner::new(&key).expect("the settings take no short key, and a random one has 32 bytes")
}

/// Two version 4 UUIDs are 244 random bits from the operating system.
fn random_key() -> Vec<u8> {
    tracing::warn!("no signing key given: quotes are signed with a random one that dies with this process");
    [Uuid::new_v4(), Uuid::new_v4()].iter().flat_map(|uuid| *uuid.as_bytes()).collect()
}

/// Without the feed the prices grow stale, and quotes end by the rules for stale prices.
async fn follow_prices(ticks: Inbox, desk: &Desk, stop: CancellationToken) {
    let record = |received: &Received| {
        if let Event::Tick(tick) = &received.event {
            desk.record(tick);
        }
    };
    if let Err(error) = ticks.run(stop, record).await {
        tracing::error!(%error, "prices can no longer be read; there will be no quotes until a restart");
    }
}
