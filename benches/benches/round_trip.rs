//! Produce -> consume through rdkafka, one record at a time: the embedded cluster against librdkafka's mock cluster.
//!
//! The mock gets `fetch.wait.max.ms` 1, the setting it is fastest with, because its fetches do not wake on new data;
//! the embedded cluster gets the default of 500, because its fetches do.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use benches::{ms, quantile};
use lab::Lab as _;
use lab::embedded::{Embedded, EmbeddedSpec};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

const ROUNDS: usize = 5;
const TRIPS: usize = 200;
const WARM_UP: usize = 20;
const TOPIC: &str = "round-trip";

struct Pair {
    producer: FutureProducer,
    consumer: BaseConsumer,
}

impl Pair {
    fn new(bootstrap: &str, fetch_wait_ms: u32) -> anyhow::Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("linger.ms", "0").set("acks", "all");
        let producer = config.create()?;
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "unused")
            .set("enable.auto.commit", "false");
        config.set("fetch.wait.max.ms", fetch_wait_ms.to_string());
        let consumer: BaseConsumer = config.create()?;
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(TOPIC, 0, Offset::Beginning)?;
        consumer.assign(&from)?;
        Ok(Self { producer, consumer })
    }

    /// From the call of send until the record was read.
    fn trip(&self) -> anyhow::Result<Duration> {
        let since = Instant::now();
        let record = FutureRecord::<(), _>::to(TOPIC)
            .partition(0)
            .payload("a record of an ordinary length, about 50 B");
        let sent = self.producer.send_result(record).map_err(|(error, _)| error)?;
        let read = self.consumer.poll(Duration::from_secs(10)).context("nothing was read in 10 s")??;
        drop(read);
        let trip = since.elapsed();
        drop(sent);
        Ok(trip)
    }

    fn trips(&self, count: usize) -> anyhow::Result<Vec<Duration>> {
        (0..count).map(|_| self.trip()).collect()
    }
}

fn create_topic(bootstrap: &str) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
    let topic = NewTopic::new(TOPIC, 1, TopicReplication::Fixed(3));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()))?;
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let embedded = Embedded::start(EmbeddedSpec::default())?;
    create_topic(&embedded.bootstrap())?;
    let mock = MockCluster::new(3)?;
    mock.create_topic(TOPIC, 1, 3)?;
    let ours = Pair::new(&embedded.bootstrap(), 500)?;
    let theirs = Pair::new(&mock.bootstrap_servers(), 1)?;
    ours.trips(WARM_UP)?;
    theirs.trips(WARM_UP)?;
    let (mut our_trips, mut their_trips, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut a, mut b) = (ours.trips(TRIPS)?, theirs.trips(TRIPS)?);
        ratios.push(quantile(&mut a, 0.5).as_secs_f64() / quantile(&mut b, 0.5).as_secs_f64());
        our_trips.extend(a);
        their_trips.extend(b);
    }
    ratios.sort_by(f64::total_cmp);
    println!("round trip, acks=all, {ROUNDS} interleaved rounds of {TRIPS}:");
    for (name, trips) in [("embedded", &mut our_trips), ("mock", &mut their_trips)] {
        println!("  {name:<9} p50 {:>8}  p99 {:>8}", ms(quantile(trips, 0.5)), ms(quantile(trips, 0.99)));
    }
    println!("  embedded / mock at p50, median of rounds: {:.3} (target: at most 0.2)", ratios[ROUNDS / 2]);
    ours.producer.flush(Duration::from_secs(1))?;
    theirs.producer.flush(Duration::from_secs(1))?;
    Ok(())
}
