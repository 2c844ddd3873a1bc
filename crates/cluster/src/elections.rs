//! Elections that an administrator asks for: of the preferred replica, or of whoever is there.
//!
//! An unclean election is the one thing that takes committed records back: the new leader may not have them, the high
//! watermark falls to the end of its log, and everybody else cuts theirs. Groups remember the offsets that were
//! committed, also when the offsets topic has lost them: they are not read back from it.
//!
//! Source for the answers: Apache Kafka's `ReplicationControlManager.electLeaders`.

use crate::api::*;
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::partition::{Partition, Pid};

impl Cluster {
    /// Asked for everything, only what needed an election is answered, under every topic there is.
    pub(crate) fn elect_leaders(&mut self, asked: ElectLeaders) -> Response {
        let election = asked.election;
        if election == Election::Unknown {
            return refused(asked, ErrorCode::InvalidRequest);
        }
        let all = asked.topics.is_none();
        let topics = asked.topics.unwrap_or_else(|| self.everything());
        let elected = topics.into_iter().map(|(topic, partitions)| {
            let elect = |index| (index, self.elect_as_asked(self.pid(&topic, index), election));
            let results: Vec<_> = partitions.into_iter().map(elect).collect();
            let told = |(_, error): &(i32, ErrorCode)| !all || *error != ErrorCode::ElectionNotNeeded;
            (topic, results.into_iter().filter(told).collect())
        });
        Response::ElectLeaders(ErrorCode::None, elected.collect())
    }

    fn everything(&self) -> Vec<(TopicName, Vec<i32>)> {
        let indices = |count: usize| (0..i32::try_from(count).unwrap_or(i32::MAX)).collect();
        self.topics.iter().map(|(name, topic)| (name.clone(), indices(topic.partitions.len()))).collect()
    }

    fn elect_as_asked(&mut self, pid: Option<Pid>, election: Election) -> ErrorCode {
        let Some((pid, partition)) = pid.and_then(|pid| Some((pid, self.partitions.get(&pid)?))) else {
            return ErrorCode::UnknownTopicOrPartition;
        };
        let preferred = partition.replicas.first().map(|replica| replica.broker);
        let (needed, leader, otherwise) = match election {
            Election::Preferred => {
                let able = preferred.filter(|broker| self.may_lead(partition, *broker));
                (partition.leader != preferred, able, ErrorCode::PreferredLeaderNotAvailable)
            }
            Election::Unclean | Election::Unknown => {
                let anybody = self.anybody(partition);
                (partition.leader.is_none(), anybody, ErrorCode::EligibleLeadersNotAvailable)
            }
        };
        if !needed {
            return ErrorCode::ElectionNotNeeded;
        }
        let Some(leader) = leader else { return otherwise };
        let in_sync = partition.in_sync(leader);
        let isr = if in_sync { partition.isr.clone() } else { vec![leader] };
        if let Some(partition) = self.partitions.get_mut(&pid).filter(|_| !in_sync) {
            // What they have is not what is committed from now on.
            partition.eligible.clear();
        }
        self.pause_followers(pid, self.spec.clock.heartbeat / 2);
        self.lead(pid, Some(leader), isr);
        ErrorCode::None
    }

    /// Whether a broker can lead without a loss.
    fn may_lead(&self, partition: &Partition, broker: BrokerId) -> bool {
        let has_everything = partition.in_sync(broker) || partition.eligible.contains(&broker);
        has_everything && self.is_active(broker) && !partition.stripped
    }

    /// The first replica on a live broker, whatever it has.
    fn anybody(&self, partition: &Partition) -> Option<BrokerId> {
        let live = |broker: &BrokerId| self.is_active(*broker) && !partition.stripped;
        partition.assignment().into_iter().find(live)
    }
}

/// The same error for everything that was asked for by name.
pub(crate) fn refused(asked: ElectLeaders, error: ErrorCode) -> Response {
    let refuse = |(topic, partitions): (TopicName, Vec<i32>)| {
        (topic, partitions.into_iter().map(|index| (index, error)).collect())
    };
    Response::ElectLeaders(error, asked.topics.into_iter().flatten().map(refuse).collect())
}
