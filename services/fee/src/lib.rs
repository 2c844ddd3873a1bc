//! The fee service: which fee for which trade.
//!
//! # Layout
//! - [`desk`]: the fees themselves, and the volumes behind the tiers;
//! - [`http`]: the synchronous way to them, [`answers`]: the way over Kafka;
//! - [`settings`]: flags and environment.
//!
//! # Invariants
//! The synchronous way needs no Kafka: it is what others fall back to. The requests are read by assignment, so a lost
//! coordinator does not stop them; only the volumes are fed by a group, because they may lag. Volumes are in memory:
//! the feed is read from its beginning at every start, and each place of it counts once.

pub mod answers;
pub mod desk;
pub mod http;
pub mod settings;

use std::sync::Arc;
use std::time::Duration;

use bus::{Reader, Responder, ResponderLimits, StartAt};
use circuit::Words;
use contracts::Event;
use contracts::topics::{DEAD_LETTERS, FEE_REQUESTS, FEES, MODES, TRADES};
use service_kit::clock;
use service_kit::connection::{ConnectError, Connection};
use service_kit::edge::{Readiness, serve, with_common_routes};
use service_kit::exchange::Answering;
use service_kit::health::{Health, Operators, Watched};
use service_kit::inbox::{DeadLetters, Inbox, Received};
use service_kit::layout::Topics;
use service_kit::metrics::Metrics;
use service_kit::publisher::Publisher;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trading::fee::FeeSchedules;
use trading::product::Catalogue;
use trading::volume::VolumeLimits;

use crate::answers::FeeAnswers;
use crate::desk::Desk;
pub use crate::settings::FeeSettings;

/// The name of the service in records, metrics and logs.
pub const SERVICE: &str = "fee";

const TOPICS: Topics = Topics { by_account: &[FEE_REQUESTS, FEES, TRADES], others: &[MODES, DEAD_LETTERS] };

/// The partitions of the answers are watched by those who wait for them.
const WATCHED: Watched = Watched {
    path: &[FEE_REQUESTS, FEES],
    read: &[FEE_REQUESTS],
    words: Words {
        degraded: "fees over Kafka are late or lost, fees over HTTP go on",
        restored: "fees over Kafka again",
    },
};

/// Questions answered at a time; at the bound no more are read, and those whose askers have gone are skipped.
const CONCURRENCY_MAX: usize = 256;

/// The bound of each of the last closes; what is frozen ends by itself.
const CLOSE: Duration = Duration::from_millis(300);

/// Serves on `listener` until `shutdown`, then drains.
///
/// # Errors
/// The service could not start on this cluster, or its reader of requests has failed for good; the error names what
/// to change.
pub async fn run(
    listener: TcpListener,
    settings: FeeSettings,
    shutdown: CancellationToken,
) -> Result<(), ConnectError> {
    let started = tokio::select! {
        started = FeeService::start(&settings) => started?,
        () = shutdown.cancelled() => return Ok(()),
    };
    started.serve(listener, &settings, shutdown).await
}

/// Everything in place: no request can be missed from here on.
struct FeeService {
    connection: Connection,
    metrics: Metrics,
    health: Health,
    desk: Arc<Desk>,
    responder: Responder<Answering<FeeAnswers>>,
    volumes: Inbox,
}

impl FeeService {
    async fn start(settings: &FeeSettings) -> Result<Self, ConnectError> {
        let connection = Connection::open(&settings.kafka, SERVICE, &TOPICS).await?;
        let metrics = Metrics::new(SERVICE);
        let health = Health::start(&connection, WATCHED, metrics.clone()).await?;
        let publisher = Publisher::new(&connection, health.unacked(), health.outcomes(), metrics.clone());
        let dead_letters = DeadLetters::new(&connection, metrics.clone());
        let desk =
            Arc::new(Desk::new(Catalogue::default(), FeeSchedules::default(), VolumeLimits::default()));

        let requests = connection.reader("requests", &[FEE_REQUESTS], StartAt::End).await?;
        health.follow(requests.signals());
        let answers = FeeAnswers::new(Arc::clone(&desk), publisher);
        let handler = Answering::new(answers, &connection, dead_letters.clone());
        // Half of the drain for the handlers, half for the reader behind them.
        let limits =
            ResponderLimits { concurrency_max: CONCURRENCY_MAX, drain_max: settings.http.drain() / 2 };
        let responder = Responder::new(requests, connection.producer().clone(), handler, limits);
        let trades = Reader::group(&connection.client("trades"), &settings.volume_group, &[TRADES])?;
        let volumes = Inbox::replaying(trades, dead_letters);
        Ok(Self { connection, metrics, health, desk, responder, volumes })
    }

    async fn serve(
        self,
        listener: TcpListener,
        settings: &FeeSettings,
        shutdown: CancellationToken,
    ) -> Result<(), ConnectError> {
        let Self { connection, metrics, health, desk, responder, volumes } = self;
        let ready = Readiness::default();
        let routes = http::routes(Arc::clone(&desk), &settings.kafka)
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
        let counting = count_volumes(volumes, &desk, stop.clone());
        let draining = ready.until(&stop);
        let serving = serve(listener, routes, &settings.http, stop.clone());
        let (answered, (), (), ()) = tokio::join!(answering, counting, draining, serving);
        tokio::join!(health.close(CLOSE), connection.close(CLOSE));
        Ok(answered?)
    }
}

/// The volumes may lag, and even stop: the tiers stand still then, and the fees go on.
async fn count_volumes(volumes: Inbox, desk: &Desk, stop: CancellationToken) {
    let record = |received: &Received| {
        if let Event::TradeExecuted(trade) = &received.event {
            let (partition, offset) = (received.record.partition, received.record.offset);
            let recorded = desk.record(partition, offset, trade, clock::now());
            tracing::trace!(account = %trade.key.account, ?recorded, "trade counted");
        }
    };
    if let Err(error) = volumes.run(stop, record).await {
        tracing::error!(%error, "the trades can no longer be read; tiers stand still until a restart");
    }
}
