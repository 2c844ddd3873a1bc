//! From a specification to running processes.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Instant;

use super::disk::{self, Home, new_id};
use super::kafka_home::Kafka;
use super::plan::{FreePorts, Member};
use super::process::{Keeper, Node};
use super::properties::{self, Common};
use super::relay::Relay;
use super::spec::{ApacheSpec, Jit, Network, StartError};
use super::wiring::{CLIENT, Wiring, zone};
use super::{Apache, Running, admin, metrics, watch};
use crate::Broker;
use crate::faults::OpenFaults;
use crate::timeline::Timeline;

/// A port may be taken by somebody else between its choice and its use.
const TRIES: usize = 3;

pub(super) async fn start(spec: ApacheSpec, kafka: &Kafka) -> Result<Apache, StartError> {
    spec.check()?;
    let mut tries = 1..=TRIES;
    loop {
        let attempt = tries.next();
        match start_once(&spec, kafka).await {
            Err(StartError::Ended { last_words, .. })
                if attempt < Some(TRIES) && last_words.contains("Address already in use") => {}
            done => return done,
        }
    }
}

async fn start_once(spec: &ApacheSpec, kafka: &Kafka) -> Result<Apache, StartError> {
    let born = Instant::now();
    let relay = match spec.network {
        Network::Direct => None,
        Network::Relayed => Some(Relay::start().map_err(system("a relay cannot be started"))?),
    };
    let mut ports = FreePorts::default();
    let wiring = Wiring::new(spec, relay.as_ref(), &mut ports)?;
    let directory = tempfile::Builder::new().prefix("leaderless-kafka-").tempdir();
    // From here on it is the keeper's.
    let directory = directory.map_err(system("there is no directory for the cluster"))?.keep();
    let keeper = Keeper::new(&directory, spec.keep).map_err(system("the keeper cannot be started"))?;
    let site = Site { spec, kafka, wiring: &wiring, directory: &directory, keeper: &keeper };
    let (controllers, nodes) = site.lay_out().await?;
    let brokers: Vec<Broker> = wiring.brokers.iter().map(|member| broker(spec, member)).collect();
    let bootstrap = brokers.iter().map(|broker| broker.address.as_str()).collect::<Vec<_>>().join(",");
    let mut cluster = Apache {
        controllers,
        nodes,
        brokers,
        admin: admin(&bootstrap),
        relay,
        seed: spec.cluster.seed,
        directory,
        watch: None,
        timeline: Timeline::new(born),
        open: OpenFaults::default(),
        stripped: tokio::sync::Mutex::default(),
        keeper: Mutex::new(keeper),
    };
    drop(ports);
    for (_, running) in cluster.all() {
        running.node.start().map_err(system("java cannot be started"))?;
    }
    cluster.until_ready().await?;
    let addresses = cluster.brokers.iter().map(|broker| broker.address.clone()).collect();
    cluster.watch = Some(watch::start(addresses, cluster.timeline.clone()));
    Ok(cluster)
}

fn broker(spec: &ApacheSpec, member: &Member) -> Broker {
    let address = member.listener(CLIENT).map(|listener| listener.advertised.to_string());
    Broker { id: member.id, zone: zone(&spec.cluster, member.id), address: address.unwrap_or_default() }
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::System { what, error }
}

/// Where a cluster is being built.
struct Site<'a> {
    spec: &'a ApacheSpec,
    kafka: &'a Kafka,
    wiring: &'a Wiring,
    directory: &'a Path,
    keeper: &'a Keeper,
}

/// Of a smaller heap on few processors the serial collector takes the least time; a larger one is the JVM's business.
const SMALL_HEAP_MB: u32 = 512;
/// Its young generation, in MiB: about what the caches of processors hold. A third of the heap, which is the default, took
/// a sixth more CPU per order.
const YOUNG_MB: u32 = 24;

impl Site<'_> {
    /// Writes every node's files; nothing runs yet.
    async fn lay_out(&self) -> Result<(Vec<Running>, Vec<Running>), StartError> {
        let written = |error| StartError::System { what: "a node's files cannot be written", error };
        let metrics_settings = metrics::settings_file(self.directory).map_err(written)?;
        let logging = disk::logging(self.directory).map_err(written)?;
        let mut formatted: Option<Home> = None;
        let cluster_id = new_id();
        let mut groups = [Vec::new(), Vec::new()];
        let members = [("controller", &self.wiring.controllers), ("broker", &self.wiring.brokers)];
        for (group, (role, members)) in groups.iter_mut().zip(members) {
            for member in members {
                let home = Home::new(self.directory, &format!("{role}-{}", member.id)).map_err(written)?;
                std::fs::write(home.settings(), self.settings(role, member, &home)).map_err(written)?;
                match &formatted {
                    None => {
                        self.format(&home, &cluster_id).await?;
                        formatted = Some(home.clone());
                    }
                    Some(formatted) => {
                        home.format_like(formatted, member.id, &cluster_id).map_err(written)?;
                    }
                }
                group.push(self.node(member, home, [&metrics_settings, &logging]));
            }
        }
        let [controllers, brokers] = groups;
        Ok((controllers, brokers))
    }

    fn settings(&self, role: &str, member: &Member, home: &Home) -> String {
        let common = Common {
            spec: self.spec,
            voters: &self.wiring.voters(member.id),
            controller_listener: &self.wiring.controller_listener(member.id),
            data: &home.data(),
        };
        if role == "controller" {
            return properties::controller(common, member);
        }
        let zone = zone(&self.spec.cluster, member.id);
        properties::broker(common, member, &zone, &self.wiring.peer_listener(member.id))
    }

    /// `StorageTool format`; a child that is gone before this returns.
    async fn format(&self, home: &Home, cluster_id: &str) -> Result<(), StartError> {
        let mut args = self.jvm();
        args.extend(["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c"].map(str::to_owned));
        args.push(home.settings().display().to_string());
        let command = tokio::process::Command::new(&self.kafka.java)
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = command.await.map_err(system("java cannot be started"))?;
        if output.status.success() {
            return Ok(());
        }
        let last_words = String::from_utf8_lossy(&output.stderr).into_owned();
        let how = output.status.to_string();
        Err(StartError::Ended { node: "StorageTool format".to_owned(), how, last_words })
    }

    fn node(&self, member: &Member, home: Home, [metrics_settings, logging]: [&Path; 2]) -> Running {
        let mut args = self.jvm();
        args.push(format!("-Dlog4j2.configurationFile={}", logging.display()));
        args.push(format!("-Dleaderless.log={}", home.log().display()));
        args.extend(metrics::agent(self.kafka, member.metrics, metrics_settings));
        args.push("kafka.Kafka".to_owned());
        args.push(home.settings().display().to_string());
        let node = Node::new(self.keeper, self.kafka.java.clone(), args, home.output());
        Running { id: member.id, node, home, metrics: member.metrics }
    }

    fn jvm(&self) -> Vec<String> {
        let heap = self.spec.heap_mb;
        let mut args = vec![format!("-Xmx{heap}m")];
        let mut also = |arg: &str| args.push(arg.to_owned());
        match self.spec.jit {
            Jit::Quick => ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"].into_iter().for_each(also),
            // A heap that has to grow first is collected many times meanwhile.
            Jit::Full if heap < SMALL_HEAP_MB => {
                also("-XX:+UseSerialGC");
                also(&format!("-Xms{heap}m"));
                also(&format!("-Xmn{YOUNG_MB}m"));
            }
            Jit::Full => {}
        }
        args.extend(["-cp".to_owned(), self.kafka.class_path().display().to_string()]);
        args
    }
}
