//! How records get from a leader to its followers, and the high watermark past them.

use std::time::Duration;

use crate::api::BrokerId;
use crate::cluster::Cluster;
use crate::partition::{AckWaiter, Pid, Replica};
use crate::timers::{Timer, next_look};

impl Cluster {
    /// Brings every follower that can fetch up to the leader, at once or after the delay of a slow broker, and notes
    /// since when the others are behind.
    pub(crate) fn replicate(&mut self, pid: Pid) {
        let Some(partition) = self.partitions.get(&pid) else { return };
        let Some(leader) = partition.leader else { return };
        let end = partition.log.end();
        let pause = partition.followed_from.saturating_sub(self.now);
        let followers: Vec<(BrokerId, bool)> = partition
            .replicas
            .iter()
            .map(|r| (r.broker, r.end < end))
            .filter(|(b, _)| *b != leader)
            .collect();
        if let Some(replica) = self.partitions.get_mut(&pid).and_then(|p| p.replica_mut(leader)) {
            replica.end = end;
            replica.behind_since = None;
        }
        let leader_delay = self.delay_of(leader);
        for (follower, behind) in followers {
            match leader_delay.zip(self.delay_of(follower)).map(|(a, b)| a.max(b).max(pause)) {
                Some(Duration::ZERO) => self.caught_up(pid, follower),
                Some(delay) if behind => self.catch_up_later(pid, follower, delay),
                Some(_) => self.caught_up(pid, follower),
                None => {}
            }
            if behind {
                self.note_behind(pid, follower);
            }
        }
        self.advance(pid);
    }

    /// Before a change of leader in order: `acks=all` waits, `acks=1` does not. Measured on Apache Kafka 4.3: 1.0 to 1.4 s
    /// when a leader that is there is replaced, and by its source a follower asks the new leader before that one knows
    /// that it leads, and asks again after `replica.fetch.backoff.ms`, half the time between two heartbeats; 0.2 to 0.4 s
    /// when a broker stops.
    pub(crate) fn pause_followers(&mut self, pid: Pid, pause: Duration) {
        let followed_from = self.now + pause;
        if let Some(partition) = self.partitions.get_mut(&pid) {
            partition.followed_from = followed_from;
        }
    }

    /// A follower that has just begun to fetch, or was fenced when it asked last, joins with its next fetch at the
    /// earliest. Measured on Apache Kafka 4.3: sets are full 0.4 to 0.5 s after a broker is back. Source: `maybeExpandIsr`
    /// of its `Partition`, which a fetch alone brings about, and fenced followers are not eligible.
    pub(crate) fn join_later(&mut self, pid: Pid, follower: BrokerId, pause: Duration) {
        let from = self.now + pause + self.spec.clock.fetch_wait();
        let replica = self.partitions.get_mut(&pid).and_then(|partition| partition.replica_mut(follower));
        if let Some(replica) = replica {
            replica.joins_from = replica.joins_from.max(from);
            self.timers.set(replica.joins_from, Timer::Join(pid, follower));
        }
    }

    /// `None` while the broker neither fetches nor answers.
    fn delay_of(&self, broker: BrokerId) -> Option<Duration> {
        self.broker(broker).filter(|b| b.running()).map(|b| b.delay)
    }

    fn caught_up(&mut self, pid: Pid, follower: BrokerId) {
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let end = partition.log.end();
        let in_sync = partition.in_sync(follower);
        if let Some(replica) = partition.replica_mut(follower) {
            replica.end = end;
            replica.behind_since = None;
        }
        if !in_sync {
            self.try_expand(pid, follower);
        }
    }

    fn catch_up_later(&mut self, pid: Pid, follower: BrokerId, delay: Duration) {
        let Some(replica) = self.partitions.get_mut(&pid).and_then(|p| p.replica_mut(follower)) else {
            return;
        };
        if !std::mem::replace(&mut replica.catching_up, true) {
            self.timers.set(self.now + delay, Timer::CatchUp(pid, follower));
        }
    }

    pub(crate) fn catch_up_due(&mut self, pid: Pid, follower: BrokerId) {
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let leader = partition.leader;
        if let Some(replica) = partition.replica_mut(follower) {
            replica.catching_up = false;
        }
        if self.is_running(follower) && leader.is_some_and(|leader| self.is_running(leader)) {
            self.caught_up(pid, follower);
            self.advance(pid);
        }
    }

    fn note_behind(&mut self, pid: Pid, follower: BrokerId) {
        let (now, look) = (self.now, self.look_at_lag(self.now));
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let end = partition.log.end();
        let Some(replica) = partition.replica_mut(follower).filter(|r| r.end < end) else { return };
        if replica.behind_since.is_none() {
            replica.behind_since = Some(now);
            if !std::mem::replace(&mut replica.lag_watched, true) {
                self.timers.set(look, Timer::Lag(pid, follower));
            }
        }
    }

    /// When a leader finds that a follower has been behind for too long: it looks every half of `replica.lag.time.max.ms`
    /// (the task `isr-expiration` of Apache Kafka's `ReplicaManager`).
    fn look_at_lag(&self, behind_since: Duration) -> Duration {
        let lag = self.spec.clock.replica_lag;
        next_look(behind_since + lag, lag / 2)
    }

    /// The leader asks the controller to take a follower out that has been behind for too long.
    pub(crate) fn lag_due(&mut self, pid: Pid, follower: BrokerId) {
        let now = self.now;
        let behind_since = |replica: &Replica| replica.behind_since;
        let since = self.partitions.get(&pid).and_then(|p| p.replica(follower)).and_then(behind_since);
        // Fell behind again meanwhile: that time is looked at when it is over.
        let later = since.map(|since| self.look_at_lag(since)).filter(|due| *due > now);
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let Some(replica) = partition.replica_mut(follower) else { return };
        replica.lag_watched = later.is_some();
        if let Some(due) = later {
            self.timers.set(due, Timer::Lag(pid, follower));
        }
        let too_late = since.is_some() && later.is_none();
        let Some(partition) = self.partitions.get(&pid) else { return };
        let can_ask =
            partition.leader.is_some_and(|leader| self.is_running(leader)) && self.controller_works();
        if too_late && can_ask {
            self.shrink(pid, follower);
        }
    }

    /// After a thaw: whoever has been behind for too long is looked at from then on.
    pub(crate) fn look_at_lag_from(&mut self, first: Duration) {
        for (pid, partition) in &self.partitions {
            for replica in &partition.replicas {
                if let Some(since) = replica.behind_since {
                    let look = first.max(self.look_at_lag(since));
                    self.timers.set(look, Timer::Lag(*pid, replica.broker));
                }
            }
        }
    }

    /// Moves the high watermark as far as it goes, and tells who waited for it.
    pub(crate) fn advance(&mut self, pid: Pid) {
        let now = self.now;
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        // A leader that neither runs nor is reachable hears of no fetch, so its high watermark stands.
        let leader = partition.leader;
        if !leader.is_some_and(|leader| self.is_running(leader)) {
            return;
        }
        let kept = self.kept_of(pid);
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        if !partition.advance_high_watermark(now) {
            return;
        }
        partition.log.retain(kept, partition.high_watermark);
        let acked = partition.take_acked();
        let fetchers: Vec<_> = partition.fetchers.iter().copied().collect();
        for waiter in acked {
            match waiter {
                AckWaiter::Produce(token, part) => self.part_done(token, part, Ok(())),
                AckWaiter::Group(id) => self.group_record_done(id, Ok(())),
                AckWaiter::Offsets(token) => self.offsets_settled(token, pid),
            }
        }
        for token in fetchers {
            self.wake_fetch(token);
        }
    }
}
