//! `leaderless cluster`, the Kafka of any test suite, and `leaderless fault`, which breaks it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::record::Record;
use serde_json::{Value, json};

use crate::kit::{self, Ended, PATIENCE, Program, leaderless};

/// A cluster of three brokers with a topic `orders` of nine partitions, on free ports.
struct Cluster {
    program: Program,
    bootstrap: Vec<SocketAddr>,
    control: SocketAddr,
}

impl Cluster {
    fn start(more: &[&str]) -> Self {
        Self::spawn(command(more))
    }

    fn spawn(command: Command) -> Self {
        let program = Program::spawn(command);
        let bootstrap = program.out_line("the bootstrap line", |line| {
            line.split(',').map(|address| address.parse().ok()).collect::<Option<Vec<SocketAddr>>>()
        });
        let control = program.err_line("the control endpoint", |line| {
            line.split_once("http://")?.1.split_once('/')?.0.parse::<SocketAddr>().ok()
        });
        Self { program, bootstrap, control }
    }

    fn fault(&self, args: &[&str]) -> Ended {
        leaderless(&[&["fault", "--control", &self.control.to_string()], args].concat())
    }

    /// `GET /state`, as a program without any library would ask.
    fn state(&self) -> Value {
        let mut stream = TcpStream::connect(self.control).expect("the endpoint listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.write_all(b"GET /state HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        serde_json::from_str(body).expect("the state is JSON")
    }

    /// How many records of `topic` are committed, over all partitions; 0 where there is no such topic.
    fn committed(&self, topic: &str) -> u64 {
        let state = self.state();
        let topics = state["topics"].as_array().expect("a list of topics");
        let partitions =
            topics.iter().filter(|it| it["topic"] == topic).flat_map(|it| it["partitions"].as_array());
        partitions.flatten().filter_map(|partition| partition["high_watermark"].as_u64()).sum()
    }

    fn process_of(&self, broker: usize) -> String {
        self.state()["brokers"][broker - 1]["link"]["process"].as_str().expect("a word").to_owned()
    }

    /// Ctrl-C.
    fn end(self) {
        let since = Instant::now();
        self.program.interrupt();
        let ended = self.program.ended();
        println!("gone {:?} after Ctrl-C", since.elapsed());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.out.lines().count(), 1, "more than the bootstrap line: {}", ended.out);
    }
}

fn command(more: &[&str]) -> Command {
    let always = ["cluster", "--brokers", "3", "--topic", "orders:9:3", "--control", "127.0.0.1:0"];
    kit::command(&[&always, more].concat())
}

#[test]
fn it_says_where_it_listens_and_ends_at_ctrl_c() {
    for more in [&[][..], &["--port", "0"]] {
        let cluster = Cluster::start(more);
        assert_eq!(cluster.bootstrap.len(), 3);
        for address in cluster.bootstrap.iter().chain([&cluster.control]) {
            assert!(address.ip().is_loopback() && address.port() > 0, "{address}");
            TcpStream::connect(address).unwrap();
        }
        let state = cluster.state();
        let topics = state["topics"].as_array().unwrap();
        let orders = topics.iter().find(|topic| topic["topic"] == "orders").unwrap();
        assert_eq!(orders["partitions"].as_array().unwrap().len(), 9);
        cluster.end();
    }
}

#[test]
fn a_fault_from_the_command_line_is_carried_out_and_healed() {
    let cluster = Cluster::start(&["--clock", "compressed"]);
    let done = cluster.fault(&["kill_broker", "broker=2"]);
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""));
    let done: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&done["kind"], &done["args"]), (&json!("kill_broker"), &json!({"broker": 2})));
    assert_eq!(cluster.process_of(2), "dead");
    let healed = cluster.fault(&["--heal-all"]);
    assert_eq!((healed.code, healed.err.as_str()), (Some(0), ""));
    let healed: Value = serde_json::from_str(&healed.out).unwrap();
    assert_eq!(healed[0]["kind"], "start_broker");
    kit::eventually("broker 2 runs again", || (cluster.process_of(2) == "running").then_some(()));
    let again = cluster.fault(&["--heal-all"]);
    assert_eq!((again.code, again.out.trim()), (Some(0), "[]"));
    cluster.end();
}

#[test]
fn a_fault_that_this_cluster_cannot_have_is_bad_usage() {
    let cluster = Cluster::start(&[]);
    let wrong = cluster.fault(&["kill_broker", "broker=9"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(64), ""));
    assert!(wrong.err.contains("9") && wrong.err.contains("allowed: 1, 2, 3"), "{}", wrong.err);
    let wrong = cluster.fault(&["strip_leader", "topic=ordres"]);
    assert_eq!(wrong.code, Some(64), "{wrong:?}");
    assert!(wrong.err.contains("ordres"), "{}", wrong.err);
    cluster.end();
}

#[test]
fn a_cluster_with_a_token_asks_for_it() {
    let mut guarded = command(&[]);
    guarded.env("LEADERLESS_TOKEN", "secret");
    let cluster = Cluster::spawn(guarded);
    for wrong in [&["freeze_controller"][..], &["freeze_controller", "--token", "guess"]] {
        let refused = cluster.fault(wrong);
        assert_eq!(refused.code, Some(64), "{refused:?}");
        assert!(refused.err.contains("--token"), "{}", refused.err);
    }
    assert_eq!(cluster.fault(&["freeze_controller", "--token", "secret"]).code, Some(0));
    cluster.end();
}

#[test]
fn a_feed_makes_the_topics_and_publishes_until_ctrl_c() {
    let cluster = Cluster::start(&[]);
    let bootstrap = cluster.bootstrap[0].to_string();
    let feed = Program::start(&["feed", "--bootstrap", &bootstrap, "--create-topics", "3:3"]);
    feed.err_line("the feed", |line| line.starts_with("publishing BTC-USD, ETH-USD, SOL-USD").then_some(()));
    kit::eventually("prices", || (cluster.committed("market.ticks") > 0).then_some(()));
    feed.interrupt();
    let ended = feed.ended();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
    cluster.end();
}

#[test]
fn without_a_cluster_a_fault_says_what_is_missing() {
    // A port that was free a moment ago, and that nobody has been told.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = leaderless(&["fault", "freeze_controller", "--control", &free.to_string()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("is `leaderless cluster` running?"), "{}", ended.err);
}

#[tokio::test]
async fn a_client_that_is_not_librdkafka_gets_its_record_back() {
    let cluster = Cluster::start(&[]);
    let bootstrap = cluster.bootstrap.iter().map(ToString::to_string).collect();
    let round_trip = async {
        let client = ClientBuilder::new(bootstrap).build().await.unwrap();
        let partition = client.partition_client("orders", 4, UnknownTopicHandling::Retry).await.unwrap();
        let record = Record {
            key: Some(b"account-1".to_vec()),
            value: Some(b"one order".to_vec()),
            headers: BTreeMap::from([("mode".to_owned(), b"normal".to_vec())]),
            timestamp: rskafka::chrono::DateTime::from_timestamp_millis(1_700_000_000_000).unwrap(),
        };
        let offsets = partition.produce(vec![record.clone()], Compression::NoCompression).await.unwrap();
        assert_eq!(offsets, [0]);
        let (records, high_watermark) = partition.fetch_records(0, 1..1_000_000, 5_000).await.unwrap();
        assert_eq!(high_watermark, 1);
        assert_eq!(records.iter().map(|read| &read.record).collect::<Vec<_>>(), [&record]);
    };
    tokio::time::timeout(PATIENCE, round_trip).await.unwrap();
    cluster.end();
}
