//! What a cluster is made of: its size, its limits and its clock.

use std::time::Duration;

use serde::Serialize;

/// The times that rule elections, sessions and the in-sync set.
///
/// Sources: the defaults of Apache Kafka 4.3 (`broker.session.timeout.ms`, `broker.heartbeat.interval.ms`,
/// `replica.lag.time.max.ms`, `offsets.commit.timeout.ms`, `leader.imbalance.check.interval.seconds`); the delays
/// without a setting of their own were measured on it, and say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// A broker that the controller has not heard of for this long is fenced.
    pub session: Duration,
    /// How often a broker tells the controller that it is alive.
    pub heartbeat: Duration,
    /// A follower that has not caught up for this long leaves the in-sync set.
    pub replica_lag: Duration,
    /// From the thaw of a controller until a broker that it takes for dead is seen to be fenced. Measured: 0.2 to 0.3 s.
    /// What else is the machine's doing goes with it: half of it until a thawed broker goes on, a quarter until a leader
    /// hears that another one leads, twice until a broker whose links are back is heard of.
    pub stale_check: Duration,
    /// From the return of a majority of the controllers until they have a leader. Measured: 0.8 to 1.2 s.
    pub quorum_election: Duration,
    /// From the start of a broker's process to its registration. Measured: an ack 2.3-2.8 s after a restart.
    pub broker_start: Duration,
    /// How long a group's commit waits for the in-sync replicas of the offsets topic.
    pub offsets_commit: Duration,
    /// How often leadership goes back to preferred leaders.
    pub leader_rebalance: Duration,
}

impl Clock {
    /// As Apache Kafka ships.
    #[must_use]
    pub const fn apache() -> Self {
        Self {
            session: Duration::from_millis(9_000),
            heartbeat: Duration::from_millis(2_000),
            replica_lag: Duration::from_millis(30_000),
            stale_check: Duration::from_millis(200),
            quorum_election: Duration::from_millis(900),
            broker_start: Duration::from_millis(2_300),
            offsets_commit: Duration::from_millis(5_000),
            leader_rebalance: Duration::from_secs(300),
        }
    }

    /// How long a follower waits at a leader that has nothing for it: `replica.fetch.wait.max.ms` is a quarter of the
    /// time between two heartbeats.
    pub(crate) const fn fetch_wait(&self) -> Duration {
        Duration::from_millis(self.heartbeat.as_millis() as u64 / 4)
    }

    /// For short game days: about a sixth of [`Clock::apache`], so that an outage and its heal fit into seconds. The
    /// offsets commit timeout stays above the session, as it must for the same errors to surface.
    #[must_use]
    pub const fn compressed() -> Self {
        Self {
            session: Duration::from_millis(1_500),
            heartbeat: Duration::from_millis(333),
            replica_lag: Duration::from_millis(5_000),
            stale_check: Duration::from_millis(33),
            quorum_election: Duration::from_millis(150),
            broker_start: Duration::from_millis(400),
            offsets_commit: Duration::from_millis(2_000),
            leader_rebalance: Duration::from_secs(50),
        }
    }
}

/// What a cluster is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// How many brokers; their ids count from 1.
    pub brokers: u32,
    /// How many zones; broker `b` is in zone `(b - 1) % zones`.
    pub zones: u32,
    /// The times.
    pub clock: Clock,
    /// Replication factor of a topic that does not say.
    pub replication_factor: i16,
    /// `min.insync.replicas` of a topic that does not say.
    pub min_isr: i16,
    /// Partitions of a topic that does not say.
    pub partitions: i32,
    /// Bytes kept per partition, unless the topic says `retention.bytes`.
    pub retention_bytes: usize,
    /// Bytes kept in the whole cluster: no partition keeps more than this divided by the number of partitions.
    pub log_bytes_max: usize,
    /// Largest batch; Apache's `message.max.bytes`.
    pub message_bytes_max: usize,
    /// Partitions of `__consumer_offsets`.
    pub offsets_partitions: i32,
    /// Its replication factor, unless there are fewer brokers.
    pub offsets_replication_factor: i16,
    /// Partitions of all topics together, at most.
    pub partitions_max: usize,
    /// Producer ids remembered per partition; the one that was silent longest is forgotten first.
    pub producers_max: usize,
    /// Requests that may wait at once; further ones are answered as if their wait were over.
    pub parked_max: usize,
    /// From here come the ids of the cluster, its topics and its members.
    pub seed: u64,
}

impl Spec {
    /// Three brokers in three zones, RF 3, min ISR 2, the clock of Apache Kafka, 8 MiB per partition and 1 GiB in all.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            brokers: 3,
            zones: 3,
            clock: Clock::apache(),
            replication_factor: 3,
            min_isr: 2,
            partitions: 1,
            retention_bytes: 8 * 1024 * 1024,
            log_bytes_max: 1024 * 1024 * 1024,
            message_bytes_max: 1_048_588,
            offsets_partitions: 6,
            offsets_replication_factor: 3,
            partitions_max: 100_000,
            producers_max: 10_000,
            parked_max: 100_000,
            seed: 0,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field out of bounds, its value and what is allowed.
    pub fn check(&self) -> Result<(), SpecError> {
        let within = |key, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(SpecError { key, value, allowed: format!("{least} to {most}") })
        };
        let brokers = u64::from(self.brokers);
        within("brokers", brokers, 1, 1_000)?;
        within("zones", u64::from(self.zones), 1, brokers)?;
        within("replication_factor", self.replication_factor.max(0) as u64, 1, brokers)?;
        within("min_isr", self.min_isr.max(0) as u64, 1, self.replication_factor as u64)?;
        within("partitions", self.partitions.max(0) as u64, 1, self.partitions_max as u64)?;
        within("retention_bytes", self.retention_bytes as u64, 1, u64::MAX)?;
        within("offsets_partitions", self.offsets_partitions.max(0) as u64, 1, 1_000)?;
        within("offsets_replication_factor", self.offsets_replication_factor.max(0) as u64, 1, 1_000)?;
        within("message_bytes_max", self.message_bytes_max as u64, 1_024, 64 * 1024 * 1024)?;
        within("clock.heartbeat (ms)", self.clock.heartbeat.as_millis() as u64, 1, u64::MAX)?;
        within("clock.session (ms)", self.clock.session.as_millis() as u64, 1, u64::MAX)
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self::new()
    }
}

/// A cluster cannot be made of this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {value}; allowed is {allowed}")]
pub struct SpecError {
    key: &'static str,
    value: u64,
    allowed: String,
}
