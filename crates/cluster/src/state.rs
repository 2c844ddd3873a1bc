//! What an observer sees who can look at everything at once.

use serde::Serialize;

use crate::api::{BrokerId, Link, TopicName};
use crate::cluster::Cluster;
use crate::controller::Quorum;

/// A snapshot of the cluster.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// The health of the controller.
    pub controller: ControllerState,
    /// All brokers.
    pub brokers: Vec<BrokerState>,
    /// All topics.
    pub topics: Vec<TopicState>,
    /// Bytes of all logs.
    pub log_bytes: usize,
    /// Requests that wait for replicas, records or the controller.
    pub parked_requests: usize,
}

/// The controller, and the metrics that it alone reports, under Apache Kafka's names.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ControllerState {
    /// Whether it does nothing.
    pub frozen: bool,
    /// Whether a majority of the controllers is gone; the rest still answers.
    pub quorum_lost: bool,
    /// `ActiveControllerCount`: stays 1 while it is frozen, for nobody takes it back; 0 without a quorum.
    #[serde(rename = "ActiveControllerCount")]
    pub active_controller_count: usize,
    /// `OfflinePartitionsCount`: what it was when the controller froze, and for a moment more than there are after a thaw.
    #[serde(rename = "OfflinePartitionsCount")]
    pub offline_partitions_count: usize,
    /// Partitions that have no leader in truth, whatever the metric says.
    pub leaderless_partitions: usize,
}

/// A broker, and the metrics that it reports itself, under Apache Kafka's names.
#[derive(Debug, Clone, Serialize)]
pub struct BrokerState {
    /// Its id.
    pub broker: BrokerId,
    /// Its zone.
    pub zone: String,
    /// How its sockets behave.
    pub link: Link,
    /// Whether the controller counts it out.
    pub fenced: bool,
    /// `UnderReplicatedPartitions`: of the partitions it leads, those with fewer in sync than assigned.
    #[serde(rename = "UnderReplicatedPartitions")]
    pub under_replicated_partitions: usize,
    /// `UnderMinIsrPartitionCount`.
    #[serde(rename = "UnderMinIsrPartitionCount")]
    pub under_min_isr_partition_count: usize,
}

/// A topic.
#[derive(Debug, Clone, Serialize)]
pub struct TopicState {
    /// Its name.
    pub topic: TopicName,
    /// Its partitions, in order.
    pub partitions: Vec<PartitionState>,
}

/// A partition.
#[derive(Debug, Clone, Serialize)]
pub struct PartitionState {
    /// Its index.
    pub partition: i32,
    /// `None` is -1.
    pub leader: Option<BrokerId>,
    /// The leader epoch.
    pub epoch: i32,
    /// The preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The replicas in sync.
    pub isr: Vec<BrokerId>,
    /// The first offset that is still there.
    pub log_start: i64,
    /// Below it records are committed.
    pub high_watermark: i64,
    /// The leader's next offset.
    pub log_end: i64,
    /// Bytes of the log.
    pub bytes: usize,
}

impl Cluster {
    /// A snapshot.
    #[must_use]
    pub fn state(&self) -> State {
        let leaderless_partitions = self.offline_partitions();
        let frozen = !self.controller_works();
        let quorum_lost = self.controller.quorum != Quorum::Whole;
        let told = match self.controller.offline_shown {
            _ if frozen => self.controller.offline_partitions_at_freeze,
            (until, shown) if self.now < until => leaderless_partitions.max(shown),
            _ => leaderless_partitions,
        };
        State {
            controller: ControllerState {
                frozen,
                quorum_lost,
                active_controller_count: usize::from(!quorum_lost),
                offline_partitions_count: told,
                leaderless_partitions,
            },
            brokers: self.brokers.iter().map(|broker| self.broker_state(broker)).collect(),
            topics: self
                .topics
                .iter()
                .map(|(name, topic)| self.topic_state(name, &topic.partitions))
                .collect(),
            log_bytes: self.partitions.values().map(|partition| partition.log.bytes()).sum(),
            parked_requests: self.parked.len(),
        }
    }

    fn broker_state(&self, broker: &crate::cluster::Broker) -> BrokerState {
        let led = || {
            broker
                .partitions
                .iter()
                .filter_map(|pid| self.partitions.get(pid))
                .filter(|p| p.leader == Some(broker.id))
        };
        BrokerState {
            broker: broker.id,
            zone: broker.zone.clone(),
            link: Link { process: broker.process, delay: broker.delay },
            fenced: broker.fenced,
            under_replicated_partitions: led().filter(|p| p.isr.len() < p.replicas.len()).count(),
            under_min_isr_partition_count: led().filter(|p| p.under_min_isr()).count(),
        }
    }

    fn topic_state(&self, name: &TopicName, pids: &[crate::partition::Pid]) -> TopicState {
        let partitions = pids.iter().filter_map(|pid| self.partitions.get(pid));
        let state = |p: &crate::partition::Partition| PartitionState {
            partition: p.name.partition,
            leader: p.leader,
            epoch: p.epoch,
            replicas: p.assignment(),
            isr: p.isr.clone(),
            log_start: p.log.start(),
            high_watermark: p.high_watermark,
            log_end: p.log.end(),
            bytes: p.log.bytes(),
        };
        TopicState { topic: name.clone(), partitions: partitions.map(state).collect() }
    }
}
