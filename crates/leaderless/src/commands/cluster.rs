//! `leaderless cluster`: the embedded cluster alone, as the Kafka of any test suite.

use std::sync::Arc;

use anyhow::Context as _;
use cluster::{Clock, NewReplicas, NewTopic, Spec};
use lab::Lab;
use lab::control::{self, Access};
use lab::embedded::{Embedded, EmbeddedSpec, Ports};
use tokio::net::TcpListener;

use super::Usage;
use crate::cli::{ClusterArgs, TopicArg};
use crate::output;

/// Runs the cluster until Ctrl-C.
pub(super) async fn run(args: ClusterArgs) -> anyhow::Result<()> {
    let spec = spec(&args)?;
    let access = access(&args)?;
    let control = TcpListener::bind(args.control).await;
    let control = control.with_context(|| format!("--control {}", args.control))?;
    let ports = ports(&args)?;
    let cluster = Embedded::start(EmbeddedSpec { cluster: spec, ports })?;
    let created = cluster.create_topics(args.topics.iter().map(new_topic).collect()).await;
    // A cluster that nobody has broken refuses a topic only for what was asked.
    created.map_err(|error| Usage(format!("--topic: {error:#}")))?;
    let cluster: Arc<dyn Lab> = Arc::new(cluster);
    // The first line is for programs, and the only one on standard output.
    output::answer(&format!("{}\n", cluster.bootstrap()))?;
    let address = control.local_addr()?;
    output::say(&format!(
        "faults and state: http://{address}/ (leaderless fault KIND NAME=VALUE --control {address})"
    ));
    let served =
        control::run(control, Arc::clone(&cluster), access, service_kit::process::wait_for_signal()).await;
    cluster.shutdown().await;
    Ok(served?)
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
