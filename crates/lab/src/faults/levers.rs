//! What can be done to a cluster. Each kind of cluster implements the levers it has; the rest refuse and say
//! which kinds of clusters have them.

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};

use super::FaultError;

/// A lever being pulled.
pub type Pulled<'a> = BoxFuture<'a, Result<(), FaultError>>;

/// A topic, as far as faults choose among partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicShape {
    /// Its name.
    pub name: String,
    /// Whether it belongs to the cluster itself, such as `__consumer_offsets`.
    pub internal: bool,
    /// How many partitions it has.
    pub partitions: i32,
}

/// What can be done to a cluster. Pulling a lever that is already there does nothing and succeeds.
pub trait Levers: Send + Sync {
    /// The kind of cluster, e.g. `embedded`.
    fn backend(&self) -> &'static str;

    /// The brokers' ids.
    fn brokers(&self) -> Vec<i32>;

    /// From which faults that take a share choose.
    fn seed(&self) -> u64;

    /// The topics there are.
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicShape>, FaultError>>;

    /// Stop the controller.
    fn freeze_controller(&self) -> Pulled<'_> {
        cannot(self.backend(), "freeze its controller", "embedded, apache")
    }

    /// Let it go on.
    fn thaw_controller(&self) -> Pulled<'_> {
        cannot(self.backend(), "thaw its controller", "embedded, apache")
    }

    /// `kill -9`.
    fn kill_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), "kill a broker", "embedded, apache")
    }

    /// Start it again.
    fn start_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), "start a broker", "embedded, apache")
    }

    /// `SIGSTOP`.
    fn freeze_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), "freeze a broker", "embedded, apache")
    }

    /// `SIGCONT`.
    fn thaw_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), "thaw a broker", "embedded, apache")
    }

    /// Drop its packets.
    fn black_hole_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), "black-hole a broker", "embedded")
    }

    /// Let packets through.
    fn restore_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), "restore a broker's network", "embedded")
    }

    /// Every answer takes this much longer; zero heals.
    fn slow_broker(&self, _broker: i32, _delay: Duration) -> Pulled<'_> {
        cannot(self.backend(), "slow a broker down", "embedded")
    }

    /// Leader -1 on these partitions: (topic, index).
    fn strip_leader(&self, _partitions: Vec<(String, i32)>) -> Pulled<'_> {
        cannot(self.backend(), "take a partition's leader away", "embedded")
    }

    /// They may elect again.
    fn restore_leader(&self, _partitions: Vec<(String, i32)>) -> Pulled<'_> {
        cannot(self.backend(), "give a partition's leader back", "embedded")
    }
}

fn cannot(backend: &'static str, lever: &'static str, able: &'static str) -> Pulled<'static> {
    ready(Err(FaultError::CannotDoThat { backend, lever, able })).boxed()
}
