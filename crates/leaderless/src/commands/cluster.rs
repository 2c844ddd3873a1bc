//! `leaderless cluster`: a cluster alone, as the Kafka of any test suite, or as one to break by hand.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bus::{Admin, Preset, Settings};
use cluster::{Clock, NewReplicas, NewTopic, Spec};
use lab::Lab;
use lab::apache::{Apache, ApacheSpec, Kafka, Network};
use lab::control::{self, Access};
use lab::embedded::{Embedded, EmbeddedSpec, Ports};
use service_kit::process::wait_for_signal;
use tokio::net::TcpListener;

use super::{EXIT_INTERRUPTED, Usage, kafka};
use crate::cli::{ClusterArgs, TopicArg};
use crate::output;

/// How long Apache Kafka may take to create the topics that were asked for.
const CREATE: Duration = Duration::from_secs(60);

/// Runs the cluster until Ctrl-C.
pub(super) async fn run(args: ClusterArgs) -> anyhow::Result<ExitCode> {
    let spec = spec(&args)?;
    let access = access(&args)?;
    let ports = ports(&args)?;
    let control = TcpListener::bind(args.control).await;
    let control = control.with_context(|| format!("--control {}", args.control))?;
    let cluster = tokio::select! {
        started = started(&args, spec, ports) => started?,
        () = wait_for_signal() => {
            output::say("interrupted: nothing is left of it");
            return Ok(EXIT_INTERRUPTED.into());
        }
    };
    // The first line is for programs, and the only one on standard output.
    output::answer(&format!("{}\n", cluster.bootstrap()))?;
    let address = control.local_addr()?;
    output::say(&format!(
        "faults and state: http://{address}/ (leaderless fault KIND NAME=VALUE --control {address})"
    ));
    let served = control::run(control, Arc::clone(&cluster), access, wait_for_signal()).await;
    cluster.shutdown().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// The cluster with its topics.
async fn started(args: &ClusterArgs, spec: Spec, ports: Ports) -> anyhow::Result<Arc<dyn Lab>> {
    if args.apache {
        return apache(args, spec, ports).await;
    }
    let cluster = Embedded::start(EmbeddedSpec { cluster: spec, ports })?;
    let created = cluster.create_topics(args.topics.iter().map(new_topic).collect()).await;
    // A cluster that nobody has broken refuses a topic only for what was asked.
    created.map_err(|error| Usage(format!("--topic: {error:#}")))?;
    Ok(Arc::new(cluster))
}

async fn apache(args: &ClusterArgs, cluster: Spec, ports: Ports) -> anyhow::Result<Arc<dyn Lab>> {
    let spec = ApacheSpec {
        cluster,
        controllers: args.controllers,
        network: if args.relay { Network::Relayed } else { Network::Direct },
        ports,
        keep: args.keep,
        ..ApacheSpec::default()
    };
    spec.check().map_err(|error| Usage(error.to_string()))?;
    let kafka = kafka::found().await?;
    output::say(&starting(args, &kafka));
    let cluster = Apache::start(spec, &kafka).await?;
    if args.keep {
        output::say(&format!("settings, logs and data are kept in {}", cluster.directory().display()));
    }
    create_topics(&cluster.bootstrap(), &args.topics).await?;
    Ok(Arc::new(cluster))
}

fn starting(args: &ClusterArgs, kafka: &Kafka) -> String {
    let count = |number: u32, of: &str| format!("{number} {of}{}", if number == 1 { "" } else { "s" });
    format!(
        "starting Apache Kafka {} on Java {}: {} and {}, about 2 s each",
        kafka.kafka_version,
        kafka.java_version,
        count(args.controllers, "controller"),
        count(args.brokers, "broker"),
    )
}

async fn create_topics(bootstrap: &str, topics: &[TopicArg]) -> anyhow::Result<()> {
    if topics.is_empty() {
        return Ok(());
    }
    let admin = Admin::new(&Settings::new(bootstrap, "leaderless-cluster", Preset::FailFast))?;
    let spread = |topic: &TopicArg| {
        let (partitions, replication) = (topic.partitions, i32::from(topic.replication_factor));
        bus::NewTopic::new(&topic.name, bus::Placement::Spread { partitions, replication })
    };
    let created = admin.create_topics(&topics.iter().map(spread).collect::<Vec<_>>(), CREATE).await;
    created.map_err(|error| Usage(format!("--topic: {error}")))?;
    let count = |topic: &TopicArg| usize::try_from(topic.partitions).unwrap_or(usize::MAX);
    let wanted: Vec<_> = topics.iter().map(|topic| (topic.name.as_str(), count(topic))).collect();
    Ok(admin.wait_for(&wanted, CREATE).await?)
}

fn spec(args: &ClusterArgs) -> Result<Spec, Usage> {
    let replication = i16::try_from(args.brokers.min(3)).unwrap_or(3);
    let spec = Spec {
        brokers: args.brokers,
        zones: args.zones.min(args.brokers),
        clock: if args.clock == "compressed" { Clock::compressed() } else { Clock::apache() },
        replication_factor: replication,
        min_isr: replication.min(2),
        retention_bytes: usize::try_from(args.retention_bytes).unwrap_or(usize::MAX),
        ..Spec::new()
    };
    spec.check().map_err(|error| Usage(error.to_string()))?;
    let fits = |topic: &&TopicArg| {
        topic.replication_factor.cast_unsigned() <= args.brokers.try_into().unwrap_or(u16::MAX)
    };
    match args.topics.iter().find(|topic| !fits(topic)) {
        None => Ok(spec),
        Some(topic) => Err(Usage(format!(
            "--topic {}: replication factor {}: allowed is 1 to {}, the number of brokers",
            topic.name, topic.replication_factor, args.brokers
        ))),
    }
}

fn ports(args: &ClusterArgs) -> Result<Ports, Usage> {
    match args.port {
        None | Some(0) => Ok(Ports::Free),
        Some(base) if u32::from(base) + args.brokers - 1 <= u16::MAX.into() => Ok(Ports::From(base)),
        Some(base) => Err(Usage(format!(
            "--port {base}: with {} brokers, allowed is 1 to {}, or 0 for free ports",
            args.brokers,
            u32::from(u16::MAX) + 1 - args.brokers
        ))),
    }
}

fn access(args: &ClusterArgs) -> Result<Access, Usage> {
    match &args.token {
        Some(token) => Ok(Access::token(token)),
        None if args.control.ip().is_loopback() => Ok(Access::anybody()),
        None => {
            Err(Usage(format!("--control {} is not a loopback address: it needs a --token", args.control)))
        }
    }
}

fn new_topic(topic: &TopicArg) -> NewTopic {
    let replicas =
        NewReplicas::Counts { partitions: topic.partitions, replication_factor: topic.replication_factor };
    NewTopic { name: topic.name.clone(), replicas, configs: Vec::new() }
}
