//! The settings of controllers and brokers, as `server.properties`: one place for all of them.
//!
//! What a [`cluster::Spec`] says is said to both kinds of clusters alike. What is an outcome on Apache Kafka (how soon
//! a controller looks at stale sessions after a thaw, how long survivors stay out of the in-sync set, how long a start
//! takes) has no setting here.

use std::fmt::Write as _;
use std::path::Path;

use super::plan::Member;
use super::spec::ApacheSpec;

/// What all nodes must agree on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) spec: &'a ApacheSpec,
    /// `id@host:port` of every controller, by the name of the listener that the node uses.
    pub(super) voters: &'a str,
    /// The listener through which the node talks to controllers.
    pub(super) controller_listener: &'a str,
    /// Its data.
    pub(super) data: &'a Path,
}

/// A controller's settings.
pub(super) fn controller(common: Common<'_>, me: &Member) -> String {
    let mut text = Properties::new("controller", common, me);
    let spec = &common.spec.cluster;
    let clock = spec.clock;
    let names = me.listeners.iter().map(|listener| listener.name.as_str()).collect::<Vec<_>>();
    // The first name is the one that this controller itself uses.
    text.set("controller.listener.names", names.join(","));
    text.set("broker.session.timeout.ms", clock.session.as_millis());
    text.set("leader.imbalance.check.interval.seconds", clock.leader_rebalance.as_secs().max(1));
    text.set("default.replication.factor", spec.replication_factor);
    text.set("num.partitions", spec.partitions);
    text.set("min.insync.replicas", spec.min_isr);
    text.0
}

/// A broker's settings. `peers` is the name of the listener through which it talks to other brokers.
pub(super) fn broker(common: Common<'_>, me: &Member, zone: &str, peers: &str) -> String {
    let mut text = Properties::new("broker", common, me);
    let ApacheSpec { cluster: spec, threads, .. } = common.spec;
    let clock = spec.clock;
    let offsets_replicas = i64::from(spec.offsets_replication_factor).min(i64::from(spec.brokers));
    text.set("controller.listener.names", common.controller_listener);
    text.set("inter.broker.listener.name", peers);
    text.set("broker.rack", zone);
    text.set("broker.session.timeout.ms", clock.session.as_millis());
    text.set("broker.heartbeat.interval.ms", clock.heartbeat.as_millis());
    text.set("replica.lag.time.max.ms", clock.replica_lag.as_millis());
    text.set("num.network.threads", threads.network);
    text.set("num.io.threads", threads.io);
    text.set("num.replica.fetchers", threads.replica_fetchers);
    text.set("offsets.commit.timeout.ms", clock.offsets_commit.as_millis());
    text.set("offsets.topic.num.partitions", spec.offsets_partitions);
    text.set("offsets.topic.replication.factor", offsets_replicas);
    text.set("transaction.state.log.num.partitions", spec.offsets_partitions);
    text.set("transaction.state.log.replication.factor", offsets_replicas);
    text.set("transaction.state.log.min.isr", spec.min_isr.min(spec.offsets_replication_factor));
    text.set("default.replication.factor", spec.replication_factor);
    text.set("num.partitions", spec.partitions);
    text.set("min.insync.replicas", spec.min_isr);
    text.set("message.max.bytes", spec.message_bytes_max);
    text.set("log.retention.bytes", spec.retention_bytes);
    // What is too much goes within seconds, not minutes.
    text.set("log.initial.task.delay.ms", 1_000);
    text.set("log.retention.check.interval.ms", 1_000);
    // The cleaner's 128 MiB would be half of the heap, and keep the garbage collector marking all the time.
    text.set("log.cleaner.dedupe.buffer.size", 4 << 20);
    // Nobody is waited for: a test's first member would wait 3 s for a second one.
    text.set("group.initial.rebalance.delay.ms", 0);
    text.set("auto.create.topics.enable", false);
    // A shutdown that waits for the controller would hang exactly when the controller is what is frozen.
    text.set("controlled.shutdown.enable", true);
    text.0
}

struct Properties(String);

impl Properties {
    fn new(role: &str, common: Common<'_>, me: &Member) -> Self {
        let mut text = Self(String::new());
        let join = |of: &dyn Fn(&super::plan::Listener) -> String| {
            me.listeners.iter().map(of).collect::<Vec<_>>().join(",")
        };
        text.set("process.roles", role);
        text.set("node.id", me.id);
        text.set("controller.quorum.voters", common.voters);
        text.set("listeners", join(&|listener| format!("{}://{}", listener.name, listener.at)));
        text.set(
            "advertised.listeners",
            join(&|listener| format!("{}://{}", listener.name, listener.advertised)),
        );
        let mut names: Vec<&str> = me.listeners.iter().map(|listener| listener.name.as_str()).collect();
        if !names.contains(&common.controller_listener) {
            names.push(common.controller_listener);
        }
        let plain = names.iter().map(|name| format!("{name}:PLAINTEXT")).collect::<Vec<_>>();
        text.set("listener.security.protocol.map", plain.join(","));
        text.set("log.dirs", common.data.display());
        text
    }

    fn set(&mut self, key: &str, value: impl std::fmt::Display) {
        writeln!(self.0, "{key}={value}").expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::super::plan::Listener;
    use super::super::spec::Threads;
    use super::*;

    fn written(threads: Threads) -> Vec<String> {
        let spec = ApacheSpec { threads, ..ApacheSpec::default() };
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 20_001));
        let me = Member { id: 1, listeners: vec![Listener::direct("CLIENT", at)], metrics: at };
        let common = Common {
            spec: &spec,
            voters: "1001@127.0.0.1:20002",
            controller_listener: "CONTROLLER",
            data: Path::new("data"),
        };
        let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let controller = lines(controller(common, &me));
        assert!(!controller.iter().any(|line| line.contains("threads")), "brokers have them: {controller:?}");
        lines(broker(common, &me, "zone-0", "CLIENT"))
    }

    #[test]
    fn a_brokers_threads_are_written_each_to_its_own_key() {
        let lines = written(Threads { network: 2, io: 5, replica_fetchers: 4 });
        for line in ["num.network.threads=2", "num.io.threads=5", "num.replica.fetchers=4"] {
            assert_eq!(lines.iter().filter(|written| *written == line).count(), 1, "{line}: {lines:?}");
        }
    }
}
