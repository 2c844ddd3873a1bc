//! The trade service: takes orders, and executes each at most once, over Kafka.
//!
//! # Layout
//! - [`routes`], [`request`], [`answers`]: HTTP in and out.
//! - [`desk`]: idempotency, bounds, a task per order. [`table`], [`entry`]: the orders that are remembered.
//! - [`stack`]: the layers of each strategy; inside of it the [`executor`], one step after the other.
//! - [`flow`]: the step machine that decides whether an order may go on. The place to start reading.
//! - [`resolver`]: what became of orders whose customers were told `executed: unknown`.
//! - [`wire`], [`facts`], [`kafka`]: what an order says to the world.
//!
//! # Invariants
//! - At most one execution per (account, client order id); whatever is told twice has the same event id.
//! - `executed: no` is never followed by a trade of that attempt; `executed: unknown` is resolved.
//! - Nothing is executed without Kafka: an open circuit refuses before anything is produced.
//!
//! # What is not here
//! Orders are kept in memory. After a restart an order that was in doubt stays so until its customer places it again:
//! under the same event ids, so that a trade that was in the log already is not a second one.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use circuit::{BadSetting, Words};
use contracts::topics;
use service_kit::connection::{ConnectError, Connection};
use service_kit::edge::{self, Readiness};
use service_kit::exchange::Questions;
use service_kit::health::{Health, Operators, Watched};
use service_kit::inbox::DeadLetters;
use service_kit::kafka_settings::KafkaSettingsError;
use service_kit::layout::Topics;
use service_kit::metrics::Metrics;
use service_kit::publisher::{Publisher, circuit_index};
use service_kit::settings::Strategy;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trading::product::Catalogue;

use crate::desk::{Desk, Places};
use crate::executor::Executor;
use crate::kafka::KafkaWire;
use crate::resolver::{Resolver, Worker};
use crate::routes::App;
use crate::table::OrderTable;
use crate::wire::Out;

mod answers;
#[cfg(test)]
mod bench;
mod desk;
mod entry;
mod executor;
mod facts;
mod flow;
mod kafka;
mod request;
mod resolver;
mod routes;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod script;
mod settings;
mod stack;
mod table;
mod wire;

pub use resolver::UnresolvedCount;
pub use settings::{OrderSettings, Settings};

/// The path of an order: a step that hangs on one of these topics hangs the order.
const PATH: &[&str] = &[
    topics::ORDERS,
    topics::QUOTE_REQUESTS,
    topics::TRADE_REPLIES,
    topics::FEE_REQUESTS,
    topics::TRADES,
    topics::LEDGER,
];
const TOPICS: Topics = Topics { by_account: PATH, others: &[topics::MODES, topics::DEAD_LETTERS] };
const WORDS: Words = Words { degraded: "orders now refused", restored: "orders taken again" };
/// After the drain each part gets this long to end; what is stuck is left to end by itself.
const CLOSE: Duration = Duration::from_millis(200);

/// Takes orders until `shutdown`, then drains for `settings.http.drain_ms` and closes.
///
/// # Errors
/// The service could not connect: a setting, a missing topic, or a topic without leaders. It never took an order.
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    shutdown: CancellationToken,
) -> Result<(), ConnectError> {
    let metrics = Metrics::new("trade");
    let (ready, operators) = (Readiness::default(), Operators::of(&settings.http, &listener));
    let service = Service::start(&settings, &metrics).await?;
    let routes = edge::with_common_routes(service.routes(operators), &settings.http, metrics, ready.clone());
    ready.set(true);
    tracing::info!(address = ?listener.local_addr().ok(), strategy = settings.kafka.strategy.name(), "trade: ready");

    let draining = async {
        shutdown.cancelled().await;
        ready.set(false);
    };
    tokio::join!(edge::serve(listener, routes, &settings.http, shutdown.clone()), draining);
    service.close(&settings).await;
    Ok(())
}

/// Everything that runs behind the routes.
struct Service {
    connection: Connection,
    health: Health,
    questions: Questions,
    app: App,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Service {
    async fn start(settings: &Settings, metrics: &Metrics) -> Result<Self, ConnectError> {
        let connection = Connection::open(&settings.kafka, "trade", &TOPICS).await?;
        let watched = Watched { path: PATH, read: &[topics::TRADE_REPLIES], words: WORDS };
        let health = Health::start(&connection, watched, metrics.clone()).await?;
        let publisher = Publisher::new(&connection, health.unacked(), health.outcomes(), metrics.clone());
        let dead_letters = DeadLetters::new(&connection, metrics.clone());
        let questions =
            Questions::start(&connection, publisher.clone(), dead_letters, topics::TRADE_REPLIES).await?;
        health.follow(questions.reply_signals());

        let out: Out = Arc::new(KafkaWire::new(publisher, questions.clone()));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let catalogue = Arc::new(Catalogue::default());
        let out = (out, Arc::clone(&catalogue));
        let desk = desk(settings, &connection, &health, out, (&tasks, &stop));
        let desk = desk.map_err(KafkaSettingsError::from)?;
        let app = App { desk, catalogue, kafka: Arc::new(settings.kafka.clone()) };
        Ok(Self { connection, health, questions, app, tasks, stop })
    }

    fn routes(&self, operators: Operators) -> Router {
        routes::routes(self.app.clone()).merge(self.health.routes(operators))
    }

    /// Ends what is left, each part within [`CLOSE`], whatever the brokers do.
    async fn close(self, settings: &Settings) {
        // What was handed over gets a chance to be acknowledged, and so to be resolved.
        let _ = self.connection.producer().flush(CLOSE).await;
        let (in_flight, unresolved) = (self.app.desk.in_flight(), settings.unresolved.get());
        if in_flight + unresolved > 0 {
            tracing::warn!(in_flight, unresolved, "trade: ends with orders that were not resolved");
        }
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(CLOSE, self.tasks.wait()).await.is_err() {
            tracing::debug!("tasks were left to end by themselves");
        }
        drop(self.app);
        tokio::join!(self.questions.close(CLOSE), self.health.close(CLOSE));
        self.connection.close(CLOSE).await;
    }
}

fn desk(
    settings: &Settings,
    connection: &Connection,
    health: &Health,
    (out, catalogue): (Out, Arc<Catalogue>),
    (tasks, stop): (&TaskTracker, &CancellationToken),
) -> Result<Desk, BadSetting> {
    let places = Places {
        in_flight_max: as_count(settings.orders.in_flight_max),
        unresolved_max: as_count(settings.orders.unresolved_max),
    };
    let table = Arc::new(OrderTable::new(as_count(settings.orders.orders_max)));
    let executor = Executor::new(Arc::clone(&out), catalogue);
    let stack = match settings.kafka.strategy {
        Strategy::Hang => stack::bare(executor),
        Strategy::Timeout => stack::with_deadline(executor),
        Strategy::Breaker => {
            let whose = ("trade", circuit_index(connection.layout().partitions()), health.breaker_listener());
            stack::with_breaker(executor, &settings.kafka.breaker, whose)?
        }
        Strategy::Degrade => stack::protected(executor, health.switches(), health.unanswered()),
    };
    let worker = Worker {
        out,
        table: Arc::clone(&table),
        switches: health.switches(),
        partition: 0,
        count: settings.unresolved.clone(),
    };
    let layout = Arc::clone(connection.layout());
    let partitions = circuit_index(layout.partitions());
    let resolver = Resolver::start(&worker, partitions, places.unresolved_max, (tasks, stop));
    let partition_of =
        Box::new(move |key: &trading::ids::OrderKey| circuit_index(layout.partition_of(&key.account)));
    Ok(Desk::new(table, stack, resolver, partition_of, places, (tasks.clone(), stop.clone())))
}

fn as_count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
