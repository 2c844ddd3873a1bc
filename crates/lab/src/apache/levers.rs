//! What can be done to Apache Kafka's processes and links.

use std::io;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::process::{Life, Node};
use super::relay::Relay;
use super::{Apache, ready as readiness};
use crate::Backend;
use crate::faults::{FaultError, Levers, Pulled, TopicShape};

impl Apache {
    fn on_controllers(&self, from: usize, does: fn(&Node) -> io::Result<()>) -> Pulled<'_> {
        let done = self.controllers.iter().skip(from).try_for_each(|one| does(&one.node));
        ready(done.map_err(|error| FaultError::Failed(error.to_string()))).boxed()
    }

    fn on_broker(&self, id: i32, does: fn(&Node) -> io::Result<()>) -> Pulled<'_> {
        let done = self.broker(id).map_or(Ok(()), does);
        ready(done.map_err(|error| FaultError::Failed(format!("broker {id}: {error}")))).boxed()
    }

    fn on_links(&self, does: impl FnOnce(&Relay)) -> Pulled<'_> {
        let done = match &self.relay {
            Some(relay) => {
                does(relay);
                Ok(())
            }
            None => Err(FaultError::Failed("this cluster was started without a relay".to_owned())),
        };
        ready(done).boxed()
    }
}

impl Levers for Apache {
    fn backend(&self) -> &'static str {
        Backend::Apache.name()
    }

    fn brokers(&self) -> Vec<i32> {
        self.nodes.iter().map(|one| one.id).collect()
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicShape>, FaultError>> {
        async {
            let view = self.admin.cluster(readiness::ASK).await;
            let view = view.map_err(|error| FaultError::Failed(error.to_string()))?;
            let shape = |topic: bus::TopicView| TopicShape {
                internal: topic.name.starts_with("__"),
                partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
                name: topic.name,
            };
            Ok(view.topics.into_iter().map(shape).collect())
        }
        .boxed()
    }

    fn freeze_controller(&self) -> Pulled<'_> {
        self.on_controllers(0, Node::freeze)
    }

    fn thaw_controller(&self) -> Pulled<'_> {
        self.on_controllers(0, Node::thaw)
    }

    fn lose_quorum(&self) -> Pulled<'_> {
        if self.controllers.len() < 3 {
            let alone = "one controller has no quorum to lose; start three, or freeze it".to_owned();
            return ready(Err(FaultError::Failed(alone))).boxed();
        }
        // All but the first: whichever of them is active, the rest is no majority.
        self.on_controllers(1, Node::freeze)
    }

    fn restore_quorum(&self) -> Pulled<'_> {
        self.on_controllers(1, Node::thaw)
    }

    fn kill_broker(&self, broker: i32) -> Pulled<'_> {
        self.on_broker(broker, Node::kill)
    }

    fn start_broker(&self, broker: i32) -> Pulled<'_> {
        self.on_broker(broker, Node::start)
    }

    fn freeze_broker(&self, broker: i32) -> Pulled<'_> {
        if self.broker(broker).is_some_and(|node| matches!(node.life(), Life::Dead | Life::Ended)) {
            let dead = FaultError::Failed(format!("broker {broker} is dead; heal that first"));
            return ready(Err(dead)).boxed();
        }
        self.on_broker(broker, Node::freeze)
    }

    fn thaw_broker(&self, broker: i32) -> Pulled<'_> {
        self.on_broker(broker, Node::thaw)
    }

    fn black_hole_broker(&self, broker: i32) -> Pulled<'_> {
        self.on_links(|relay| relay.cut_off(broker, true))
    }

    fn restore_broker(&self, broker: i32) -> Pulled<'_> {
        self.on_links(|relay| relay.cut_off(broker, false))
    }

    fn slow_broker(&self, broker: i32, delay: Duration) -> Pulled<'_> {
        self.on_links(|relay| relay.slow(broker, delay))
    }

    fn strip_leader(&self, partitions: Vec<(String, i32)>) -> Pulled<'_> {
        self.take_leaders(partitions).boxed()
    }

    fn restore_leader(&self, _partitions: Vec<(String, i32)>) -> Pulled<'_> {
        self.give_leaders_back().boxed()
    }
}
