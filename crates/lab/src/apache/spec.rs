//! What to start, and why it did not.

use std::io;

use super::kafka_home::Missing;
use crate::embedded::Ports;

/// The largest heap that is given to a node, in MiB.
const HEAP_MB_MAX: u32 = 8_192;

/// The most threads of one kind.
const THREADS_MAX: u32 = 64;

/// What to start.
#[derive(Debug, Clone)]
pub struct ApacheSpec {
    /// The cluster; of its clock, what Apache Kafka has settings for.
    pub cluster: cluster::Spec,
    /// How many controllers: 1, or 3 for a quorum that can be lost.
    pub controllers: u32,
    /// The heap of each node, in MiB.
    pub heap_mb: u32,
    /// How much the JVM compiles.
    pub jit: Jit,
    /// How many threads a broker has.
    pub threads: Threads,
    /// How nodes and clients reach each other.
    pub network: Network,
    /// Where brokers listen for clients.
    pub ports: Ports,
    /// Keep the directory with logs and data.
    pub keep: bool,
}

impl Default for ApacheSpec {
    /// One controller and the brokers of [`cluster::Spec::new`], 256 MiB each, up soon rather than fast for long.
    fn default() -> Self {
        Self {
            cluster: cluster::Spec::new(),
            controllers: 1,
            heap_mb: 256,
            jit: Jit::Quick,
            threads: Threads::default(),
            network: Network::Direct,
            ports: Ports::Free,
            keep: false,
        }
    }
}

/// How much the JVM compiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jit {
    /// C1 only: four nodes are up in about five seconds on two cores instead of twice that.
    Quick,
    /// As the JVM ships, for measuring speed; of a heap below 512 MiB the collector is a small heap's.
    Full,
}

/// How many threads a broker has, 1 to 64 of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    /// `num.network.threads`: read requests and write answers.
    pub network: u32,
    /// `num.io.threads`: carry out requests.
    pub io: u32,
    /// `num.replica.fetchers`: follow another broker. A fetch goes through all partitions of its thread.
    pub replica_fetchers: u32,
}

impl Default for Threads {
    /// As Kafka ships.
    fn default() -> Self {
        Self { network: 3, io: 8, replica_fetchers: 1 }
    }
}

impl Threads {
    fn check(self) -> Result<(), StartError> {
        let Self { network, io, replica_fetchers } = self;
        let all = [
            ("threads.network", network),
            ("threads.io", io),
            ("threads.replica_fetchers", replica_fetchers),
        ];
        match all.into_iter().find(|(_, count)| !(1..=THREADS_MAX).contains(count)) {
            Some((field, value)) => Err(StartError::Field { field, value, allowed: "1 to 64" }),
            None => Ok(()),
        }
    }
}

/// How nodes and clients reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Directly.
    Direct,
    /// Through a relay in this process, so that links can be cut and slowed down. No privilege is needed for it.
    Relayed,
}

/// Why an Apache Kafka cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cluster's specification does not hold.
    #[error(transparent)]
    Spec(#[from] cluster::SpecError),
    /// Another field does not hold.
    #[error("{field} is {value}; allowed is {allowed}")]
    Field {
        /// Which.
        field: &'static str,
        /// Its value.
        value: u32,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Java or Kafka is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A port cannot be had; choose others, or free ones.
    #[error("{node} cannot listen on {wanted}: {error}")]
    Port {
        /// Whose port.
        node: String,
        /// Which port.
        wanted: String,
        /// Why not.
        error: io::Error,
    },
    /// A directory, a process or a thread cannot be had.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// A node ended while the cluster was starting.
    #[error("{node} ended while it was starting ({how}); its last words:\n{last_words}")]
    Ended {
        /// Which node.
        node: String,
        /// Its exit code or signal.
        how: String,
        /// What it printed last.
        last_words: String,
    },
    /// Not all brokers were there in time.
    #[error("after {after:?} {there} of {wanted} brokers are there; broker 1 said last:\n{last_words}")]
    Late {
        /// How long was waited.
        after: std::time::Duration,
        /// How many brokers the metadata shows.
        there: usize,
        /// How many were started.
        wanted: u32,
        /// What broker 1 printed last.
        last_words: String,
    },
}

impl ApacheSpec {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field out of bounds, its value and what is allowed.
    pub fn check(&self) -> Result<(), StartError> {
        self.cluster.check()?;
        if ![1, 3].contains(&self.controllers) {
            return Err(StartError::Field {
                field: "controllers",
                value: self.controllers,
                allowed: "1 or 3",
            });
        }
        if self.cluster.brokers > 30 {
            // Each is a process of about 330 MB.
            return Err(StartError::Field {
                field: "brokers",
                value: self.cluster.brokers,
                allowed: "1 to 30",
            });
        }
        if !(128..=HEAP_MB_MAX).contains(&self.heap_mb) {
            return Err(StartError::Field { field: "heap_mb", value: self.heap_mb, allowed: "128 to 8192" });
        }
        self.threads.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_threads_out_of_bounds_is_named() {
        let of = |threads| ApacheSpec { threads, ..ApacheSpec::default() }.check();
        let shipped = Threads::default();
        assert!(of(shipped).is_ok() && of(Threads { io: 64, ..shipped }).is_ok());
        let error = of(Threads { network: 0, ..shipped }).unwrap_err().to_string();
        assert_eq!(error, "threads.network is 0; allowed is 1 to 64");
        let error = of(Threads { replica_fetchers: 65, ..shipped }).unwrap_err().to_string();
        assert_eq!(error, "threads.replica_fetchers is 65; allowed is 1 to 64");
    }
}
