//! A cluster of three brokers and one partition, and the ways in which it gets stuck.

use lab::embedded::{Embedded, EmbeddedSpec};
use lab::{Lab as _, faults};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use serde_json::{Value, json};

pub(crate) const TOPIC: &str = "t";
pub(crate) const GROUP: &str = "g";

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Leaderless,
    /// And nobody to elect another one.
    FrozenLeader,
    DeadLeader,
    /// From before the client starts.
    NoBroker,
    /// The same; when they are back, the partition has no leader.
    LateBrokers,
    /// A member of the group.
    Died,
    NoCoordinator,
    /// The same; an earlier call of the client has found it out.
    NoCoordinatorKnown,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Leaderless => "the partition has no leader",
            Self::FrozenLeader => "leader and controller are frozen",
            Self::DeadLeader => "the leader is dead, the controller frozen",
            Self::NoBroker => "no broker answers",
            Self::LateBrokers => "no broker answers at first, and then the partition has no leader",
            Self::Died => "another member was killed",
            Self::NoCoordinator => "the group has no coordinator",
            Self::NoCoordinatorKnown => "the group has no coordinator, and the client knows",
        }
    }

    fn calls(self) -> Vec<Value> {
        let controller = json!({"kind": "freeze_controller"});
        let strip = json!({"kind": "strip_leader", "topic": TOPIC, "partitions": [0]});
        match self {
            Self::Leaderless => vec![strip],
            Self::FrozenLeader => vec![controller, json!({"kind": "freeze_broker", "broker": 1})],
            Self::DeadLeader => vec![controller, json!({"kind": "kill_broker", "broker": 1})],
            Self::NoBroker => brokers("freeze_broker"),
            Self::LateBrokers => [vec![strip], brokers("freeze_broker")].concat(),
            Self::Died => Vec::new(),
            Self::NoCoordinator | Self::NoCoordinatorKnown => {
                vec![json!({"kind": "lose_coordinator", "group": GROUP})]
            }
        }
    }

    pub(crate) async fn strike(self, cluster: &Embedded) {
        inject(cluster, self.calls()).await;
    }
}

/// They answer again.
pub(crate) async fn thaw_brokers(cluster: &Embedded) {
    inject(cluster, brokers("thaw_broker")).await;
}

fn brokers(kind: &str) -> Vec<Value> {
    (1..=3).map(|broker| json!({"kind": kind, "broker": broker})).collect()
}

async fn inject(cluster: &Embedded, calls: Vec<Value>) {
    for call in calls {
        let call = faults::call_from_json(call.as_object().unwrap()).unwrap();
        cluster.inject(&call).await.unwrap();
    }
}

/// The only partition is led by broker 1.
pub(crate) async fn cluster() -> Embedded {
    let spec = cluster::Spec { clock: cluster::Clock::compressed(), ..cluster::Spec::new() };
    let cluster = Embedded::start(EmbeddedSpec { cluster: spec, ..EmbeddedSpec::default() }).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap());
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let topic = NewTopic::new(TOPIC, 1, TopicReplication::Variable(&[&[1, 2, 3]]));
    let created = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
    assert_eq!(created[0], Ok(TOPIC.to_owned()));
    cluster
}
