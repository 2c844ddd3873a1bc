//! Clients to measure a cluster with: bare rdkafka, so that the cluster is what is measured.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

/// Creates a topic of three replicas, and waits for its leaders.
pub(crate) fn create_topic(bootstrap: &str, name: &str, partitions: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(3));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let created = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()))?;
    created
        .into_iter()
        .try_for_each(|one| one.map(drop))
        .map_err(|(name, code)| anyhow::anyhow!("topic {name} was not created: {code}"))?;
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let metadata = admin.inner().fetch_metadata(Some(name), Duration::from_secs(5))?;
        let led = metadata.topics()[0].partitions().iter().filter(|one| one.leader() >= 0).count();
        if led == usize::try_from(partitions)? {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "topic {name} has no leaders after 20 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A producer and a consumer of one partition.
pub(crate) struct Pair {
    topic: String,
    producer: FutureProducer,
    consumer: BaseConsumer,
}

impl Pair {
    pub(crate) fn new(bootstrap: &str, topic: &str, fetch_wait_ms: u32) -> anyhow::Result<Self> {
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
        from.add_partition_offset(topic, 0, Offset::Beginning)?;
        consumer.assign(&from)?;
        Ok(Self { topic: topic.to_owned(), producer, consumer })
    }

    /// From the call of send until the record was read.
    fn trip(&self, payload: &[u8]) -> anyhow::Result<Duration> {
        let since = Instant::now();
        let record = FutureRecord::<(), _>::to(&self.topic).partition(0).payload(payload);
        let sent = self.producer.send_result(record).map_err(|(error, _)| error)?;
        let read = self.consumer.poll(Duration::from_secs(10)).context("nothing was read in 10 s")??;
        drop(read);
        let trip = since.elapsed();
        drop(sent);
        Ok(trip)
    }

    /// One record at a time.
    pub(crate) fn trips(&self, count: usize, payload: &[u8]) -> anyhow::Result<Vec<Duration>> {
        (0..count).map(|_| self.trip(payload)).collect()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if let Err(error) = self.producer.flush(Duration::from_secs(1)) {
            eprintln!("the producer was not flushed: {error}");
        }
    }
}
