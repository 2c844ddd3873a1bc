//! What the stories share: a whole system to break, and a customer who asks it for things.

use std::time::Duration;

use contracts::partitioner::partition_of;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lab::{Lab as _, faults};
use leaderless::system::System;
use scenario::{
    CircuitPlan, ClockPlan, ClusterPlan, DegradePlan, OrderFallback, Placement, QuoteFallback, Strategy,
};
use serde_json::{Value, json};

/// How long anything may take to come true; generous, since the machine is shared.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Partitions of every topic in the stories.
pub const PARTITIONS: u16 = 3;

/// What a customer got.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `x-path` header, or nothing.
    pub path: String,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// A success over Kafka.
    #[must_use]
    pub fn is_kafka(&self) -> bool {
        (200..300).contains(&self.status) && self.path == "kafka"
    }

    /// A quote that was calculated without Kafka, and says so.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.status == 200 && self.path == "sync" && self.body["quote"]["mode"] == "degraded"
    }

    /// A refusal before anything was produced.
    #[must_use]
    pub fn is_fast_rejection(&self) -> bool {
        self.status == 503 && self.path == "reject" && self.body["executed"] == "no"
    }
}

/// A system with three brokers and three partitions a topic, and a customer.
#[derive(Debug)]
pub struct World {
    /// The system.
    pub system: System,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// The strategy that flips, with its defaults.
#[must_use]
pub fn degrade() -> Strategy {
    Strategy::Degrade(DegradePlan {
        quote_fallback: QuoteFallback::Http,
        order_fallback: OrderFallback::Reject,
        deadline: None,
        circuit: CircuitPlan::default(),
    })
}

impl World {
    /// A healthy system; it has already sold something on every partition.
    pub async fn start(strategy: Strategy) -> Self {
        let plan = ClusterPlan {
            brokers: 3,
            zones: 3,
            replication_factor: 3,
            min_isr: 2,
            partitions: PARTITIONS,
            placement: Placement::Aligned,
            clock: ClockPlan::default(),
        };
        let products = ["BTC-USD".to_owned()];
        let system = System::start(&plan, &strategy, &products, 7).await.expect("the system starts");
        let world = Self { system, client: Client::builder(TokioExecutor::new()).build_http() };
        world.is_healthy("warm").await;
        world
    }

    /// Waits until orders and quotes go over Kafka on every partition.
    pub async fn is_healthy(&self, run: &str) {
        for partition in 0..PARTITIONS {
            self.eventually("a quote over Kafka", async || self.quote(partition).await.is_kafka()).await;
            let mut tries = 0;
            self.eventually("an order over Kafka", async || {
                tries += 1;
                self.order(partition, &format!("{run}-{partition}-{tries}")).await.is_kafka()
            })
            .await;
        }
    }

    /// Asks for a quote, as an account of this partition.
    pub async fn quote(&self, partition: u16) -> Answer {
        let body =
            json!({"account": account(partition), "product": "BTC-USD", "side": "buy", "quantity": "0.001"});
        let url = format!("http://{}/v1/quotes", self.system.quote_address());
        self.ask(Method::POST, url, body).await
    }

    /// Places an order under this id, as an account of this partition.
    pub async fn order(&self, partition: u16, id: &str) -> Answer {
        self.order_of(partition, id, "0.001").await
    }

    /// The same with a quantity.
    pub async fn order_of(&self, partition: u16, id: &str, quantity: &str) -> Answer {
        let body = json!({"account": account(partition), "client_order_id": id, "product": "BTC-USD",
            "side": "buy", "quantity": quantity});
        let url = format!("http://{}/v1/orders", self.system.trade_address());
        self.ask(Method::POST, url, body).await
    }

    /// Looks an order up.
    pub async fn look_up(&self, partition: u16, id: &str) -> Answer {
        let account = account(partition);
        let url = format!("http://{}/v1/orders/{id}?account={account}", self.system.trade_address());
        self.ask(Method::GET, url, Value::Null).await
    }

    async fn ask(&self, method: Method, url: String, body: Value) -> Answer {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder().method(method).uri(url).header("content-type", "application/json");
        let request = request.body(Full::new(body)).expect("a valid request");
        let asked =
            tokio::time::timeout(PATIENCE, self.client.request(request)).await.expect("an answer in time");
        let response = asked.expect("a service that answers");
        let status = response.status().as_u16();
        let path = response.headers().get("x-path").map(|path| path.to_str().expect("text").to_owned());
        let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, path: path.unwrap_or_default(), body }
    }

    /// Carries a fault or a heal out, e.g. `{"kind": "kill_broker", "broker": 2}`.
    pub async fn inject(&self, call: Value) {
        let call = faults::call_from_json(call.as_object().expect("an object")).expect("a valid fault");
        self.system.lab().inject(&call).await.expect("the fault is carried out");
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// When it is not so in 20 s.
    pub async fn eventually(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !so().await {
            assert!(tokio::time::Instant::now() < until, "not in {PATIENCE:?}: {what}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops everything; nothing may be left behind.
    pub async fn stop(self) {
        self.system.stop().await.expect("everything ends well");
    }
}

/// An account whose records are on this partition.
#[must_use]
pub fn account(partition: u16) -> String {
    let mut accounts = (0..).map(|n| format!("account-{n}"));
    let here =
        |account: &String| partition_of(account.as_bytes(), i32::from(PARTITIONS)) == i32::from(partition);
    accounts.find(here).expect("every partition has accounts")
}
