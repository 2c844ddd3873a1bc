//! What the circuits are told: reports of the client, and what became of heartbeats.
//!
//! A report that speaks against the primary path wakes its circuit; one that does not lets it rest.

use std::time::Duration;

use super::{Circuits, schedule};
use crate::heartbeat::Beat;
use crate::signal::acks::AckReport;
use crate::signal::consumer::ConsumerReport;

impl Circuits {
    /// Statistics or metadata say whether a partition has a leader. Like every report, it counts from the next
    /// [`watch`](Self::watch), and only for the life of a report; of a partition without a circuit it is ignored.
    pub fn leader_told(&mut self, partition: usize, known: bool, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(partition) {
            circuit.leader.told(known, seen, &self.settings);
            if !known {
                self.schedule.wake(partition);
            }
        }
    }

    /// Statistics say what is in flight and what was acknowledged.
    pub fn acks_told(&mut self, partition: usize, report: AckReport, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(partition) {
            circuit.acks.told(report, seen, &self.settings);
            if report.in_flight > 0 {
                self.schedule.wake(partition);
            }
        }
    }

    /// Where the consumer of a partition is.
    pub fn consumer_told(&mut self, partition: usize, report: ConsumerReport, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(partition) {
            circuit.consumer.told(report, seen, &self.settings);
            if report.lag() > 0 {
                self.schedule.wake(partition);
            }
        }
    }

    /// The heartbeats to send now; whoever takes them must send them, for they are under way from here on.
    pub fn heartbeats_due(&mut self, now: Duration) -> Vec<Beat> {
        let seen = self.time.at(now);
        let mut beats = Vec::new();
        let missed = self.time.missed(now);
        for word in self.schedule.words() {
            for partition in schedule::circuits(word, self.schedule.beats(word, seen)) {
                if self.circuits[partition].start_heartbeat(self.next_beat, seen, missed) {
                    beats.push(Beat { partition, number: self.next_beat });
                    self.next_beat += 1;
                }
                self.plan(partition, seen);
            }
        }
        beats
    }

    /// The broker acknowledged a heartbeat.
    pub fn heartbeat_acked(&mut self, beat: Beat, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(beat.partition) {
            circuit.heartbeat_acked(beat.number, seen);
        }
    }

    /// A heartbeat was read back. What it means shows in the next [`watch`](Self::watch).
    pub fn heartbeat_returned(&mut self, beat: Beat, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(beat.partition) {
            circuit.heartbeat_returned(beat.number, seen);
            self.plan(beat.partition, seen);
        }
    }

    /// A heartbeat could not be produced: the queue is full, or its delivery failed. What it means shows in the next
    /// [`watch`](Self::watch): nothing, if this process was away for most of its life, for then it expired in the client.
    pub fn heartbeat_failed(&mut self, beat: Beat, now: Duration) {
        let seen = self.time.at(now);
        if let Some(circuit) = self.circuits.get_mut(beat.partition) {
            circuit.beats.failed(beat.number, seen, self.time.missed(now));
            self.plan(beat.partition, seen);
        }
    }
}
