//! Brokers that shut down in order: their leaders move before they go, and nobody waits for a session to run out.
//!
//! A broker that is told to stop asks the controller to let it go. The controller takes it out of every in-sync set and
//! elects others at once; with its next heartbeat, by which all others have heard of that, the broker is told to go: it
//! closes its port, and is fenced (on Apache Kafka 4.3 after 2.1 to 4.2 s, one heartbeat or two). While the controller
//! is frozen nobody lets it go: it serves on, for as long as Apache Kafka waits, and then goes as if it had been killed.
//!
//! Source: Apache Kafka's `BrokerServer.shutdown`, `BrokerLifecycleManager` and `ReplicationControlManager`.

use std::time::Duration;

use crate::api::{BrokerId, Change};
use crate::cluster::Cluster;
use crate::timers::Timer;

/// From the signal until everybody knows that it leads nothing any more: this part of the time that a start takes.
/// Measured: 0.15 s beside 2.3 s.
const ASKS_AFTER: u32 = 16;

/// How long a broker waits for the controller to let it go. Source: `BrokerServer.shutdown` has five minutes.
const ASKS_FOR: Duration = Duration::from_secs(300);

/// A broker on its way out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving {
    asks_at: Duration,
    /// The controller has let it go: it leads nothing, and is in sync nowhere.
    pub(crate) let_go: bool,
    /// Its port closes then.
    gone_at: Duration,
    /// It was started again before it was gone.
    pub(crate) starts_again: bool,
}

impl Cluster {
    /// `SIGTERM`.
    pub(crate) fn stop(&mut self, id: BrokerId) {
        let (asks_at, gone_at) = (self.now + self.spec.clock.broker_start / ASKS_AFTER, self.now + ASKS_FOR);
        let Some(broker) = self.broker_mut(id).filter(|b| b.running() && b.leaving.is_none()) else { return };
        broker.leaving = Some(Leaving { asks_at, let_go: false, gone_at, starts_again: false });
        self.timers.set(asks_at, Timer::Leave(id));
        self.timers.set(gone_at, Timer::Leave(id));
    }

    /// After a thaw: whoever asked meanwhile may go.
    pub(crate) fn let_leavers_go(&mut self) {
        let leaving: Vec<BrokerId> =
            self.brokers.iter().filter(|b| b.leaving.is_some()).map(|broker| broker.id).collect();
        for id in leaving {
            self.leave_due(id);
        }
    }

    /// A broker asks, or is gone.
    pub(crate) fn leave_due(&mut self, id: BrokerId) {
        // A kill may have come first, and another stop since: then neither is due.
        let Some(leaving) = self.broker(id).and_then(|broker| broker.leaving) else { return };
        if leaving.gone_at <= self.now {
            self.go(id, leaving);
        } else if leaving.asks_at <= self.now && !leaving.let_go && self.controller_works() {
            self.let_go(id);
        }
    }

    fn let_go(&mut self, id: BrokerId) {
        let gone_at = self.now + self.spec.clock.heartbeat;
        let Some(broker) = self.broker_mut(id) else { return };
        let Some(leaving) = &mut broker.leaving else { return };
        leaving.let_go = true;
        leaving.gone_at = gone_at;
        let held: Vec<_> = broker.partitions.iter().copied().collect();
        self.timers.set(gone_at, Timer::Leave(id));
        for pid in held {
            if self.partitions[&pid].leader == Some(id) {
                self.pause_followers(pid, self.next_fetch() - self.now);
                self.elect(pid);
            } else {
                self.shrink(pid, id);
            }
        }
    }

    fn go(&mut self, id: BrokerId, leaving: Leaving) {
        self.kill(id);
        if leaving.let_go && self.controller_works() {
            if let Some(broker) = self.broker_mut(id) {
                broker.fenced = true;
            }
            self.changed(Change::Fenced { broker: id, fenced: true });
        }
        if leaving.starts_again {
            self.start(id);
        }
    }
}
