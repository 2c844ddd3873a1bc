//! The services without the program around them: each by its public `run`, on a runtime of its own, as its `main` does
//! it.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::thread::JoinHandle;

use bus::{Admin, NewTopic, Placement, Preset, Producer, Settings};
use contracts::topics;
use fee_service::FeeSettings;
use lab::embedded::{Embedded, EmbeddedSpec};
use lab::feed::{Listing, Walk, publish};
use lab::{Lab as _, faults};
use quote_service::QuoteSettings;
use serde_json::json;
use service_kit::connection::ConnectError;
use service_kit::kafka_settings::KafkaSettings;
use service_kit::settings::{HttpSettings, Strategy};
use story_tests::{Customer, PARTITIONS, PATIENCE};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use trade_service::Settings as TradeSettings;
use trading::ids::ProductId;
use trading::product::Catalogue;

/// A service on a thread of its own.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    thread: JoinHandle<Result<(), ConnectError>>,
}

impl Running {
    fn start<S, R>(settings: S, run: fn(tokio::net::TcpListener, S, CancellationToken) -> R) -> Self
    where
        S: Send + 'static,
        R: Future<Output = Result<(), ConnectError>> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("nonblocking");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                run(tokio::net::TcpListener::from_std(listener).expect("a listener"), settings, asked).await
            })
        });
        Self { address, stop, thread }
    }

    async fn ends(self) -> Result<(), ConnectError> {
        tokio::task::spawn_blocking(|| self.thread.join().expect("no panic")).await.expect("joined")
    }

    async fn stops(self) {
        self.stop.cancel();
        self.ends().await.expect("a clean end");
    }
}

/// A cluster with these topics.
async fn cluster(topics: impl IntoIterator<Item = &'static str>) -> Embedded {
    let lab = Embedded::start(EmbeddedSpec::default()).expect("a cluster");
    let placement = Placement::Spread { partitions: i32::from(PARTITIONS), replication: 3 };
    let topics: Vec<_> = topics.into_iter().map(|name| NewTopic::new(name, placement.clone())).collect();
    let wanted: Vec<_> = topics.iter().map(|topic| (topic.name(), usize::from(PARTITIONS))).collect();
    let admin = Admin::new(&client(&lab)).expect("an admin client");
    admin.create_topics(&topics, PATIENCE).await.expect("topics");
    admin.wait_for(&wanted, PATIENCE).await.expect("leaders");
    lab
}

fn client(lab: &Embedded) -> Settings {
    Settings::new(lab.bootstrap(), "story", Preset::FailFast)
}

fn kafka(lab: &Embedded, strategy: Strategy) -> KafkaSettings {
    KafkaSettings { bootstrap: lab.bootstrap(), strategy, ..KafkaSettings::default() }
}

/// Prices until the end of the test.
fn open_the_market(lab: &Embedded) {
    let product = ProductId::new("BTC-USD").expect("an id");
    let listing = Listing::of(Catalogue::default().get(&product).expect("a product"));
    let producer = Producer::new(&client(lab)).expect("a producer");
    let per_second = NonZeroU32::new(20).expect("not zero");
    tokio::spawn(async move {
        let walk = Walk::new(7, vec![listing]);
        publish(walk, &producer, i32::from(PARTITIONS), per_second, std::future::pending()).await
    });
}

/// The whole path, service by service; requests in flight are waited for as long as a test may take.
fn start_all(lab: &Embedded, strategy: Strategy) -> [Running; 3] {
    let http = HttpSettings { drain_ms: 20_000, ..HttpSettings::default() };
    let kafka = kafka(lab, strategy);
    let fee = FeeSettings { http: http.clone(), kafka: kafka.clone(), ..FeeSettings::default() };
    let fee = Running::start(fee, fee_service::run);
    let (fee_url, quote_http) = (fee.address.into(), http.clone());
    let quote = QuoteSettings { http: quote_http, kafka: kafka.clone(), fee_url, ..QuoteSettings::default() };
    let trade = TradeSettings { http, kafka, ..TradeSettings::default() };
    [fee, Running::start(quote, quote_service::run), Running::start(trade, trade_service::run)]
}

async fn inject(lab: &Embedded, call: serde_json::Value) {
    let call = faults::call_from_json(call.as_object().expect("an object")).expect("a valid fault");
    lab.inject(&call).await.expect("the fault is carried out");
}

fn all_topics() -> impl Iterator<Item = &'static str> {
    topics::ALL.into_iter().map(|topic| topic.name)
}

#[tokio::test]
async fn services_on_runtimes_of_their_own_meet_in_the_topics_alone() {
    let lab = cluster(all_topics()).await;
    open_the_market(&lab);
    let [fee, quote, trade] = start_all(&lab, Strategy::Degrade);
    let customer = Customer::new(quote.address, trade.address, PARTITIONS);
    customer.is_healthy("alone").await;
    trade.stops().await;
    quote.stops().await;
    fee.stops().await;
}

/// Starts a service where `missing` is missing, and sees that it ends, says so, and answered nobody.
async fn refuses_to_start<S, R>(
    missing: &'static str,
    settings: impl FnOnce(KafkaSettings) -> S,
    run: fn(tokio::net::TcpListener, S, CancellationToken) -> R,
) where
    S: Send + 'static,
    R: Future<Output = Result<(), ConnectError>> + 'static,
{
    let lab = cluster(all_topics().filter(|topic| *topic != missing)).await;
    let kafka = KafkaSettings { startup_ms: 500, ..kafka(&lab, Strategy::Degrade) };
    let service = Running::start(settings(kafka), run);
    let mut early = TcpStream::connect(service.address).await.expect("the listener is its caller's");
    let error = service.ends().await.expect_err("a topic is missing").to_string();
    assert_eq!(error, format!("topic `{missing}` does not exist; create it, then start the service again"));
    let mut answer = Vec::new();
    // A reset and an end are the same to a customer: no answer.
    let _ = tokio::time::timeout(PATIENCE, early.read_to_end(&mut answer)).await.expect("an end");
    assert!(answer.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn a_fee_service_without_its_topics_names_the_missing_one_and_answers_nobody() {
    let settings = |kafka| FeeSettings { kafka, ..FeeSettings::default() };
    refuses_to_start(topics::TRADES, settings, fee_service::run).await;
}

#[tokio::test]
async fn a_quote_service_without_its_topics_names_the_missing_one_and_answers_nobody() {
    let settings = |kafka| QuoteSettings { kafka, ..QuoteSettings::default() };
    refuses_to_start(topics::MARKET_TICKS, settings, quote_service::run).await;
}

#[tokio::test]
async fn a_trade_service_without_its_topics_names_the_missing_one_and_answers_nobody() {
    let settings = |kafka| TradeSettings { kafka, ..TradeSettings::default() };
    refuses_to_start(topics::LEDGER, settings, trade_service::run).await;
}

/// How many records have been written to a partition.
async fn written(admin: &Admin, topic: &str, partition: u16) -> i64 {
    admin.watermarks(topic, partition.into(), PATIENCE).await.expect("watermarks").high
}

#[tokio::test]
async fn requests_in_flight_at_shutdown_are_answered_and_new_ones_are_not_taken() {
    let lab = cluster(all_topics()).await;
    open_the_market(&lab);
    let [fee, quote, trade] = start_all(&lab, Strategy::Hang);
    let customer = Customer::new(quote.address, trade.address, PARTITIONS);
    customer.is_healthy("before").await;
    let admin = Admin::new(&client(&lab)).expect("an admin client");

    // The quote's last step and the order's last but one get stuck; the steps before show that they are on their way.
    let (asked, placed) =
        (written(&admin, topics::FEE_REQUESTS, 1).await, written(&admin, topics::ORDERS, 0).await);
    inject(&lab, json!({"kind": "strip_leader", "topic": topics::QUOTES, "partitions": [1]})).await;
    inject(&lab, json!({"kind": "strip_leader", "topic": topics::TRADES, "partitions": [0]})).await;
    let late_quote = tokio::spawn({
        let customer = customer.clone();
        async move { customer.quote(1).await }
    });
    let late_order = tokio::spawn({
        let customer = customer.clone();
        async move { customer.order(0, "late").await }
    });
    customer
        .eventually("both are on their way", async || {
            written(&admin, topics::FEE_REQUESTS, 1).await > asked
                && written(&admin, topics::ORDERS, 0).await == placed + 2
        })
        .await;

    for service in [&quote, &trade] {
        service.stop.cancel();
        let closed = async || TcpStream::connect(service.address).await.is_err();
        customer.eventually("the port is closed", closed).await;
    }
    assert!(!late_quote.is_finished() && !late_order.is_finished(), "they are still waiting for Kafka");
    inject(&lab, json!({"kind": "restore_leader", "topic": topics::QUOTES, "partitions": [1]})).await;
    inject(&lab, json!({"kind": "restore_leader", "topic": topics::TRADES, "partitions": [0]})).await;
    let (quoted, ordered) = (late_quote.await.expect("no panic"), late_order.await.expect("no panic"));
    assert!(quoted.is_kafka(), "{quoted:?}");
    assert!(ordered.is_kafka(), "{ordered:?}");
    for service in [trade, quote, fee] {
        service.stops().await;
    }
}
