//! What can be done to a cluster. Each kind of cluster implements the levers it has; the rest refuse and say
//! which kinds of clusters have them, as [`Lever`] knows.

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};

use super::{FaultError, Lever, listed};

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
        cannot(self.backend(), Lever::FreezeController)
    }

    /// Let it go on.
    fn thaw_controller(&self) -> Pulled<'_> {
        cannot(self.backend(), Lever::ThawController)
    }

    /// Stop a majority of the controllers.
    fn lose_quorum(&self) -> Pulled<'_> {
        cannot(self.backend(), Lever::LoseQuorum)
    }

    /// Let them go on.
    fn restore_quorum(&self) -> Pulled<'_> {
        cannot(self.backend(), Lever::RestoreQuorum)
    }

    /// `kill -9`.
    fn kill_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), Lever::KillBroker)
    }

    /// `SIGTERM`; returns when it is told, not when it is gone.
    fn stop_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), Lever::StopBroker)
    }

    /// Start it again; one that is still shutting down, as soon as it is gone.
    fn start_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), Lever::StartBroker)
    }

    /// `SIGSTOP`.
    fn freeze_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), Lever::FreezeBroker)
    }

    /// `SIGCONT`.
    fn thaw_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), Lever::ThawBroker)
    }

    /// Drop its packets.
    fn black_hole_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), Lever::BlackHoleBroker)
    }

    /// Let packets through.
    fn restore_broker(&self, _broker: i32) -> Pulled<'_> {
        cannot(self.backend(), Lever::RestoreBroker)
    }

    /// Every answer takes this much longer; zero heals.
    fn slow_broker(&self, _broker: i32, _delay: Duration) -> Pulled<'_> {
        cannot(self.backend(), Lever::SlowBroker)
    }

    /// Leader -1 on these partitions: (topic, index).
    fn strip_leader(&self, _partitions: Vec<(String, i32)>) -> Pulled<'_> {
        cannot(self.backend(), Lever::StripLeader)
    }

    /// They may elect again.
    fn restore_leader(&self, _partitions: Vec<(String, i32)>) -> Pulled<'_> {
        cannot(self.backend(), Lever::RestoreLeader)
    }
}

fn cannot(backend: &'static str, lever: Lever) -> Pulled<'static> {
    let able = listed(lever.backends());
    ready(Err(FaultError::CannotDoThat { backend, lever: lever.words(), able })).boxed()
}
