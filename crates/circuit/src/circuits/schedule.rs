//! Which circuits a tick looks at: those that are awake, those that somebody woke, and those that are due.
//!
//! A circuit at rest costs a tick one comparison, of times that lie side by side; what it is made of is not touched.

use std::time::Duration;

use crate::wake::{WORD, WakeBits};

/// Never, by itself.
const NEVER: u64 = u64::MAX;

/// A circuit to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) partition: usize,
    /// Awake, or woken by a call; otherwise only its time has come.
    pub(super) awake: bool,
}

/// All times are the time that the circuits saw, in nanoseconds.
#[derive(Debug)]
pub(super) struct Schedule {
    wake: WakeBits,
    awake: Vec<u64>,
    due: Vec<u64>,
    beats: Vec<u64>,
}

impl Schedule {
    /// Everybody is awake, and may have a heartbeat to send.
    pub(super) fn new(circuits: usize, wake: WakeBits) -> Self {
        Self {
            wake,
            awake: vec![u64::MAX; circuits.div_ceil(WORD)],
            due: vec![0; circuits],
            beats: vec![0; circuits],
        }
    }

    /// It is looked at in every tick from now on.
    pub(super) fn wake(&mut self, circuit: usize) {
        self.awake[circuit / WORD] |= 1 << (circuit % WORD);
    }

    /// It is looked at when its time has come or somebody wakes it.
    pub(super) fn rest(&mut self, circuit: usize, until: Duration) {
        self.awake[circuit / WORD] &= !(1 << (circuit % WORD));
        self.due[circuit] = nanos(until);
    }

    /// When its next heartbeat is due; `None` while it is held up.
    pub(super) fn beat(&mut self, circuit: usize, next: Option<Duration>) {
        self.beats[circuit] = next.map_or(NEVER, nanos);
    }

    /// Whose turn it is, in order. Takes the wake-ups.
    pub(super) fn turns(&mut self, now: Duration, turns: &mut Vec<Turn>) {
        let now = nanos(now);
        for (word, due) in self.due.chunks(WORD).enumerate() {
            let awake = self.awake[word] | self.wake.take(word);
            each(awake | passed(due, now), due.len(), |bit| {
                turns.push(Turn { partition: word * WORD + bit, awake: awake & (1 << bit) != 0 });
            });
        }
    }

    /// Whose heartbeat is due, in order.
    pub(super) fn beats(&self, now: Duration, partitions: &mut Vec<usize>) {
        let now = nanos(now);
        for (word, due) in self.beats.chunks(WORD).enumerate() {
            each(passed(due, now), due.len(), |bit| partitions.push(word * WORD + bit));
        }
    }
}

/// A bit for each time that has come.
fn passed(times: &[u64], now: u64) -> u64 {
    times.iter().enumerate().fold(0, |bits, (bit, time)| bits | u64::from(*time <= now) << bit)
}

/// The bits that are set, of those that stand for a circuit.
fn each(mut bits: u64, circuits: usize, mut visit: impl FnMut(usize)) {
    while bits != 0 {
        let bit = bits.trailing_zeros() as usize;
        if bit >= circuits {
            return;
        }
        visit(bit);
        bits &= bits - 1;
    }
}

/// Below [`NEVER`], five hundred years from now.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NEVER - 1).min(NEVER - 1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn turns(schedule: &mut Schedule, now_ms: u64) -> Vec<(usize, bool)> {
        let mut turns = Vec::new();
        schedule.turns(Duration::from_millis(now_ms), &mut turns);
        turns.into_iter().map(|turn| (turn.partition, turn.awake)).collect()
    }

    #[test]
    fn a_turn_is_for_who_is_awake_or_woken_or_due() {
        let wake = WakeBits::new(70);
        let mut schedule = Schedule::new(70, wake.clone());
        assert_eq!(turns(&mut schedule, 0).len(), 70);
        (0..70).for_each(|circuit| schedule.rest(circuit, Duration::from_millis(100 + circuit as u64)));
        assert_eq!(turns(&mut schedule, 99), []);
        wake.set(69);
        assert_eq!(turns(&mut schedule, 101), [(0, false), (1, false), (69, true)]);
        assert_eq!(turns(&mut schedule, 100), [(0, false)], "a wake-up is taken once");
        schedule.wake(64);
        assert_eq!(turns(&mut schedule, 99), [(64, true)]);
    }

    #[test]
    fn a_heartbeat_that_is_held_up_is_not_due() {
        let mut schedule = Schedule::new(3, WakeBits::new(3));
        schedule.beat(1, None);
        schedule.beat(2, Some(Duration::from_millis(7)));
        let due = |now_ms| {
            let mut due = Vec::new();
            schedule.beats(Duration::from_millis(now_ms), &mut due);
            due
        };
        assert_eq!((due(6), due(7)), (vec![0], vec![0, 2]));
    }
}
