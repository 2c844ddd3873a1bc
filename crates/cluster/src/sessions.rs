//! Whom the controller believes to be alive: heartbeats, the sessions that they keep up, and what a thaw makes of both.
//!
//! Source: the task `maybeFenceStaleBroker` of Apache Kafka's `QuorumController`, and its `BrokerHeartbeatTracker`.

use std::time::Duration;

use crate::api::{BrokerId, Process};
use crate::cluster::Cluster;
use crate::timers::{Timer, next_look};

/// What is chance on Apache Kafka, and the bits of the scrambled seed that decide it here.
#[derive(Clone, Copy)]
enum Draw {
    /// Who is taken for dead.
    Victim = 0,
    /// When heartbeats are sent.
    Phase = 8,
    /// Whether followers hear of an election before the leader does.
    Early = 15,
    /// How long metrics show one as fenced that is well.
    Stale = 16,
}

impl Cluster {
    /// What came in meanwhile is read now, also from a broker that is gone since: its session begins anew. Seen in the log
    /// of a controller of Apache Kafka 4.3: a broker that was killed 2.6 s after the freeze was let in by the heartbeat
    /// that waited in the controller's socket, and fenced 9.2 s after the thaw; one that was killed at once, at the thaw.
    pub(crate) fn read_last_words(&mut self) {
        for broker in &mut self.brokers {
            if std::mem::take(&mut broker.last_words) {
                broker.last_contact = Some(self.now);
            }
        }
    }

    /// Those whose session has run out, as far as a controller knows that was frozen since then.
    pub(crate) fn taken_for_dead(&self, frozen_since: Duration) -> Vec<BrokerId> {
        let session = self.spec.clock.session;
        let expired = |heard: Duration| heard + session <= self.now;
        let known = || self.brokers.iter().filter(|broker| !broker.fenced);
        let gone: Vec<BrokerId> = known()
            .filter(|broker| broker.last_contact.is_some_and(expired))
            .map(|broker| broker.id)
            .collect();
        let all_are_well = known().all(|broker| broker.last_contact.is_none());
        if !gone.is_empty() || !expired(frozen_since) || !all_are_well {
            return gone;
        }
        // Apache Kafka takes the first that is expired in a hash map: any.
        let well: Vec<BrokerId> = known().map(|broker| broker.id).collect();
        well.get(self.drawn_of(well.len() as u32, Draw::Victim) as usize).copied().into_iter().collect()
    }

    /// One of `all`, by the seed, which rules the placement too: what is drawn must not follow from that, nor one draw
    /// from the other. Source: Fibonacci hashing.
    fn drawn_of(&self, all: u32, draw: Draw) -> u32 {
        let scrambled = self.spec.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((scrambled >> draw as u32) % u64::from(all.max(1))) as u32
    }

    /// Taken for dead; whoever is not is let in again by one of the heartbeats that queued up. Measured on Apache Kafka
    /// 4.3: 0.2 to 0.7 s later, which its metrics show; but brokers are as late to hear of the one as of the other, and
    /// most hear of both at once.
    pub(crate) fn stale_due(&mut self, id: BrokerId) {
        if !self.controller_works() || !self.is_active(id) {
            return;
        }
        self.fence(id);
        if self.is_running(id) {
            let shown_until = self.now + self.spec.clock.stale_check * self.drawn_of(4, Draw::Stale);
            self.controller.offline_shown = (shown_until, self.offline_partitions());
            let back_at = self.broker(id).map_or(self.now, |broker| broker.heard_from.max(self.now));
            self.timers.set(back_at, Timer::Return(id));
        }
    }

    /// The controller can no longer hear of a broker.
    pub(crate) fn lose_contact(&mut self, id: BrokerId) {
        let until = self.controller.frozen_since.unwrap_or(self.now);
        let heard = self.last_heartbeat(id, until);
        let unread = self.last_heartbeat(id, self.now) > until;
        let Some(broker) = self.broker_mut(id) else { return };
        broker.last_words |= unread && broker.last_contact.is_none();
        let heard = *broker.last_contact.get_or_insert(heard);
        if self.controller_works() {
            self.timers.set(self.look_at_session(heard), Timer::Session(id));
        }
    }

    /// When a session that began then is found to be over: the controller looks eight times in a session (the task
    /// `maybeFenceStaleBroker` of Apache Kafka's `QuorumController`).
    pub(crate) fn look_at_session(&self, heard: Duration) -> Duration {
        let session = self.spec.clock.session;
        next_look(heard + session, session / 8)
    }

    /// The controller hears of a running broker again, at its next heartbeat; one that was frozen finds that overdue.
    /// Measured on Apache Kafka 4.3: in sync again 0.7 s after a thaw. Beside a controller that goes on at the same time a
    /// broker whose links are back has its only replicas back after 0.4 to 0.5 s: it connects first.
    pub(crate) fn regain_contact(&mut self, id: BrokerId, from: Process) {
        let (next, heard_from) = match from {
            Process::Frozen => (self.now, self.now),
            _ => (
                self.last_heartbeat(id, self.now) + self.spec.clock.heartbeat,
                self.now + self.spec.clock.stale_check * 2,
            ),
        };
        let Some(broker) = self.broker_mut(id) else { return };
        broker.last_contact = None;
        broker.last_words = false;
        broker.heard_from = heard_from;
        if broker.fenced {
            self.timers.set(next, Timer::Return(id));
        }
    }

    /// What a follower loses that asks the new leader before that one knows that it leads: it asks again after
    /// `replica.fetch.backoff.ms`, half the time between two heartbeats. Seen in the logs of Apache Kafka 4.3 after a
    /// thaw, where brokers hear of an election 0.2 to 1.3 s after it, in any order.
    pub(crate) fn too_early(&self) -> Duration {
        self.spec.clock.heartbeat / 2 * self.drawn_of(2, Draw::Early)
    }

    /// When followers ask their leaders next, where nothing happens: in turn with the heartbeats.
    pub(crate) fn next_fetch(&self) -> Duration {
        let every = self.spec.clock.fetch_wait();
        let phase = every / 8 * self.drawn_of(8, Draw::Phase);
        next_look(self.now + phase, every).saturating_sub(phase).max(self.now)
    }

    /// Brokers send heartbeats in turn, so that they do not all expire at once; when the first one begins is drawn.
    fn last_heartbeat(&self, id: BrokerId, at: Duration) -> Duration {
        let period = self.spec.clock.heartbeat;
        let brokers = self.spec.brokers.max(1);
        let eighths = 8 * id.0.unsigned_abs() + brokers * self.drawn_of(8, Draw::Phase);
        let phase = period * (eighths % (8 * brokers)) / (8 * brokers);
        // All were heard of when the cluster was born.
        let Some(since) = at.checked_sub(phase).map(|since| since.as_nanos()) else { return Duration::ZERO };
        let whole = since - since % period.as_nanos();
        Duration::from_nanos(u64::try_from(whole).unwrap_or(u64::MAX)) + phase
    }

    pub(crate) fn session_due(&mut self, id: BrokerId) {
        let expired = |heard: Duration| heard + self.spec.clock.session <= self.now;
        let Some(broker) = self.broker(id) else { return };
        if broker.fenced || !self.controller_works() || !broker.last_contact.is_some_and(expired) {
            return;
        }
        self.fence(id);
    }
}
