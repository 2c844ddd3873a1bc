//! A customer: asks services over HTTP, as an account of the partition that the story is about.

use std::net::SocketAddr;
use std::time::Duration;

use contracts::partitioner::partition_of;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::PATIENCE;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a customer who only wants to know whether all is well waits before asking anew.
const ASKED_AGAIN: Duration = Duration::from_secs(3);

/// What a customer got.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `x-path` header, or nothing.
    pub path: String,
    /// The body; null if it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
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

/// Whether the answer came over Kafka, if it came. Services that start together read questions from the end: one that
/// was asked before its reader was there is lost, and where there is no deadline nobody ever says so.
async fn over_kafka(answer: impl Future<Output = Answer>) -> bool {
    tokio::time::timeout(ASKED_AGAIN, answer).await.is_ok_and(|answer| answer.is_kafka())
}

/// Where the services are, and how many partitions their topics have. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Customer {
    quote: SocketAddr,
    trade: SocketAddr,
    partitions: u16,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Customer {
    /// A customer of these services.
    #[must_use]
    pub fn new(quote: SocketAddr, trade: SocketAddr, partitions: u16) -> Self {
        Self { quote, trade, partitions, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Waits until orders and quotes go over Kafka on every partition.
    pub async fn is_healthy(&self, run: &str) {
        for partition in 0..self.partitions {
            self.eventually("a quote over Kafka", async || over_kafka(self.quote(partition)).await).await;
            let mut tries = 0;
            self.eventually("an order over Kafka", async || {
                tries += 1;
                over_kafka(self.order(partition, &format!("{run}-{partition}-{tries}"))).await
            })
            .await;
        }
    }

    /// Asks for a quote, as an account of this partition.
    pub async fn quote(&self, partition: u16) -> Answer {
        let account = self.account(partition);
        let body = json!({"account": account, "product": "BTC-USD", "side": "buy", "quantity": "0.001"});
        self.ask(Method::POST, format!("http://{}/v1/quotes", self.quote), body).await
    }

    /// Places an order under this id, as an account of this partition.
    pub async fn order(&self, partition: u16, id: &str) -> Answer {
        self.order_of(partition, id, "0.001").await
    }

    /// The same with a quantity.
    pub async fn order_of(&self, partition: u16, id: &str, quantity: &str) -> Answer {
        let body = json!({"account": self.account(partition), "client_order_id": id, "product": "BTC-USD",
            "side": "buy", "quantity": quantity});
        self.ask(Method::POST, format!("http://{}/v1/orders", self.trade), body).await
    }

    /// Looks an order up.
    pub async fn look_up(&self, partition: u16, id: &str) -> Answer {
        self.ask(Method::GET, self.order_url(partition, id), Value::Null).await
    }

    /// Takes an order back.
    pub async fn cancel(&self, partition: u16, id: &str) -> Answer {
        self.ask(Method::DELETE, self.order_url(partition, id), Value::Null).await
    }

    /// Where the circuits of a service are.
    pub async fn mode(&self, service: SocketAddr) -> Value {
        self.ask(Method::GET, format!("http://{service}/mode"), Value::Null).await.body
    }

    /// Orders a state of circuits of a service, as its operator.
    pub async fn orders_mode(&self, service: SocketAddr, order: Value) -> Answer {
        self.ask(Method::POST, format!("http://{service}/mode"), order).await
    }

    /// The counters of a service.
    pub async fn metrics(&self, service: SocketAddr) -> String {
        self.ask(Method::GET, format!("http://{service}/metrics"), Value::Null).await.text
    }

    /// An account whose records are on this partition.
    #[must_use]
    pub fn account(&self, partition: u16) -> String {
        let count = i32::from(self.partitions);
        let mut accounts = (0..).map(|n| format!("account-{n}"));
        let here = |account: &String| partition_of(account.as_bytes(), count) == i32::from(partition);
        accounts.find(here).expect("every partition has accounts")
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

    fn order_url(&self, partition: u16, id: &str) -> String {
        format!("http://{}/v1/orders/{id}?account={}", self.trade, self.account(partition))
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
        let text = String::from_utf8(bytes.to_vec()).expect("a body of text");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, path: path.unwrap_or_default(), body, text }
    }
}
