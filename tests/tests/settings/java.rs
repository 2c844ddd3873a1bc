//! The calls of the Java client that wait, made by the tools that Apache Kafka ships: each is seen to work where it can,
//! then the fault strikes, then it is timed by what the tool prints.
//!
//! `VerifiableProducer` and `VerifiableConsumer` print an event with its time for each step; `ConsoleProducer --sync`
//! sends when it is told to, and ends with what `send().get()` threw.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use bus::lint::Call;
use bus::{Preset, Producer, Reader, Settings, StartAt, TopicPartition};
use lab::Lab as _;
use lab::apache::kafka_home::Kafka;
use lab::embedded::Embedded;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use crate::calls::{committed, member, record, timed};
use crate::stuck::{Fault, GROUP, TOPIC, thaw_brokers};
use crate::{Ended, Overrides, Wait, set};

/// For what works, beside as many other virtual machines that start.
const PATIENCE: Duration = Duration::from_secs(90);
/// Brokers that are back answer within this, before `max.block.ms` is over.
pub(crate) const BACK_EARLY: Duration = Duration::from_millis(500);
/// By then a member has sent a heartbeat, and knows that its coordinator is lost.
const HEARTBEATS: u32 = 2;

/// A client as its tools are started.
#[derive(Clone, Copy)]
pub(crate) struct Client<'a> {
    pub(crate) kafka: &'a Kafka,
    pub(crate) cluster: &'a Embedded,
    pub(crate) overrides: Overrides,
}

/// How `wait.call` ends under `wait.fault`, watched for `patience`.
pub(crate) async fn blocked(client: Client<'_>, wait: Wait, patience: Duration) -> Ended {
    match (wait.call, wait.fault) {
        (Call::Send, Fault::NoBroker | Fault::LateBrokers) => {
            send_unprepared(client, wait.fault, patience).await
        }
        (Call::Send, _) => send(client, wait.fault, patience).await,
        (Call::Consume, _) => consume(client, wait.fault, patience).await,
        (Call::Join, Fault::Died) => join_after_a_death(client, patience).await,
        (Call::Join, _) => join(client, wait.fault, patience).await,
        (Call::Commit, _) => commit(client, wait.fault, patience).await,
    }
}

/// A tool that runs; it is killed with this.
struct Tool {
    process: Child,
    input: Option<ChildStdin>,
    lines: UnboundedReceiver<String>,
}

impl Tool {
    fn start(client: Client<'_>, class: &str, args: &[&str]) -> Self {
        let mut process = Command::new(&client.kafka.java)
            .args(["-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp"])
            .arg(client.kafka.class_path())
            .arg(format!("org.apache.kafka.tools.{class}"))
            .args(["--bootstrap-server", &client.cluster.bootstrap(), "--topic", TOPIC])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (line, lines) = unbounded_channel();
        pass_on(process.stdout.take().unwrap(), line.clone());
        pass_on(process.stderr.take().unwrap(), line);
        let input = process.stdin.take();
        Self { process, input, lines }
    }

    /// One that takes its settings as a file: its standard input is that.
    fn with_settings(client: Client<'_>, class: &str, args: &[&str]) -> Self {
        let args = [&["--command-config", "/dev/stdin"], args].concat();
        let mut tool = Self::start(client, class, &args);
        let lines = client.overrides.iter().map(|(key, value)| format!("{key}={value}\n"));
        tool.write(&lines.collect::<String>());
        tool.input = None;
        tool
    }

    /// A member of the group that prints what happens to it.
    fn member(client: Client<'_>) -> Self {
        Self::with_settings(client, "VerifiableConsumer", &["--group-id", GROUP])
    }

    fn write(&mut self, text: &str) {
        self.input.as_mut().expect("its input is open").write_all(text.as_bytes()).unwrap();
    }

    /// The next line with this in it; for ever pending when the tool has ended without.
    async fn line(&mut self, part: &str) -> String {
        while let Some(line) = self.lines.recv().await {
            if line.contains(part) {
                return line;
            }
        }
        std::future::pending().await
    }

    async fn event(&mut self, name: &str) -> Event {
        loop {
            let line = self.line(name).await;
            if let Ok(event) = serde_json::from_str(&line) {
                return Event(event);
            }
        }
    }

    /// An event that comes while all is well.
    async fn sees(&mut self, name: &str) -> Event {
        timeout(PATIENCE, self.event(name)).await.unwrap_or_else(|_| panic!("no {name}"))
    }

    /// How long after `begun` an event of this name comes, by the tool's own clock.
    async fn event_after(&mut self, begun: &Event, name: &str, patience: Duration) -> Ended {
        match timeout(patience, self.event(name)).await {
            Ok(ended) => Ended { after: Some(ended.at().saturating_sub(begun.at())), how: ended.how() },
            Err(_) => Ended { after: None, how: "no result and no error".into() },
        }
    }

    fn kill(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Line by line, until the tool ends or nobody wants to know.
fn pass_on(output: impl Read + Send + 'static, to: UnboundedSender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
}

/// What a verifiable tool says.
struct Event(Value);

impl Event {
    fn at(&self) -> Duration {
        Duration::from_millis(self.0["timestamp"].as_u64().expect("each event has its time"))
    }

    fn how(&self) -> String {
        let text = |key| self.0[key].as_str();
        match (text("message").or(text("error")), text("name")) {
            (Some(error), _) => first_sentence(error),
            (None, name) => name.unwrap_or_default().replace('_', " "),
        }
    }
}

/// Up to the first full stop, or to a list of offsets.
fn first_sentence(text: &str) -> String {
    let end = [". ", " {"].iter().filter_map(|end| text.find(end)).min();
    text[..end.unwrap_or(text.len())].trim_end_matches('.').to_owned()
}

fn producer(client: Client<'_>) -> Producer {
    Producer::new(&Settings::new(client.cluster.bootstrap(), "beside", Preset::Defaults)).unwrap()
}

async fn send(client: Client<'_>, fault: Fault, patience: Duration) -> Ended {
    let properties = client.overrides.iter().map(|(key, value)| format!("{key}={value}"));
    let properties = properties.flat_map(|property| ["--command-property".to_owned(), property]);
    let args: Vec<String> = ["--sync".to_owned()].into_iter().chain(properties).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut tool = Tool::start(client, "ConsoleProducer", &args);
    tool.write("healthy\n");
    let settings = Settings::new(client.cluster.bootstrap(), "beside", Preset::Defaults);
    let partition = [TopicPartition { topic: TOPIC.into(), partition: 0 }];
    let reader = Reader::assigned(&settings, &partition, StartAt::Beginning, PATIENCE).await.unwrap();
    timeout(PATIENCE, reader.recv()).await.expect("in time").expect("the cluster is healthy");
    fault.strike(client.cluster).await;
    tool.write("stuck\n");
    let how = |line: String| first_sentence(line.rsplit("Exception: ").next().unwrap_or(&line));
    timed(patience, tool.line("Exception"), how).await
}

/// A send that has no metadata yet.
async fn send_unprepared(client: Client<'_>, fault: Fault, patience: Duration) -> Ended {
    fault.strike(client.cluster).await;
    let mut tool = Tool::with_settings(client, "VerifiableProducer", &["--max-messages", "1"]);
    let begun = tool.sees("startup_complete").await;
    if fault == Fault::LateBrokers {
        sleep(set(client.overrides, "max.block.ms") - BACK_EARLY).await;
        thaw_brokers(client.cluster).await;
    }
    tool.event_after(&begun, "producer_send_error", patience).await
}

async fn consume(client: Client<'_>, fault: Fault, patience: Duration) -> Ended {
    let producer = producer(client);
    producer.send(&record(), ()).unwrap().await.expect("the cluster is healthy");
    let mut tool = Tool::member(client);
    let begun = tool.sees("offsets_committed").await;
    fault.strike(client.cluster).await;
    if fault == Fault::NoCoordinatorKnown {
        sleep(set(client.overrides, "heartbeat.interval.ms") * HEARTBEATS).await;
        producer.send(&record(), ()).unwrap().await.expect("the partition is healthy");
    }
    tool.event_after(&begun, "records_consumed", patience).await
}

async fn join(client: Client<'_>, fault: Fault, patience: Duration) -> Ended {
    // The coordinator's topic comes into being with the first group.
    let settings = Settings::new(client.cluster.bootstrap(), "beside", Preset::Defaults);
    committed(member(&settings)).await.unwrap().expect("the cluster is healthy");
    fault.strike(client.cluster).await;
    let mut tool = Tool::member(client);
    let begun = tool.sees("startup_complete").await;
    tool.event_after(&begun, "partitions_assigned", patience).await
}

/// The dead member's heartbeats are an interval old at most.
async fn join_after_a_death(client: Client<'_>, patience: Duration) -> Ended {
    let mut dead = Tool::member(client);
    dead.sees("partitions_assigned").await;
    let mut tool = Tool::member(client);
    let begun = tool.sees("startup_complete").await;
    dead.kill();
    tool.event_after(&begun, "partitions_assigned", patience).await
}

async fn commit(client: Client<'_>, fault: Fault, patience: Duration) -> Ended {
    let producer = producer(client);
    producer.send(&record(), ()).unwrap().await.expect("the cluster is healthy");
    let mut tool = Tool::member(client);
    tool.sees("offsets_committed").await;
    fault.strike(client.cluster).await;
    // At once: once the member knows, it does not read any more.
    producer.send(&record(), ()).unwrap().await.expect("the partition is healthy");
    let struck = Instant::now();
    match timeout(patience, tool.event("records_consumed")).await {
        Ok(begun) => tool.event_after(&begun, "offsets_committed", patience).await,
        Err(_) => {
            Ended { after: None, how: format!("nothing was read for {} s", struck.elapsed().as_secs()) }
        }
    }
}
