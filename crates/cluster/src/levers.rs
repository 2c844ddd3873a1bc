//! The levers that faults and heals are built from.

use crate::api::{BrokerId, Lever, Process, TopicPartition};
use crate::cluster::{Broker, Cluster};
use crate::partition::Pid;
use crate::timers::Timer;

impl Cluster {
    /// A lever that changes nothing (a broker that is already dead, an id that does not exist) does nothing.
    pub(crate) fn pull(&mut self, lever: Lever) {
        match lever {
            Lever::FreezeController => self.freeze_controller(),
            Lever::ThawController => self.thaw_controller(),
            Lever::LoseQuorum => self.lose_quorum(),
            Lever::RestoreQuorum => self.restore_quorum(),
            Lever::KillBroker(id) => self.kill(id),
            Lever::StopBroker(id) => self.stop(id),
            Lever::StartBroker(id) => self.start(id),
            Lever::FreezeBroker(id) => self.freeze(id),
            Lever::ThawBroker(id) => self.wake_later(id),
            Lever::BlackHoleBroker(id) => self.cut_off(id, Process::BlackHoled),
            Lever::RestoreBroker(id) => self.bring_back(id, Process::BlackHoled),
            Lever::SlowBroker(id, delay) => {
                if let Some(broker) = self.broker_mut(id) {
                    broker.delay = delay;
                    self.relink(id);
                    self.replicate_all_of(id);
                }
            }
            Lever::StripLeader(partitions) => self.strip(&partitions),
            Lever::RestoreLeader(partitions) => self.unstrip(&partitions),
        }
    }

    pub(crate) fn kill(&mut self, id: BrokerId) {
        let Some(broker) = self.broker_mut(id) else { return };
        broker.starting = false;
        broker.leaving = None;
        broker.wakes_at = None;
        if broker.process == Process::Dead {
            return;
        }
        broker.process = Process::Dead;
        self.relink(id);
        self.drop_parked_of(id);
        self.lose_contact(id);
        self.coordinators_moved();
    }

    pub(crate) fn start(&mut self, id: BrokerId) {
        let at = self.now + self.spec.clock.broker_start;
        let Some(broker) = self.broker_mut(id) else { return };
        if let Some(leaving) = &mut broker.leaving {
            leaving.starts_again = true;
            return;
        }
        if broker.process != Process::Dead || broker.starting {
            return;
        }
        broker.starting = true;
        broker.refusals = 0;
        self.timers.set(at, Timer::Return(id));
    }

    fn freeze(&mut self, id: BrokerId) {
        if let Some(broker) = self.broker_mut(id) {
            broker.wakes_at = None;
        }
        self.cut_off(id, Process::Frozen);
    }

    /// A process that goes on needs a moment. Measured on Apache Kafka 4.3 after 20 s: its first ack after 0.05 to 0.35 s.
    fn wake_later(&mut self, id: BrokerId) {
        let at = self.now + self.spec.clock.stale_check / 2;
        let Some(broker) = self.broker_mut(id).filter(|broker| broker.process == Process::Frozen) else {
            return;
        };
        broker.wakes_at = Some(at);
        self.timers.set(at, Timer::Wake(id));
    }

    pub(crate) fn wake_due(&mut self, id: BrokerId) {
        let now = self.now;
        let woken = self.broker_mut(id).and_then(|broker| broker.wakes_at.take_if(|at| *at <= now));
        if woken.is_some() {
            self.bring_back(id, Process::Frozen);
        }
    }

    fn cut_off(&mut self, id: BrokerId, process: Process) {
        let may = |broker: &&mut Broker| broker.running() && broker.leaving.is_none();
        let Some(broker) = self.broker_mut(id).filter(may) else { return };
        broker.process = process;
        self.relink(id);
        self.lose_contact(id);
        self.coordinators_moved();
    }

    fn bring_back(&mut self, id: BrokerId, from: Process) {
        let Some(broker) = self.broker_mut(id).filter(|b| b.process == from) else { return };
        broker.process = Process::Running;
        self.relink(id);
        self.regain_contact(id, from);
        self.replicate_all_of(id);
        self.coordinators_moved();
    }

    fn replicate_all_of(&mut self, id: BrokerId) {
        let held: Vec<Pid> =
            self.broker(id).map(|b| b.partitions.iter().copied().collect()).unwrap_or_default();
        for pid in held {
            self.replicate(pid);
        }
    }

    fn strip(&mut self, partitions: &[TopicPartition]) {
        for pid in self.pids(partitions) {
            let Some(partition) = self.partitions.get_mut(&pid).filter(|p| !p.stripped) else { continue };
            partition.stripped = true;
            let isr = partition.isr.clone();
            self.lead(pid, None, isr);
        }
    }

    fn unstrip(&mut self, partitions: &[TopicPartition]) {
        for pid in self.pids(partitions) {
            let Some(partition) = self.partitions.get_mut(&pid).filter(|p| p.stripped) else { continue };
            partition.stripped = false;
            self.elect(pid);
        }
    }

    fn pids(&self, partitions: &[TopicPartition]) -> Vec<Pid> {
        partitions.iter().filter_map(|p| self.pid(&p.topic, p.partition)).collect()
    }
}
