//! The embedded cluster against Apache Kafka, in one run: start and memory, round trips, produce throughput.
//!
//! Apache Kafka runs as the JVM ships (its default JIT), three brokers and a controller on this machine; what is
//! compared runs interleaved. A company that trades on Kafka published in 2021 that its records take less than 10 ms from
//! end to end at the median, up to 100 KB; the round trips here are printed beside that figure.

mod support;

use std::time::{Duration, Instant};

use benches::{ms, quantile};
use lab::Lab;
use lab::apache::{Apache, ApacheSpec, Jit, Kafka};
use lab::embedded::{Embedded, EmbeddedSpec};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use support::{Pair, create_topic};

const ROUNDS: usize = 5;
const TRIPS: usize = 200;
/// Enough for the JVM to have compiled the path of a record.
const WARM_UP: usize = 3_000;
const RECORDS: usize = 60_000;
/// At 20 orders/s.
const PAUSE: Duration = Duration::from_millis(50);
const SIZES: [(&str, usize); 2] = [("50 B", 50), ("100 KB", 100_000)];

fn main() -> anyhow::Result<()> {
    let kafka = match Kafka::find() {
        Ok(kafka) => kafka,
        Err(missing) => {
            println!("against_apache: NOT MEASURED: {missing}");
            return Ok(());
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let before = resident_kib("self")?;
    let since = Instant::now();
    let embedded = Embedded::start(EmbeddedSpec::default())?;
    let embedded_up = since.elapsed();
    let since = Instant::now();
    let spec = ApacheSpec { jit: Jit::Full, heap_mb: 512, ..ApacheSpec::default() };
    let apache = runtime.block_on(Apache::start(spec, &kafka))?;
    println!(
        "Apache Kafka {} on Java {}, three brokers and a controller:",
        kafka.kafka_version, kafka.java_version
    );
    println!("  up after      embedded {}, apache {}", ms(embedded_up), ms(since.elapsed()));
    for (size, bytes) in SIZES {
        round_trips(&embedded, &apache, size, bytes)?;
    }
    paced(&embedded, &apache)?;
    throughput(&embedded, &apache)?;
    let (ours, theirs) = (resident_kib("self")?.saturating_sub(before), resident_of(&apache)?);
    println!(
        "  resident after that: embedded, with the clients, {} MB; apache {} MB",
        ours / 1_000,
        theirs / 1_000
    );
    runtime.block_on(apache.shutdown());
    Ok(())
}

fn round_trips(embedded: &Embedded, apache: &Apache, size: &str, bytes: usize) -> anyhow::Result<()> {
    let topic = format!("round-trip-{bytes}");
    let pair = |bootstrap: &str| {
        create_topic(bootstrap, &topic, 1)?;
        Pair::new(bootstrap, &topic, 500)
    };
    let (ours, theirs) = (pair(&embedded.bootstrap())?, pair(&apache.bootstrap())?);
    let payload = vec![b'x'; bytes];
    ours.trips(WARM_UP / 10, &payload)?;
    theirs.trips(WARM_UP, &payload)?;
    let (mut our_trips, mut their_trips, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut a, mut b) = (ours.trips(TRIPS, &payload)?, theirs.trips(TRIPS, &payload)?);
        ratios.push(quantile(&mut a, 0.5).as_secs_f64() / quantile(&mut b, 0.5).as_secs_f64());
        our_trips.extend(a);
        their_trips.extend(b);
    }
    ratios.sort_by(f64::total_cmp);
    println!("  round trip of {size}, acks=all, {ROUNDS} interleaved rounds of {TRIPS}:");
    for (name, trips) in [("embedded", &mut our_trips), ("apache", &mut their_trips)] {
        println!("    {name:<9} p50 {:>8}  p99 {:>8}", ms(quantile(trips, 0.5)), ms(quantile(trips, 0.99)));
    }
    println!(
        "    embedded / apache at p50, median of rounds: {:.3} (target: at most 0.5; published 2021: p50 < 10 ms)",
        ratios[ROUNDS / 2]
    );
    Ok(())
}

/// Round trips with a pause before each: what a hop costs on a path that is walked now and then, where every thread that
/// a record passes has to be woken. An order of the reference path has ten hops one after the other.
fn paced(embedded: &Embedded, apache: &Apache) -> anyhow::Result<()> {
    println!("  round trip of 50 B, acks=all, one every {} (no target):", ms(PAUSE));
    for (name, bootstrap) in [("embedded", embedded.bootstrap()), ("apache", apache.bootstrap())] {
        create_topic(&bootstrap, "paced", 1)?;
        let pair = Pair::new(&bootstrap, "paced", 500)?;
        pair.trips(TRIPS, &[b'x'; 50])?;
        let mut trips = Vec::new();
        for _ in 0..TRIPS {
            std::thread::sleep(PAUSE);
            trips.extend(pair.trips(1, &[b'x'; 50])?);
        }
        println!(
            "    {name:<9} p50 {:>8}  p99 {:>8}",
            ms(quantile(&mut trips, 0.5)),
            ms(quantile(&mut trips, 0.99))
        );
    }
    Ok(())
}

fn throughput(embedded: &Embedded, apache: &Apache) -> anyhow::Result<()> {
    const TOPIC: &str = "throughput";
    create_topic(&embedded.bootstrap(), TOPIC, 3)?;
    create_topic(&apache.bootstrap(), TOPIC, 3)?;
    // Once for the JVM.
    per_second(&apache.bootstrap(), TOPIC)?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (a, b) = (per_second(&embedded.bootstrap(), TOPIC)?, per_second(&apache.bootstrap(), TOPIC)?);
        ratios.push(a / b);
        ours.push(a);
        theirs.push(b);
    }
    for figures in [&mut ours, &mut theirs, &mut ratios] {
        figures.sort_by(f64::total_cmp);
    }
    println!("  produce, 1 KB, acks=all, three partitions, {ROUNDS} interleaved rounds of {RECORDS}:");
    println!("    embedded  {:>9.0} records/s", ours[ROUNDS / 2]);
    println!("    apache    {:>9.0} records/s", theirs[ROUNDS / 2]);
    println!("    embedded / apache, median of rounds: {:.2} (target: at least 3)", ratios[ROUNDS / 2]);
    Ok(())
}

/// Records per second until the last one is acknowledged.
fn per_second(bootstrap: &str, topic: &str) -> anyhow::Result<f64> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("acks", "all").set("linger.ms", "5");
    let producer: ThreadedProducer<DefaultProducerContext> = config.create()?;
    let payload = vec![b'x'; 1_000];
    let since = Instant::now();
    for number in 0..RECORDS {
        let partition = i32::try_from(number % 3)?;
        let mut record = BaseRecord::<(), _>::to(topic).partition(partition).payload(&payload);
        while let Err((error, back)) = producer.send(record) {
            anyhow::ensure!(
                matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)),
                "{error}"
            );
            std::thread::sleep(Duration::from_millis(1));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(120))?;
    Ok(RECORDS as f64 / since.elapsed().as_secs_f64())
}

fn resident_of(apache: &Apache) -> anyhow::Result<u64> {
    apache.pids().into_iter().map(|pid| resident_kib(&pid.to_string())).sum()
}

fn resident_kib(process: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.ok_or_else(|| anyhow::anyhow!("/proc/{process}/status has no VmRSS"))?.parse().map_err(Into::into)
}
