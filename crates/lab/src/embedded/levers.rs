//! The embedded cluster's levers: all there are.

use std::sync::Arc;
use std::time::Duration;

use cluster::{BrokerId, Lever, Process, TopicPartition};
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

    /// Breaks a broker in a way that only a running one can be broken.
    fn break_broker(&self, broker: i32, lever: Lever, into: Process) -> Pulled<'_> {
        self.engine.pull(lever);
        let process = self.engine.process(BrokerId(broker));
        let done = if process == Some(into) {
            Ok(())
        } else {
            let is = process
                .map_or_else(|| "not there".to_owned(), |process| format!("{process:?}").to_lowercase());
            Err(FaultError::Failed(format!("broker {broker} is {is}; heal that first")))
        };
        ready(done).boxed()
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

    fn lose_quorum(&self) -> Pulled<'_> {
        self.pull(Lever::LoseQuorum)
    }

    fn restore_quorum(&self) -> Pulled<'_> {
        self.pull(Lever::RestoreQuorum)
    }

    fn kill_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::KillBroker(BrokerId(broker)))
    }

    fn start_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::StartBroker(BrokerId(broker)))
    }

    fn freeze_broker(&self, broker: i32) -> Pulled<'_> {
        self.break_broker(broker, Lever::FreezeBroker(BrokerId(broker)), Process::Frozen)
    }

    fn thaw_broker(&self, broker: i32) -> Pulled<'_> {
        self.pull(Lever::ThawBroker(BrokerId(broker)))
    }

    fn black_hole_broker(&self, broker: i32) -> Pulled<'_> {
        self.break_broker(broker, Lever::BlackHoleBroker(BrokerId(broker)), Process::BlackHoled)
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
