//! The embedded cluster's levers: all there are.

use std::sync::Arc;
use std::time::Duration;

use cluster::{BrokerId, Lever, TopicPartition};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::Embedded;
use crate::faults::{FaultError, Levers, Pulled, TopicShape};

/// What this kind of cluster is called.
pub(super) const BACKEND: &str = "embedded";

impl Embedded {
    fn pull(&self, lever: Lever) -> Pulled<'_> {
        self.engine.pull(lever);
        ready(Ok(())).boxed()
    }
}

impl Levers for Embedded {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn brokers(&self) -> Vec<i32> {
        self.directory.0.keys().map(|id| id.0).collect()
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicShape>, FaultError>> {
        ready(Ok(self.engine.topics())).boxed()
    }

    fn freeze_controller(&self) -> Pulled<'_> {
        self.pull(Lever::FreezeController)
    }

    fn thaw_controller(&self) -> Pulled<'_> {
        self.pull(Lever::ThawController)
    }

    fn kill_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::KillBroker(BrokerId(broker)))
    }

    fn start_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::StartBroker(BrokerId(broker)))
    }

    fn freeze_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::FreezeBroker(BrokerId(broker)))
    }

    fn thaw_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::ThawBroker(BrokerId(broker)))
    }

    fn black_hole_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::BlackHoleBroker(BrokerId(broker)))
    }

    fn restore_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::RestoreBroker(BrokerId(broker)))
    }

    fn slow_broker(&self, broker: i32, delay: Duration) -> Pulled<'_> {
        self.pull(Lever::SlowBroker(BrokerId(broker), delay))
    }

    fn strip_leader(&self, partitions: Vec<(String, i32)>) -> Pulled<'_> {
        self.pull(Lever::StripLeader(named(partitions)))
    }

    fn restore_leader(&self, partitions: Vec<(String, i32)>) -> Pulled<'_> {
        self.pull(Lever::RestoreLeader(named(partitions)))
    }
}

fn named(partitions: Vec<(String, i32)>) -> Vec<TopicPartition> {
    let named = partitions
        .into_iter()
        .map(|(topic, partition)| TopicPartition { topic: Arc::from(topic), partition });
    named.collect()
}
