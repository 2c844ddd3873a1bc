//! Which circuits a tick looks at: those that are awake, those that somebody woke, and those that are due.
//!
//! [`WORD`] circuits at rest of which none is due cost a tick two comparisons; what they are made of is not touched.

use std::time::Duration;

use crate::time::nanos;
use crate::wake::{WORD, WakeBits};

/// Never, by itself.
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Schedule {
    wake: WakeBits,
    awake: Vec<u64>,
    due: Times,
    beats: Times,
}

impl Schedule {
    /// Everybody is awake, and may have a heartbeat to send.
    pub(super) fn new(circuits: usize, wake: WakeBits) -> Self {
        let words = circuits.div_ceil(WORD);
        let mut schedule =
            Self { wake, awake: vec![0; words], due: Times::new(circuits), beats: Times::new(circuits) };
        (0..circuits).for_each(|circuit| schedule.wake(circuit));
        schedule
    }

    /// All circuits, in words of [`WORD`] of them.
    pub(super) fn words(&self) -> std::ops::Range<usize> {
        0..self.awake.len()
    }

    /// It is looked at in every tick from now on.
    pub(super) fn wake(&mut self, circuit: usize) {
        self.awake[circuit / WORD] |= 1 << (circuit % WORD);
        self.due.set(circuit, NEVER);
    }

    /// It is looked at when its time has come or somebody wakes it.
    pub(super) fn rest(&mut self, circuit: usize, until: Duration) {
        self.awake[circuit / WORD] &= !(1 << (circuit % WORD));
        self.due.set(circuit, nanos(until).min(NEVER - 1));
    }

    /// When its next heartbeat is due; `None` while it is held up.
    pub(super) fn beat(&mut self, circuit: usize, next: Option<Duration>) {
        self.beats.set(circuit, next.map_or(NEVER, |next| nanos(next).min(NEVER - 1)));
    }

    /// Whose turn it is in this word, and who of the word is awake, or was woken by a call; whose turn it is otherwise, only
    /// its time has come. Takes the wake-ups.
    pub(super) fn turns(&mut self, word: usize, now: Duration) -> (u64, u64) {
        let awake = self.awake[word] | self.wake.take(word);
        (awake | self.due.passed(word, nanos(now)), awake)
    }

    /// Whose heartbeat is due in this word.
    pub(super) fn beats(&mut self, word: usize, now: Duration) -> u64 {
        self.beats.passed(word, nanos(now))
    }
}

/// A time for each circuit: of those that the circuits saw, in nanoseconds.
#[derive(Debug)]
struct Times {
    times: Vec<u64>,
    /// None of a word is earlier.
    first: Vec<u64>,
}

impl Times {
    fn new(circuits: usize) -> Self {
        Self { times: vec![0; circuits], first: vec![0; circuits.div_ceil(WORD)] }
    }

    fn set(&mut self, circuit: usize, time: u64) {
        self.times[circuit] = time;
        let first = &mut self.first[circuit / WORD];
        *first = time.min(*first);
    }

    /// A bit for each time of a word that has come.
    fn passed(&mut self, word: usize, now: u64) -> u64 {
        if now < self.first[word] {
            return 0;
        }
        let times = self.times.chunks(WORD).nth(word).unwrap_or_default();
        self.first[word] = times.iter().copied().min().unwrap_or(NEVER);
        times.iter().enumerate().fold(0, |bits, (bit, time)| bits | u64::from(*time <= now) << bit)
    }
}

/// Whether the bit of a circuit is set in its word.
pub(super) const fn contains(bits: u64, circuit: usize) -> bool {
    bits & (1 << (circuit % WORD)) != 0
}

/// The circuits of a word whose bits are set, in order.
pub(super) fn circuits(word: usize, mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(word * WORD + bit)
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn turns(schedule: &mut Schedule, now_ms: u64) -> Vec<(usize, bool)> {
        let turns = |word| {
            let (turns, awake) = schedule.turns(word, Duration::from_millis(now_ms));
            circuits(word, turns).map(move |circuit| (circuit, contains(awake, circuit)))
        };
        (0..2).flat_map(turns).collect()
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
        let mut due = |now_ms| schedule.beats(0, Duration::from_millis(now_ms));
        assert_eq!((due(6), due(7)), (0b001, 0b101));
    }
}
