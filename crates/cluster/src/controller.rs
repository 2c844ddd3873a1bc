//! The controller: who is alive, who leads. It does nothing while it is frozen.
//!
//! Source for the rules: Apache Kafka's KRaft controller. A broker whose session runs out is fenced; it leaves the
//! in-sync sets at once and its partitions elect the first live in-sync replica in assignment order, or else one that
//! is eligible because it has every committed record (KIP-966). A leader is never chosen uncleanly.

use std::time::Duration;

use crate::api::{BrokerId, Change, Process};
use crate::cluster::Cluster;
use crate::partition::{Partition, Pid, Replica};
use crate::timers::Timer;

/// Between the first refusal of a started broker and its second try.
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// The health of the controller.
#[derive(Debug, Default)]
pub(crate) struct Controller {
    pub(crate) frozen_since: Option<Duration>,
    pub(crate) quorum: Quorum,
    /// What its metrics said when it froze: they are reported by the controller, so they stay like that.
    pub(crate) offline_partitions_at_freeze: usize,
    /// Until when, and how many, its metrics show that are over already for everybody else.
    pub(crate) offline_shown: (Duration, usize),
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
    /// with one of its next heartbeats. Who sent another heartbeat before it died is believed to be alive for a session
    /// more: fenced 1.7 to 2.0 s after a thaw where sessions last 1.5 s, and 9.2 s where they last 9 s; in three of those
    /// six thaws nobody who is well was fenced, and here nobody is.
    pub(crate) fn thaw_controller(&mut self) {
        if self.controller.quorum != Quorum::Whole {
            return;
        }
        let Some(frozen_since) = self.controller.frozen_since.take() else { return };
        self.changed(Change::Controller { frozen: false });
        self.read_last_words();
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

    pub(crate) fn fence(&mut self, id: BrokerId) {
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
                self.join_later(pid, id, Duration::ZERO);
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
            broker.last_words = false;
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
        let outgoing = self.partitions.get(&pid).and_then(|p| p.leader).filter(|old| self.is_running(*old));
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let before = partition.isr.clone();
        partition.elect(leader, isr);
        forget_eligible(partition);
        self.begin_reign(pid, outgoing);
        let Some(partition) = self.partitions.get(&pid) else { return };
        let (name, epoch, isr) = (partition.name.clone(), partition.epoch, partition.isr.clone());
        if before != isr {
            self.changed(Change::Isr { partition: name.clone(), isr });
        }
        self.changed(Change::Leader { partition: name, leader, epoch });
        self.leader_changed(pid);
        self.replicate(pid);
    }

    /// What a new leader, the one before and the followers do not know at once. The one before hears of the election
    /// after a moment. Measured on Apache Kafka 4.3 with `acks=1`: one or two records of twenty a second are lost.
    fn begin_reign(&mut self, pid: Pid, outgoing: Option<BrokerId>) {
        let (now, clock, next_fetch) = (self.now, self.spec.clock, self.next_fetch());
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let another = partition.leader.is_some() && partition.leader != outgoing;
        partition.outgoing = outgoing.filter(|_| another).map(|old| (old, now + clock.stale_check / 4));
        let followed_at = next_fetch.max(partition.followed_from);
        partition.learns_its_end(now, clock.fetch_wait(), followed_at);
        let too_early = self.too_early();
        for follower in self.out_of_sync(pid) {
            self.join_later(pid, follower, too_early);
        }
    }

    fn out_of_sync(&self, pid: Pid) -> Vec<BrokerId> {
        let all = self.partitions.get(&pid).map(Partition::assignment).unwrap_or_default();
        all.into_iter().filter(|broker| !self.partitions[&pid].in_sync(*broker)).collect()
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
        let now = self.now;
        let able = self.controller_works() && self.is_active(broker) && self.is_running(broker);
        let leader = self.partitions.get(&pid).and_then(|partition| partition.leader);
        let ready = able && leader.is_some_and(|leader| self.is_running(leader));
        let Some(partition) = self.partitions.get_mut(&pid).filter(|_| ready) else { return };
        let end = partition.log.end();
        let fetches = |replica: &Replica| replica.end == end && replica.joins_from <= now;
        if partition.in_sync(broker) || !partition.replica(broker).is_some_and(fetches) {
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
        let pids: Vec<Pid> = self.partitions.keys().copied().collect();
        for pid in pids {
            for broker in self.out_of_sync(pid) {
                self.try_expand(pid, broker);
            }
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
            self.pause_followers(pid, self.spec.clock.heartbeat / 2);
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
