//! Partitions move: other replicas, or another order of the same ones, which changes who is preferred.
//!
//! A move is over as soon as every replica that came is in sync; until then the partition has the old replicas too, the
//! new ones first. One that waits for a broker that is down waits for ever, and can be cancelled. There is at most one
//! move per partition: another one takes its place.
//!
//! Source for the answers: Apache Kafka's `ReplicationControlManager.alterPartitionReassignments`; that a partition
//! without a leader is refused with `UNKNOWN_SERVER_ERROR` was measured on 4.3.

use crate::api::*;
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::partition::{Pid, Replica};

/// A move that is not over.
#[derive(Debug, Clone)]
pub(crate) struct Moving {
    pub(crate) adding: Vec<BrokerId>,
    pub(crate) removing: Vec<BrokerId>,
}

type Refusal = (ErrorCode, String);

impl Cluster {
    pub(crate) fn move_partitions(&mut self, asked: MovePartitions) -> Response {
        let factor_may_change = asked.factor_may_change;
        let moved = asked.partitions.into_iter().map(|(partition, to)| {
            let done = match to {
                Some(to) => self.move_to(&partition, &to, factor_may_change),
                None => self.cancel_move(&partition),
            };
            let (error, message) = done.map_or_else(|(e, m)| (e, Some(m)), |()| (ErrorCode::None, None));
            (partition, error, message)
        });
        Response::MovePartitions(ErrorCode::None, moved.collect())
    }

    /// The moves that are not over, among these partitions or all.
    pub(crate) fn list_moves(&self, asked: Option<Vec<TopicPartition>>) -> Response {
        let wanted = |name: &TopicPartition| asked.as_ref().is_none_or(|asked| asked.contains(name));
        let in_order = self.topics.values().flat_map(|topic| &topic.partitions);
        let moves = in_order.filter_map(|pid| self.partitions.get(pid)).filter(|p| wanted(&p.name));
        let moves = moves.filter_map(|partition| {
            let Moving { adding, removing } = partition.moving.clone()?;
            Some(MoveView {
                partition: partition.name.clone(),
                replicas: partition.assignment(),
                adding,
                removing,
            })
        });
        Response::ListMoves(ErrorCode::None, moves.collect())
    }

    fn move_to(
        &mut self,
        name: &TopicPartition,
        to: &[BrokerId],
        factor_may_change: bool,
    ) -> Result<(), Refusal> {
        let pid = self.known(name)?;
        self.check_assignment(&[to.to_vec()], to.len())?;
        let partition = &self.partitions[&pid];
        let removing = partition.moving.as_ref().map_or(0, |moving| moving.removing.len());
        let factor = partition.replicas.len() - removing;
        if !factor_may_change && factor != to.len() {
            let message = format!("{} replicas: it has {factor}, and that may not change", to.len());
            return Err((ErrorCode::InvalidReplicationFactor, message));
        }
        if partition.leader.is_none() {
            return Err((ErrorCode::UnknownServerError, "it has no leader".to_owned()));
        }
        let coming = |broker: &BrokerId| {
            let still = partition.moving.as_ref().is_some_and(|moving| moving.adding.contains(broker));
            still || partition.replica(*broker).is_none()
        };
        let adding = to.iter().copied().filter(coming).collect();
        let removing: Replicas =
            partition.assignment().into_iter().filter(|broker| !to.contains(broker)).collect();
        let replicas = to.iter().chain(&removing).copied().collect();
        self.set_replicas(pid, replicas, Some(Moving { adding, removing }));
        self.replicate(pid);
        self.finish_move(pid);
        Ok(())
    }

    fn cancel_move(&mut self, name: &TopicPartition) -> Result<(), Refusal> {
        let pid = self.known(name)?;
        let partition = &self.partitions[&pid];
        let Some(Moving { adding, .. }) = partition.moving.clone() else {
            return Err((ErrorCode::NoReassignmentInProgress, "no move is under way".to_owned()));
        };
        if partition.isr.iter().all(|broker| adding.contains(broker)) {
            let message = "nobody who would be left is in sync".to_owned();
            return Err((ErrorCode::InvalidReplicaAssignment, message));
        }
        self.drop_replicas(pid, &adding);
        Ok(())
    }

    fn known(&self, name: &TopicPartition) -> Result<Pid, Refusal> {
        let unknown = || {
            let message = format!("there is no partition {} of `{}`", name.partition, name.topic);
            (ErrorCode::UnknownTopicOrPartition, message)
        };
        self.pid(&name.topic, name.partition).ok_or_else(unknown)
    }

    /// Ends a move whose new replicas are all in sync.
    pub(crate) fn finish_move(&mut self, pid: Pid) {
        let Some(partition) = self.partitions.get(&pid) else { return };
        let Some(Moving { adding, removing }) = partition.moving.clone() else { return };
        let arrived = adding.iter().all(|broker| partition.in_sync(*broker));
        let somebody_stays = partition.isr.iter().any(|broker| !removing.contains(broker));
        if arrived && somebody_stays {
            self.drop_replicas(pid, &removing);
        }
    }

    /// Takes these replicas away, and with them the move. Whoever leads then begins a new epoch, if any went.
    fn drop_replicas(&mut self, pid: Pid, gone: &[BrokerId]) {
        let Some(partition) = self.partitions.get(&pid) else { return };
        let (leader, isr) = (partition.leader, partition.isr.clone());
        let replicas: Replicas =
            partition.assignment().into_iter().filter(|broker| !gone.contains(broker)).collect();
        self.set_replicas(pid, replicas, None);
        if gone.is_empty() {
            return;
        }
        let isr: Vec<BrokerId> = isr.into_iter().filter(|broker| !gone.contains(broker)).collect();
        if leader.is_some_and(|leader| gone.contains(&leader)) {
            if let Some(partition) = self.partitions.get_mut(&pid) {
                partition.isr = isr;
            }
            self.elect(pid);
        } else {
            self.lead(pid, leader, isr);
        }
    }

    fn set_replicas(&mut self, pid: Pid, replicas: Replicas, moving: Option<Moving>) {
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let before = partition.assignment();
        partition.replicas = replicas
            .iter()
            .map(|broker| partition.replica(*broker).copied().unwrap_or_else(|| Replica::new(*broker)))
            .collect();
        partition.moving = moving;
        partition.isr = partition.ordered(&partition.isr);
        partition.eligible.retain(|broker| replicas.contains(broker));
        if let Some(topic) = self.topics.get(&partition.name.topic) {
            partition.min_isr = topic.min_isr.min(replicas.len());
        }
        for broker in &mut self.brokers {
            if replicas.contains(&broker.id) {
                broker.partitions.insert(pid);
            } else if before.contains(&broker.id) {
                broker.partitions.remove(&pid);
            }
        }
    }
}

/// The same error for every partition that was asked for.
pub(crate) fn refused(asked: MovePartitions, error: ErrorCode) -> Response {
    let refuse = |(partition, _)| (partition, error, None);
    Response::MovePartitions(error, asked.partitions.into_iter().map(refuse).collect())
}
