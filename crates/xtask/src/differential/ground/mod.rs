//! Runs a plan on a cluster, step by step, through raw requests of fixed versions.
//!
//! Invariants: a step gives one text, and the same text on any cluster that behaves alike; every wait is bounded;
//! before a step is asked the cluster has settled from the last one, so that no answer depends on how fast it is.
//! Requests that wait for others (a join, a sync) are left open and told with the step in which they come back.

mod ask;
mod faults;
mod groups;
mod members;
mod records;
mod settle;
mod topics;

use std::collections::BTreeMap;

use kafka_protocol::protocol::StrBytes;
use lab::Lab;
use uuid::Uuid;

use super::normal::Names;
use super::plan::{Group, Member, Part, Producer, Step, Topic};
use members::{Membership, Waiting};

/// One run of a plan, or of a part of it, on one cluster.
pub(super) struct Case<'a> {
    lab: &'a dyn Lab,
    /// Where brokers listen.
    addresses: BTreeMap<i32, String>,
    /// In front of the names of all topics and groups of this run.
    name: String,
    origin_ms: i64,
    names: Names,
    /// How many records were produced; each is a second younger than the one before.
    seconds: i64,
    producers: BTreeMap<Producer, (i64, i16)>,
    /// The first sequence and the count of the last batch that was acknowledged.
    sequences: BTreeMap<(Producer, Part), (i32, i32)>,
    /// As the cluster last called a topic.
    topics: BTreeMap<Topic, Uuid>,
    groups: BTreeMap<Group, String>,
    members: BTreeMap<(Group, Member), Membership>,
    waiting: Vec<Waiting>,
    broken: Broken,
}

/// What is broken now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Broken {
    broker: Option<(i32, Down)>,
    controller: bool,
}

/// How a broker is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Down {
    Dead,
    Frozen,
}

impl<'a> Case<'a> {
    /// Prepares a healthy cluster for a run of this name.
    ///
    /// # Errors
    /// When the cluster does not settle, or coordinates no group.
    pub(super) async fn begin(lab: &'a dyn Lab, name: String, origin_ms: i64) -> anyhow::Result<Self> {
        let mut case = Self {
            lab,
            addresses: lab.brokers().into_iter().map(|broker| (broker.id, broker.address)).collect(),
            name,
            origin_ms,
            names: Names::new(origin_ms),
            seconds: 0,
            producers: BTreeMap::new(),
            sequences: BTreeMap::new(),
            topics: BTreeMap::new(),
            groups: BTreeMap::new(),
            members: BTreeMap::new(),
            waiting: Vec::new(),
            broken: Broken::default(),
        };
        anyhow::ensure!(case.settled().await, "{} does not settle before {}", lab.backend(), case.name);
        case.groups = case.chosen_groups().await?;
        anyhow::ensure!(case.warm().await, "{} does not get warm before {}", lab.backend(), case.name);
        Ok(case)
    }

    /// Runs a step and tells what came of it.
    pub(super) async fn run(&mut self, step: &Step) -> String {
        let mut text = match step {
            Step::Create { topic, shape } => self.create(*topic, shape).await,
            Step::Delete { topic, by_id } => self.delete(*topic, *by_id).await,
            Step::Grow { topic, to, only_check } => self.grow(*topic, *to, *only_check).await,
            Step::Metadata { topic, by_id } => self.metadata(*topic, *by_id).await,
            Step::Configs { topic, names } => self.configs(*topic, names).await,
            Step::Produce(produce) => self.produce(produce).await,
            Step::Fetch(fetch) => self.fetch(fetch).await,
            Step::ListOffsets { part, at, epoch, to } => self.list_offsets(*part, *at, *epoch, *to).await,
            Step::DeleteRecords { part, before } => self.delete_records(*part, *before).await,
            Step::EpochEnd { part, current, epoch } => self.epoch_end(*part, *current, *epoch).await,
            Step::InitProducer { producer, bump } => self.init_producer(*producer, *bump).await,
            Step::Join { member, group, session_ms, assignor, id } => {
                self.join(*member, *group, *session_ms, assignor, *id).await
            }
            Step::Sync { member, group, generation } => self.sync(*member, *group, *generation).await,
            Step::Heartbeat { member, group, generation } => {
                self.heartbeat(*member, *group, *generation).await
            }
            Step::Leave { member, group } => self.leave(*member, *group).await,
            Step::Commit { who, group, part, offset, note_bytes } => {
                self.commit(*who, *group, *part, *offset, *note_bytes).await
            }
            Step::Committed { group, part } => self.committed(*group, *part).await,
            Step::DescribeGroup { group } => self.describe_group(*group).await,
            Step::FindCoordinator { group } => self.find_coordinator(*group).await,
            Step::Fault(fault) => self.fault(*fault).await,
        };
        for late in self.came_back().await {
            text.push_str("\n  and ");
            text.push_str(&late);
        }
        text
    }

    /// Heals what is broken and deletes what was made.
    ///
    /// # Errors
    /// When the cluster does not heal; it is of no more use then.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.waiting.clear();
        self.lab.heal_all().await?;
        self.broken = Broken::default();
        anyhow::ensure!(self.settled().await, "{} does not settle after {}", self.lab.backend(), self.name);
        for topic in [Topic::A, Topic::B] {
            self.delete(topic, false).await;
        }
        Ok(())
    }

    fn topic_name(&self, topic: Topic) -> StrBytes {
        StrBytes::from_string(format!("{}-{topic:?}", self.name))
    }

    fn group_name(&self, group: Group) -> StrBytes {
        StrBytes::from_string(
            self.groups.get(&group).cloned().unwrap_or_else(|| format!("{}-{group:?}", self.name)),
        )
    }

    /// The id of a topic, or one that no topic has.
    fn topic_id(&self, topic: Topic) -> Uuid {
        self.topics.get(&topic).copied().unwrap_or(Uuid::from_u128(0xdead))
    }
}
