//! Synthetic round trips through one partition: produced, acknowledged, read back.
//!
//! # Invariants
//! - At most one heartbeat per partition is under way. It is under way from the moment in which it is *due and taken*,
//!   so that a sender that hangs is seen too.
//! - Each one ends in exactly one way: it returns, it fails, or its deadline passes. What comes later, or twice, or from
//!   another process, is counted as stale and changes nothing.
//! - One that fails after this process was away for most of its life has no outcome: the client's own clock went on, and
//!   it expired there before anybody read the ack.
//! - The outcome waits, one per partition, until the circuit has looked at it; no other heartbeat is due before.
//! - Where calls prove as much as a heartbeat, it is not sent, but one in [`PROVED_PERIODS`] always is: what is usual for
//!   heartbeats must stay known.
//! - Each carries the generation of its circuit at the time when it was sent, so that a heartbeat from before a trip
//!   says nothing about the recovery.

use std::time::Duration;

use crate::signal::Reason;

/// At least one heartbeat is sent in so many periods.
const PROVED_PERIODS: u32 = 4;

/// A heartbeat to send. Its number must travel with the record, beside a name of this process: numbers start anew in
/// each one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Beat {
    /// Index of the partition to send it through.
    pub partition: usize,
    /// Its number, never given twice by the same [`Circuits`](crate::Circuits).
    pub number: u64,
}

/// How a heartbeat ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It came back within its deadline.
    Returned,
    /// It did not.
    Lost(Reason),
}

/// A heartbeat that begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) number: u64,
    pub(crate) generation: u64,
    pub(crate) at: Duration,
    /// The time that this process has missed so far.
    pub(crate) missed: Duration,
}

#[derive(Debug, Clone, Copy)]
struct UnderWay {
    started: Started,
    deadline: Duration,
    acked: bool,
}

/// The heartbeats of one partition.
#[derive(Debug)]
pub(crate) struct Heartbeats {
    under_way: Option<UnderWay>,
    outcome: Option<(u64, Outcome)>,
    next: Duration,
    /// Nothing puts it off beyond this.
    latest: Duration,
    stale: u64,
}

impl Heartbeats {
    /// `first` spreads the partitions over the first period.
    pub(crate) fn new(first: Duration) -> Self {
        Self { under_way: None, outcome: None, next: first, latest: first, stale: 0 }
    }

    /// A heartbeat is due for a circuit of this generation. One that an older generation left behind does not hold it
    /// up.
    pub(crate) fn due(&self, generation: u64, now: Duration) -> bool {
        self.next(generation).is_some_and(|next| now >= next)
    }

    /// When the next one is due; `None` while one is under way, or the outcome of the last one waits.
    pub(crate) fn next(&self, generation: u64) -> Option<Duration> {
        let held_up = self.under_way.is_some_and(|beat| beat.started.generation == generation);
        (!held_up && self.outcome.is_none()).then_some(self.next)
    }

    /// An outcome waits.
    pub(crate) fn has_ended(&self) -> bool {
        self.outcome.is_some()
    }

    pub(crate) fn start(&mut self, started: Started, period: Duration, timeout: Duration) {
        self.under_way = Some(UnderWay { started, deadline: started.at + timeout, acked: false });
        self.next = started.at + period;
        self.latest = started.at + period * PROVED_PERIODS;
    }

    /// A call has just done all that the next heartbeat would do.
    pub(crate) fn proved(&mut self, now: Duration, period: Duration) {
        self.next = self.next.max((now + period).min(self.latest));
    }

    /// The next one is due at once.
    pub(crate) fn hasten(&mut self, now: Duration) {
        self.next = self.next.min(now);
    }

    /// The broker's ack; how long it took.
    pub(crate) fn acked(&mut self, number: u64, now: Duration) -> Option<Duration> {
        match self.under_way.as_mut().filter(|beat| beat.started.number == number && !beat.acked) {
            Some(beat) => {
                beat.acked = true;
                Some(beat.age(now))
            }
            None => None,
        }
    }

    /// It was read back; its round trip. `None` is a stale one.
    pub(crate) fn returned(&mut self, number: u64, now: Duration) -> Option<Duration> {
        let beat = self.end(number)?;
        let outcome = if now > beat.deadline { Outcome::Lost(beat.lost(now)) } else { Outcome::Returned };
        self.outcome = Some((beat.started.generation, outcome));
        (outcome == Outcome::Returned).then(|| beat.age(now))
    }

    /// It could not be produced; `missed` is the time that this process has missed by now.
    pub(crate) fn failed(&mut self, number: u64, now: Duration, missed: Duration) {
        if let Some(beat) = self.end(number)
            && missed.saturating_sub(beat.started.missed) <= beat.age(now)
        {
            self.outcome = Some((beat.started.generation, Outcome::Lost(Reason::HeartbeatFailed)));
        }
    }

    /// Takes the outcome that waits, after the deadline was kept.
    pub(crate) fn settle(&mut self, now: Duration) -> Option<(u64, Outcome)> {
        if let Some(beat) = self.under_way.take_if(|beat| now > beat.deadline) {
            self.outcome = Some((beat.started.generation, Outcome::Lost(beat.lost(now))));
        }
        self.outcome.take()
    }

    /// Age of the one under way, and whether it is acknowledged.
    pub(crate) fn outstanding(&self, now: Duration) -> Option<(Duration, bool)> {
        self.under_way.map(|beat| (beat.age(now), beat.acked))
    }

    pub(crate) fn stale(&self) -> u64 {
        self.stale
    }

    fn end(&mut self, number: u64) -> Option<UnderWay> {
        let beat = self.under_way.take_if(|beat| beat.started.number == number);
        self.stale += u64::from(beat.is_none());
        beat
    }
}

impl UnderWay {
    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.started.at)
    }

    fn lost(&self, now: Duration) -> Reason {
        Reason::heartbeat(self.age(now), self.acked)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn started() -> Heartbeats {
        let mut beats = Heartbeats::new(ms(0));
        beats.start(Started { number: 7, generation: 1, at: ms(0), missed: ms(50) }, ms(250), ms(400));
        beats
    }

    #[test]
    fn calls_stand_in_for_heartbeats_up_to_three_on_end() {
        let mut beats = started();
        beats.returned(7, ms(9));
        beats.settle(ms(10));
        let next_after = |beats: &mut Heartbeats, now| {
            beats.proved(ms(now), ms(250));
            beats.next(1)
        };
        assert_eq!(next_after(&mut beats, 100), Some(ms(350)));
        assert_eq!(next_after(&mut beats, 90), Some(ms(350)), "what is older puts nothing off");
        assert_eq!(next_after(&mut beats, 749), Some(ms(999)));
        assert_eq!(next_after(&mut beats, 900), Some(ms(1_000)));
        beats.hasten(ms(910));
        assert_eq!(beats.next(1), Some(ms(910)));
    }

    #[test]
    fn a_heartbeat_that_returns_twice_counts_once() {
        let mut beats = started();
        assert_eq!(beats.returned(7, ms(9)), Some(ms(9)));
        assert_eq!(beats.returned(7, ms(10)), None);
        assert_eq!(beats.settle(ms(11)), Some((1, Outcome::Returned)));
        assert_eq!((beats.settle(ms(12)), beats.stale()), (None, 1));
    }

    #[test]
    fn a_heartbeat_after_its_deadline_is_lost_even_if_it_returns_before_the_next_look() {
        let mut beats = started();
        assert_eq!(beats.acked(7, ms(3)), Some(ms(3)));
        assert_eq!(beats.returned(7, ms(401)), None);
        assert_eq!(beats.settle(ms(402)), Some((1, Outcome::Lost(Reason::HeartbeatUnread(ms(401))))));
    }

    #[test]
    fn a_heartbeat_that_fails_after_the_process_was_away_for_most_of_its_life_says_nothing() {
        let ended = |missed| {
            let mut beats = started();
            beats.failed(7, ms(100), ms(missed));
            assert_eq!(beats.outstanding(ms(100)), None);
            beats.settle(ms(100))
        };
        assert_eq!(ended(150), Some((1, Outcome::Lost(Reason::HeartbeatFailed))));
        assert_eq!(ended(151), None);
    }

    #[test]
    fn the_next_one_waits_for_the_outcome_to_be_looked_at_but_not_for_an_older_generation() {
        let mut beats = started();
        assert!(!beats.due(1, ms(300)));
        assert!(beats.due(2, ms(300)));
        beats.failed(7, ms(300), ms(50));
        assert!(!beats.due(1, ms(300)));
        assert_eq!(beats.settle(ms(300)), Some((1, Outcome::Lost(Reason::HeartbeatFailed))));
        assert!(beats.due(1, ms(300)));
    }
}
