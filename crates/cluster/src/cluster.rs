//! The state machine: one event in, effects out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::api::*;
use crate::controller::Controller;
use crate::coordinator::Coordinators;
use crate::error::ErrorCode;
use crate::leaving::Leaving;
use crate::parked::Parked;
use crate::partition::{Partition, Pid, Topic};
use crate::spec::{Spec, SpecError};
use crate::timers::{Timer, TimerKey, Timers};

/// A broker, and what the controller thinks of it.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) id: BrokerId,
    pub(crate) zone: String,
    pub(crate) process: Process,
    pub(crate) delay: Duration,
    /// Started, but not yet registered with the controller: the port stays closed.
    pub(crate) starting: bool,
    /// How often the controller has refused to register it since it was started.
    pub(crate) refusals: u32,
    /// Frozen still, but told to go on: when it does.
    pub(crate) wakes_at: Option<Duration>,
    /// Shutting down in order.
    pub(crate) leaving: Option<Leaving>,
    pub(crate) fenced: bool,
    /// While it cannot be heard: the last time the controller heard of it.
    pub(crate) last_contact: Option<Duration>,
    /// A heartbeat that it sent to a frozen controller before it could be heard no more.
    pub(crate) last_words: bool,
    /// The controller does not hear of it before, though it runs again: its connection was lost.
    pub(crate) heard_from: Duration,
    /// The partitions it holds a replica of.
    pub(crate) partitions: BTreeSet<Pid>,
}

impl Broker {
    fn new(id: BrokerId, zone: String) -> Self {
        Self {
            id,
            zone,
            process: Process::Running,
            delay: Duration::ZERO,
            starting: false,
            refusals: 0,
            wakes_at: None,
            leaving: None,
            fenced: false,
            last_contact: None,
            last_words: false,
            heard_from: Duration::ZERO,
            partitions: BTreeSet::new(),
        }
    }

    pub(crate) fn running(&self) -> bool {
        self.process == Process::Running
    }
}

/// A Kafka cluster.
///
/// Feed it with [`Cluster::on`]; call it with [`Event::Tick`] when [`Cluster::next_timer`] is due. `now` is the time
/// since the cluster's birth and never goes back; an earlier one is taken for the latest seen.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) spec: Spec,
    pub(crate) id: String,
    pub(crate) brokers: Vec<Broker>,
    pub(crate) controller: Controller,
    pub(crate) topics: BTreeMap<TopicName, Topic>,
    pub(crate) topic_ids: BTreeMap<TopicId, TopicName>,
    pub(crate) partitions: BTreeMap<Pid, Partition>,
    pub(crate) next_pid: u64,
    pub(crate) next_producer_id: i64,
    pub(crate) coordinators: Coordinators,
    pub(crate) parked: BTreeMap<Token, (Parked, TimerKey)>,
    pub(crate) timers: Timers,
    pub(crate) now: Duration,
    effects: Vec<Effect>,
}

impl Cluster {
    /// A healthy cluster with nothing on it but `__consumer_offsets`.
    ///
    /// # Errors
    /// Names the first field of the spec that is out of bounds.
    pub fn new(spec: Spec) -> Result<Self, SpecError> {
        spec.check()?;
        let zone = |id: u32| format!("zone-{}", (id - 1) % spec.zones);
        let brokers = (1..=spec.brokers).map(|id| Broker::new(BrokerId(id.cast_signed()), zone(id)));
        let mut cluster = Self {
            id: format!("leaderless-{:016x}", spec.seed),
            brokers: brokers.collect(),
            controller: Controller::default(),
            topics: BTreeMap::new(),
            topic_ids: BTreeMap::new(),
            partitions: BTreeMap::new(),
            next_pid: 0,
            next_producer_id: 1_000,
            coordinators: Coordinators::new(&spec),
            parked: BTreeMap::new(),
            timers: Timers::default(),
            now: Duration::ZERO,
            effects: Vec::new(),
            spec,
        };
        cluster.create_offsets_topic();
        cluster.coordinators_moved();
        cluster.timers.set(cluster.spec.clock.leader_rebalance, Timer::Rebalance);
        cluster.effects.clear();
        Ok(cluster)
    }

    /// One event; what it leads to, in order.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        self.now = self.now.max(now);
        self.run_timers();
        match event {
            Event::Tick => {}
            Event::Request { broker, token, client_id, request } => {
                self.request(broker, token, &client_id, request)
            }
            Event::Abandon(token) => self.abandon(token),
            Event::Lever(lever) => self.pull(lever),
        }
        // What the event made due at once, such as a session that had run out before, belongs to it.
        self.run_timers();
        std::mem::take(&mut self.effects)
    }

    /// When [`Event::Tick`] is due, on the same clock as `now`.
    #[must_use]
    pub fn next_timer(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// How a broker's sockets behave now; `None` for an id that does not exist.
    #[must_use]
    pub fn link(&self, broker: BrokerId) -> Option<Link> {
        self.broker(broker).map(|broker| Link { process: broker.process, delay: broker.delay })
    }

    fn run_timers(&mut self) {
        while let Some(timer) = self.timers.pop(self.now) {
            match timer {
                Timer::Parked(token) => self.wait_is_over(token),
                Timer::GroupRecord(id) => self.group_record_done(id, Err(ErrorCode::RequestTimedOut)),
                Timer::Groups => self.groups_due(),
                Timer::Session(broker) => self.session_due(broker),
                Timer::Return(broker) => self.return_due(broker),
                Timer::CatchUp(pid, broker) => self.catch_up_due(pid, broker),
                Timer::Wake(broker) => self.wake_due(broker),
                Timer::Join(pid, broker) => self.try_expand(pid, broker),
                Timer::Lag(pid, broker) => self.lag_due(pid, broker),
                Timer::Leave(broker) => self.leave_due(broker),
                Timer::Stale(broker) => self.stale_due(broker),
                Timer::Quorum => self.quorum_due(),
                Timer::Rebalance => self.rebalance_due(),
            }
        }
    }

    fn request(&mut self, broker: BrokerId, token: Token, client_id: &str, request: Request) {
        let response = match request {
            Request::Produce(produce) => return self.produce(broker, token, produce),
            Request::Fetch(fetch) => return self.fetch(broker, token, fetch),
            Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(..)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(_)
            | Request::ListGroups
            | Request::DescribeGroups(_) => return self.group_request(broker, token, client_id, request),
            Request::CreateTopics(_)
            | Request::CreatePartitions(_)
            | Request::DeleteTopics(..)
            | Request::ElectLeaders(_)
            | Request::MovePartitions(_)
            | Request::ListMoves(_) => return self.controller_request(broker, token, request),
            Request::Metadata(topics) => Response::Metadata(self.metadata(topics)),
            Request::ListOffsets(asked) => Response::ListOffsets(self.list_offsets(broker, asked)),
            Request::OffsetForLeaderEpoch(asked) => {
                Response::OffsetForLeaderEpoch(self.epoch_ends(broker, asked))
            }
            Request::InitProducerId(asked) => Response::InitProducerId(self.init_producer_id(&asked)),
            Request::FindCoordinator(groups) => Response::FindCoordinator(self.find_coordinators(groups)),
            Request::DeleteRecords(asked) => Response::DeleteRecords(self.delete_records(broker, asked)),
            Request::DescribeCluster => Response::DescribeCluster(self.cluster_view()),
            Request::DescribeConfigs(asked) => {
                Response::DescribeConfigs(self.describe_configs(broker, asked))
            }
        };
        self.reply(token, response);
    }

    fn abandon(&mut self, token: Token) {
        // What was handed on to the controller is carried out all the same.
        if !self.is_forwarded(token) {
            self.unpark(token);
        }
        self.coordinators.groups.abandon(token);
    }

    pub(crate) fn reply(&mut self, token: Token, response: Response) {
        self.effects.push(Effect::Reply { token, response });
    }

    pub(crate) fn changed(&mut self, change: Change) {
        self.effects.push(Effect::Changed(change));
    }

    pub(crate) fn relink(&mut self, broker: BrokerId) {
        if let Some(link) = self.link(broker) {
            self.effects.push(Effect::Link(broker, link));
        }
    }

    pub(crate) fn broker(&self, id: BrokerId) -> Option<&Broker> {
        self.brokers.get(usize::try_from(id.0).ok()?.checked_sub(1)?)
    }

    pub(crate) fn broker_mut(&mut self, id: BrokerId) -> Option<&mut Broker> {
        self.brokers.get_mut(usize::try_from(id.0).ok()?.checked_sub(1)?)
    }

    pub(crate) fn is_running(&self, id: BrokerId) -> bool {
        self.broker(id).is_some_and(Broker::running)
    }

    /// Whether the controller counts the broker among those that may lead and be in sync.
    pub(crate) fn is_active(&self, id: BrokerId) -> bool {
        let leaves = |broker: &Broker| broker.leaving.is_some_and(|leaving| leaving.let_go);
        self.broker(id).is_some_and(|broker| !broker.fenced && !leaves(broker))
    }

    /// The partition of this name.
    pub(crate) fn pid(&self, topic: &str, partition: i32) -> Option<Pid> {
        self.topics.get(topic)?.partitions.get(usize::try_from(partition).ok()?).copied()
    }

    /// The partition that a request names, or the error that says what is wrong with the name.
    pub(crate) fn resolve(&self, topic: &TopicRef, partition: i32) -> Result<Pid, ErrorCode> {
        let name = match topic {
            TopicRef::Name(name) => name,
            TopicRef::Id(id) => self.topic_ids.get(id).ok_or(ErrorCode::UnknownTopicId)?,
        };
        self.pid(name, partition).ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_ended_early_leaves_no_timer() {
        let mut cluster = Cluster::new(Spec::new()).unwrap();
        let timers = cluster.timers.len();
        for token in (0..100).map(Token) {
            let part = FetchPart {
                topic: TopicRef::Name("__consumer_offsets".into()),
                partition: 0,
                offset: 0,
                leader_epoch: None,
                max_bytes: 1_000,
            };
            let broker = cluster.partitions[&cluster.pid("__consumer_offsets", 0).unwrap()].leader.unwrap();
            let day = Duration::from_secs(24 * 3600);
            let fetch = Fetch {
                max_wait: day,
                min_bytes: 1,
                max_bytes: 1_000,
                from_followers: false,
                parts: vec![part],
            };
            let event =
                Event::Request { broker, token, client_id: String::new(), request: Request::Fetch(fetch) };
            assert!(cluster.on(event, Duration::ZERO).is_empty(), "it waits");
            cluster.on(Event::Abandon(token), Duration::ZERO);
        }
        assert_eq!((cluster.timers.len(), cluster.parked.len()), (timers, 0));
    }
}
