//! What the stories share: a whole system to break, and a customer who asks it for things.

mod customer;

use std::ops::Deref;
use std::time::Duration;

use lab::faults;
use leaderless::system::{ClusterKind, System};
use scenario::{ClockPlan, ClusterPlan, DegradePlan, Placement, Strategy};
use serde_json::Value;

pub use customer::{Answer, Customer};

/// How long anything may take to come true; generous, since the machine is shared.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Partitions of every topic in the stories, unless they say otherwise.
pub const PARTITIONS: u16 = 3;

/// A system and its customer. What a customer can do is called on the world.
#[derive(Debug)]
pub struct World {
    /// The system.
    pub system: System,
    customer: Customer,
}

impl Deref for World {
    type Target = Customer;

    fn deref(&self) -> &Customer {
        &self.customer
    }
}

/// The strategy that flips, with its defaults.
#[must_use]
pub fn degrade() -> Strategy {
    Strategy::Degrade(DegradePlan::default())
}

/// Three brokers in three zones, three partitions a topic: every broker has a replica of everything.
#[must_use]
pub fn three_brokers() -> ClusterPlan {
    ClusterPlan {
        brokers: 3,
        zones: 3,
        replication_factor: 3,
        min_isr: 2,
        partitions: PARTITIONS,
        placement: Placement::Aligned,
        clock: ClockPlan::default(),
    }
}

impl World {
    /// A healthy system on [`three_brokers`]; it has already sold something on every partition.
    pub async fn start(strategy: Strategy) -> Self {
        Self::start_on(&three_brokers(), strategy).await
    }

    /// The same on another cluster.
    pub async fn start_on(plan: &ClusterPlan, strategy: Strategy) -> Self {
        let products = ["BTC-USD".to_owned()];
        let starting = System::start(&ClusterKind::Embedded, plan, &strategy, &products, 7);
        let system = starting.await.expect("the system starts");
        let customer = Customer::new(system.quote_address(), system.trade_address(), plan.partitions);
        customer.is_healthy("warm").await;
        Self { system, customer }
    }

    /// Carries a fault or a heal out, e.g. `{"kind": "kill_broker", "broker": 2}`.
    pub async fn inject(&self, call: Value) {
        let call = faults::call_from_json(call.as_object().expect("an object")).expect("a valid fault");
        self.system.lab().inject(&call).await.expect("the fault is carried out");
    }

    /// Stops everything; nothing may be left behind.
    pub async fn stop(self) {
        self.system.stop().await.expect("everything ends well");
    }
}
