//! The controller: who is alive, who leads. It does nothing while it is frozen.
//!
//! Source for the rules: Apache Kafka's KRaft controller. A broker whose session runs out is fenced; it leaves the
//! in-sync sets at once and its partitions elect the first live in-sync replica in assignment order, or else one that
//! is eligible because it has every committed record (KIP-966). A leader is never chosen uncleanly.

use std::time::Duration;

use crate::api::{BrokerId, Change, Process};
use crate::cluster::Cluster;
use crate::partition::{Partition, Pid};
use crate::timers::{Timer, next_look};

/// Between the first refusal of a started broker and its second try.
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// The health of the controller.
#[derive(Debug, Default)]
pub(crate) struct Controller {
    pub(crate) frozen_since: Option<Duration>,
    pub(crate) quorum: Quorum,
    /// What its metrics said when it froze: they are reported by the controller, so they stay like that.
    pub(crate) offline_partitions_at_freeze: usize,
}

/// Whether the controllers can decide anything.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quorum {
    #[default]
    Whole,
    Lost,
    /// A majority is back, and has a leader at this time.
    Electing(Duration),
}

impl Cluster {
    pub(crate) fn controller_works(&self) -> bool {
        self.controller.frozen_since.is_none()
    }

    pub(crate) fn freeze_controller(&mut self) {
        if self.controller_works() {
            self.controller.offline_partitions_at_freeze = self.offline_partitions();
            self.controller.frozen_since = Some(self.now);
            self.changed(Change::Controller { frozen: true });
        }
    }

    /// To everybody else the same as a frozen controller.
    pub(crate) fn lose_quorum(&mut self) {
        self.freeze_controller();
        self.controller.quorum = Quorum::Lost;
    }

    pub(crate) fn restore_quorum(&mut self) {
        if self.controller.quorum == Quorum::Lost {
            let at = self.now + self.spec.clock.quorum_election;
            self.controller.quorum = Quorum::Electing(at);
            self.timers.set(at, Timer::Quorum);
        }
    }

    /// A new leader knows of no heartbeat: whoever is gone has a whole session from now.
    pub(crate) fn quorum_due(&mut self) {
        // Lost again meanwhile, or elected later.
        if !matches!(self.controller.quorum, Quorum::Electing(at) if at <= self.now) {
            return;
        }
        self.controller.quorum = Quorum::Whole;
        let now = self.now;
        self.controller.frozen_since = Some(now);
        for broker in &mut self.brokers {
            broker.last_contact = broker.last_contact.map(|_| now);
        }
        self.thaw_controller();
    }

    /// The first thing that a thawed controller does is to fence a broker whose session has run out meanwhile, before it
    /// has heard of anybody; by its second look, all that are well have been heard of. Measured on Apache Kafka 4.3:
    /// whoever is really gone, or was until a moment ago; and if nobody is, one broker that is well, which comes back
    /// with one of its next heartbeats.
    pub(crate) fn thaw_controller(&mut self) {
        if self.controller.quorum != Quorum::Whole {
            return;
        }
        let Some(frozen_since) = self.controller.frozen_since.take() else { return };
        self.changed(Change::Controller { frozen: false });
        let first_look = self.now + self.spec.clock.stale_check;
        for id in self.taken_for_dead(frozen_since) {
            self.timers.set(first_look, Timer::Stale(id));
        }
        for index in 0..self.brokers.len() {
            let broker = &self.brokers[index];
            let (id, starting) = (broker.id, broker.starting);
            if let Some(heard) = broker.last_contact.filter(|_| !broker.fenced) {
                self.timers.set(first_look.max(self.look_at_session(heard)), Timer::Session(id));
            }
            if starting || (broker.running() && broker.fenced) {
                self.timers.set(first_look, Timer::Return(id));
            }
        }
        self.let_leavers_go();
        self.look_at_lag_from(first_look);
        self.expand_where_possible();
        self.run_waiting_requests();
    }

    /// Those whose session has run out, as far as a controller knows that was frozen since then.
    fn taken_for_dead(&self, frozen_since: Duration) -> Vec<BrokerId> {
        let session = self.spec.clock.session;
        let expired = |heard: Duration| heard + session <= self.now;
        let known = || self.brokers.iter().filter(|broker| !broker.fenced);
        let gone: Vec<BrokerId> = known()
            .filter(|broker| broker.last_contact.is_some_and(expired))
            .map(|broker| broker.id)
            .collect();
        if !gone.is_empty() || !expired(frozen_since) {
            return gone;
        }
        // Apache Kafka takes the first that is expired in a hash map: any.
        let well: Vec<BrokerId> = known().map(|broker| broker.id).collect();
        let drawn = scrambled(self.spec.seed).checked_rem(well.len() as u64);
        drawn.map(|n| well[n as usize]).into_iter().collect()
    }

    /// Taken for dead; whoever is not comes back.
    pub(crate) fn stale_due(&mut self, id: BrokerId) {
        if !self.controller_works() || !self.is_active(id) {
            return;
        }
        self.fence(id);
        if self.is_running(id) {
            // It hears of it with one of the heartbeats that queued up, and asks to be let in again. Measured: 0.4 to 1.4 s.
            self.timers.set(self.now + self.spec.clock.heartbeat / 4, Timer::Return(id));
        }
    }

    /// The controller can no longer hear of a broker.
    pub(crate) fn lose_contact(&mut self, id: BrokerId) {
        let until = self.controller.frozen_since.unwrap_or(self.now);
        let heard = self.last_heartbeat(id, until);
        let Some(broker) = self.broker_mut(id) else { return };
        let heard = *broker.last_contact.get_or_insert(heard);
        if self.controller_works() {
            self.timers.set(self.look_at_session(heard), Timer::Session(id));
        }
    }

    /// When a session that began then is found to be over: the controller looks eight times in a session (the task
    /// `maybeFenceStaleBroker` of Apache Kafka's `QuorumController`).
    fn look_at_session(&self, heard: Duration) -> Duration {
        let session = self.spec.clock.session;
        next_look(heard + session, session / 8)
    }

    /// The controller hears of a running broker again, at its next heartbeat.
    pub(crate) fn regain_contact(&mut self, id: BrokerId) {
        let next = self.last_heartbeat(id, self.now) + self.spec.clock.heartbeat;
        let Some(broker) = self.broker_mut(id) else { return };
        broker.last_contact = None;
        if broker.fenced {
            self.timers.set(next, Timer::Return(id));
        }
    }

    /// Brokers send heartbeats in turn, so that they do not all expire at once.
    fn last_heartbeat(&self, id: BrokerId, at: Duration) -> Duration {
        let period = self.spec.clock.heartbeat;
        let phase = period * id.0.unsigned_abs() / self.spec.brokers.max(1);
        let since = at.saturating_sub(phase).as_nanos();
        let whole = since - since % period.as_nanos();
        Duration::from_nanos(u64::try_from(whole).unwrap_or(u64::MAX)) + phase.min(at)
    }

    pub(crate) fn session_due(&mut self, id: BrokerId) {
        let expired = |heard: Duration| heard + self.spec.clock.session <= self.now;
        let Some(broker) = self.broker(id) else { return };
        if broker.fenced || !self.controller_works() || !broker.last_contact.is_some_and(expired) {
            return;
        }
        self.fence(id);
    }

    fn fence(&mut self, id: BrokerId) {
        let Some(broker) = self.broker_mut(id) else { return };
        broker.fenced = true;
        let held: Vec<Pid> = broker.partitions.iter().copied().collect();
        self.changed(Change::Fenced { broker: id, fenced: true });
        for pid in held {
            if self.partitions[&pid].leader == Some(id) {
                self.elect(pid);
            } else {
                self.shrink(pid, id);
            }
        }
    }

    /// A started broker registers, or a fenced one is heard of again.
    pub(crate) fn return_due(&mut self, id: BrokerId) {
        let works = self.controller_works();
        let Some(broker) = self.broker(id) else { return };
        if !works || !(broker.running() || broker.starting) {
            return;
        }
        if broker.starting && !broker.fenced {
            self.refuse_to_register(id);
            return;
        }
        if broker.starting {
            self.register(id);
        }
        let Some(broker) = self.broker_mut(id) else { return };
        if std::mem::replace(&mut broker.fenced, false) {
            let held: Vec<Pid> = broker.partitions.iter().copied().collect();
            self.changed(Change::Fenced { broker: id, fenced: false });
            for pid in held {
                self.came_back(pid);
            }
        }
    }

    /// The controller refuses a second incarnation while the session of the first one lasts
    /// (`DUPLICATE_BROKER_REGISTRATION`). The broker asks again after 0.1 s, then after twice as long, up to a session
    /// (`resendExponentialBackoff` of Apache Kafka's `BrokerLifecycleManager`).
    fn refuse_to_register(&mut self, id: BrokerId) {
        let (now, session) = (self.now, self.spec.clock.session);
        let Some(broker) = self.broker_mut(id) else { return };
        let after = FIRST_RETRY.saturating_mul(1 << broker.refusals.min(16)).min(session);
        broker.refusals += 1;
        self.timers.set(now + after, Timer::Return(id));
    }

    fn register(&mut self, id: BrokerId) {
        if let Some(broker) = self.broker_mut(id) {
            broker.starting = false;
            broker.process = Process::Running;
            broker.last_contact = None;
        }
        self.relink(id);
        self.coordinators_moved();
    }

    fn came_back(&mut self, pid: Pid) {
        let partition = &self.partitions[&pid];
        if partition.leader.is_none() && !partition.stripped {
            self.elect(pid);
        }
        self.replicate(pid);
    }

    /// Elects the first live replica that is in sync, or else eligible; leader -1 if there is none.
    pub(crate) fn elect(&mut self, pid: Pid) {
        let partition = &self.partitions[&pid];
        let live = |broker: &BrokerId| self.is_active(*broker);
        let assignment = partition.assignment();
        let among = |set: &[BrokerId]| assignment.iter().find(|b| set.contains(b) && live(b)).copied();
        let leader = match partition.stripped {
            true => None,
            false => among(&partition.isr).or_else(|| among(&partition.eligible)),
        };
        let isr: Vec<BrokerId> = match leader {
            Some(leader) if !partition.in_sync(leader) => vec![leader],
            Some(_) => partition.isr.iter().copied().filter(live).collect(),
            // Without a leader nobody can be in sync; those who were stay eligible.
            None if partition.stripped => partition.isr.iter().copied().filter(live).collect(),
            None => Vec::new(),
        };
        let left: Vec<BrokerId> = partition.isr.iter().copied().filter(|b| !isr.contains(b)).collect();
        if let Some(partition) = self.partitions.get_mut(&pid) {
            partition.eligible.extend(left);
        }
        self.lead(pid, leader, isr);
    }

    /// Carries an election out, and tells everybody who waits on the old leader.
    pub(crate) fn lead(&mut self, pid: Pid, leader: Option<BrokerId>, isr: Vec<BrokerId>) {
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let before = partition.isr.clone();
        partition.elect(leader, isr);
        forget_eligible(partition);
        let (name, epoch, isr) = (partition.name.clone(), partition.epoch, partition.isr.clone());
        if before != isr {
            self.changed(Change::Isr { partition: name.clone(), isr });
        }
        self.changed(Change::Leader { partition: name, leader, epoch });
        self.leader_changed(pid);
        self.replicate(pid);
    }

    /// Takes a broker that is not the leader out of the in-sync set.
    pub(crate) fn shrink(&mut self, pid: Pid, broker: BrokerId) {
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        if partition.leader == Some(broker) || !partition.in_sync(broker) {
            return;
        }
        partition.isr.retain(|b| *b != broker);
        partition.eligible.push(broker);
        forget_eligible(partition);
        let change = Change::Isr { partition: partition.name.clone(), isr: partition.isr.clone() };
        self.changed(change);
        self.advance(pid);
    }

    /// Takes a follower into the in-sync set, if it has everything and nothing speaks against it.
    pub(crate) fn try_expand(&mut self, pid: Pid, broker: BrokerId) {
        let ready = self.controller_works() && self.is_active(broker) && self.is_running(broker);
        let Some(partition) = self.partitions.get_mut(&pid).filter(|_| ready) else { return };
        let end = partition.log.end();
        let caught_up = partition.replica(broker).is_some_and(|r| r.end == end);
        if partition.leader.is_none() || partition.in_sync(broker) || !caught_up {
            return;
        }
        partition.isr.push(broker);
        partition.isr = partition.ordered(&partition.isr);
        partition.eligible.retain(|b| *b != broker);
        forget_eligible(partition);
        let change = Change::Isr { partition: partition.name.clone(), isr: partition.isr.clone() };
        self.changed(change);
        self.advance(pid);
        self.finish_move(pid);
    }

    fn expand_where_possible(&mut self) {
        let out: Vec<(Pid, BrokerId)> = self
            .partitions
            .iter()
            .flat_map(|(pid, p)| p.assignment().into_iter().filter(|b| !p.in_sync(*b)).map(|b| (*pid, b)))
            .collect();
        for (pid, broker) in out {
            self.try_expand(pid, broker);
        }
    }

    pub(crate) fn rebalance_due(&mut self) {
        self.timers.set(self.now + self.spec.clock.leader_rebalance, Timer::Rebalance);
        if !self.controller_works() {
            return;
        }
        let moves: Vec<Pid> =
            self.partitions.iter().filter(|(_, p)| self.may_go_home(p)).map(|(pid, _)| *pid).collect();
        for pid in moves {
            let (leader, isr) = (self.partitions[&pid].replicas[0].broker, self.partitions[&pid].isr.clone());
            self.pause_followers(pid);
            self.lead(pid, Some(leader), isr);
        }
    }

    fn may_go_home(&self, partition: &Partition) -> bool {
        let Some(preferred) = partition.replicas.first() else { return false };
        let away = partition.leader.is_some_and(|leader| leader != preferred.broker) && !partition.stripped;
        away && partition.in_sync(preferred.broker)
            && self.is_active(preferred.broker)
            && preferred.end == partition.log.end()
    }

    pub(crate) fn offline_partitions(&self) -> usize {
        self.partitions.values().filter(|p| p.leader.is_none()).count()
    }
}

/// The seed rules the placement too, and what is drawn must not follow from that. Source: Fibonacci hashing.
const fn scrambled(seed: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// Replicas are eligible only while the in-sync set is below its minimum: above it, records are committed without
/// them.
fn forget_eligible(partition: &mut Partition) {
    if !partition.under_min_isr() {
        partition.eligible.clear();
    }
    let isr = partition.isr.clone();
    partition.eligible.retain(|broker| !isr.contains(broker));
    partition.eligible.sort();
    partition.eligible.dedup();
}
