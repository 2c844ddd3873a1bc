//! The age of the oldest call in flight, without a clock read or a lock per call.
//!
//! A ring of epoch buckets. A call joins the current bucket and leaves it by dropping its [`Guard`]; a watchdog ticks,
//! moves on to an empty bucket when the current one has been open for a bucket's width, and looks for the oldest bucket
//! that still holds calls. The number of calls in a bucket *is* the strong count of its `Arc`, so a call costs one
//! atomic increment and one decrement, and allocates nothing. Threads are spread over lanes, so that they do not share
//! a cache line.
//!
//! # Invariants
//! - An age is never too small, as of its tick. It may be too large by a bucket's width and a tick: a call joins a
//!   bucket that was opened before it began.
//! - A bucket is opened again only when it is empty: an old call never turns young, however old it gets. When no bucket
//!   is empty the current one stays open, so new calls look older than they are. The span of the ring is chosen above
//!   the limit that trips the circuit, so this happens only after the trip.
//! - A thread that is preempted inside [`InFlight::begin`] for longer than its bucket was in use joins a bucket that
//!   nobody looks at. One bucket out of use is looked at per lane in every eighth tick, so that call is found
//!   within eight times [`BUCKETS`] ticks, and counts from the time when its bucket was opened.
//! - A guard outlives everything: it may be dropped after the watchdog, on any thread.
//!
//! # Sleep
//! A ring in which nothing happens need not be looked at. The watchdog of many rings puts such a one to sleep in two
//! ticks: in the first it marks the current bucket of each lane, in the second it finds every bucket empty, or calls it
//! off. A call reads the mark *after* it has joined, and wakes the ring: so it either was there at the second tick or
//! sees the mark. A call that wakes a ring counts from the tick before the one that heard of it.
//!
//! What the order of memory allows beyond that (the mark is read relaxed, for a fence would cost every call as much as it
//! costs now) no machine is known to do for the time between the two ticks; it is covered by a look at each sleeping
//! ring once a second, and the model of it holds with that look only.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::sync::{AtomicUsize, Counted, Ordering};
use crate::wake::WakeBits;

/// Buckets of one lane. With the default span of 531 ms a bucket is 8.3 ms wide, so that each look of the watchdog opens one.
#[cfg(not(loom))]
pub const BUCKETS: usize = 64;
/// Buckets of one lane, as few as a model of all interleavings can bear.
#[cfg(loom)]
pub const BUCKETS: usize = 3;

/// The mark of a lane that nobody looks at, beside the index of its current bucket.
const ASLEEP: usize = 1 << 16;

/// Lanes are a power of two, at most this many: each one is looked at in each tick.
pub const LANES_MAX: usize = 64;

/// In every eighth tick a bucket out of use is looked at. It is cold memory: in every tick it would be half of the
/// watchdog's work.
const LATE_LOOK: u32 = 8;

/// The strong count of its `Arc`, less the ring's own, is the number of calls that it holds.
#[derive(Debug)]
struct Bucket;

/// Aligned so that the `current` of two lanes is never on one cache line.
#[derive(Debug)]
#[repr(align(128))]
struct Lane {
    current: AtomicUsize,
    buckets: [Counted<Bucket>; BUCKETS],
}

impl Lane {
    fn new() -> Self {
        Self { current: AtomicUsize::new(0), buckets: std::array::from_fn(|_| Counted::new(Bucket)) }
    }

    fn calls(&self, bucket: usize) -> usize {
        Counted::strong_count(&self.buckets[bucket]) - 1
    }
}

/// Where calls begin: the half of the ring that the hot path holds. A clone is the same ring.
#[derive(Debug, Clone)]
pub struct InFlight {
    lanes: Arc<[Lane]>,
    wake: WakeBits,
    index: usize,
}

impl InFlight {
    /// A ring, and the watchdog that looks at it.
    ///
    /// `lanes` is rounded up to a power of two and held within 1 and [`LANES_MAX`]; `span` is how old a call may get
    /// before new ones can look older than they are, and must be above the limit that trips.
    #[must_use]
    pub fn new(lanes: usize, span: Duration) -> (Self, Watch) {
        Self::waking(lanes, span, WakeBits::new(1), 0)
    }

    /// As [`new`](Self::new); the first call after a sleep sets this bit.
    pub(crate) fn waking(lanes: usize, span: Duration, wake: WakeBits, index: usize) -> (Self, Watch) {
        let lanes: Arc<[Lane]> =
            (0..lanes.clamp(1, LANES_MAX).next_power_of_two()).map(|_| Lane::new()).collect();
        (Self { lanes: Arc::clone(&lanes), wake, index }, Watch::new(lanes, span))
    }

    /// Begins a call. It is in flight until the guard is dropped.
    #[inline]
    pub fn begin(&self) -> Guard {
        let lane = &self.lanes[lane_of_this_thread() & (self.lanes.len() - 1)];
        let current = lane.current.load(Ordering::Relaxed) % ASLEEP;
        let bucket = Counted::clone(&lane.buckets[current % BUCKETS]);
        // After it has joined: before, the ring could fall asleep between the two.
        if lane.current.load(Ordering::Relaxed) >= ASLEEP {
            self.wake();
        }
        Guard { _bucket: Some(bucket) }
    }

    #[cold]
    fn wake(&self) {
        self.wake.set(self.index);
    }
}

/// One lane is enough for a model, and the same one in each of its executions.
#[cfg(loom)]
fn lane_of_this_thread() -> usize {
    0
}

/// Threads take lanes in the order in which they first begin a call.
#[cfg(not(loom))]
#[inline]
fn lane_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static LANE: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    LANE.with(|lane| *lane)
}

/// One call in flight; dropping it ends the call, on whatever thread.
#[derive(Debug)]
#[must_use = "a guard that is dropped at once ends its call at once"]
pub struct Guard {
    _bucket: Option<Counted<Bucket>>,
}

impl Guard {
    /// A guard of nothing, for a call that no circuit watches.
    pub const fn untracked() -> Self {
        Self { _bucket: None }
    }
}

/// What a tick saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// Age of the oldest call in flight that was not written off.
    pub oldest: Option<Duration>,
    /// How long the longest of the calls took whose bucket ran empty since the last tick; a call that began and ended
    /// within one bucket's width does not show.
    pub longest_ended: Option<Duration>,
}

/// A bucket in use.
#[derive(Debug, Clone, Copy)]
struct Opened {
    bucket: usize,
    at: Duration,
    written_off: bool,
}

/// The watchdog's own notes on one lane.
#[derive(Debug)]
struct Notes {
    /// The one that calls join; never written off.
    current: Opened,
    /// Those before it that still hold calls, oldest first.
    older: VecDeque<Opened>,
    /// Out of use, with the time when each was last opened; the longest out of use first.
    free: VecDeque<Opened>,
}

/// The watchdog's half of a ring. There is one, and it is ticked by one thread.
#[derive(Debug)]
pub struct Watch {
    lanes: Arc<[Lane]>,
    notes: Vec<Notes>,
    width: Duration,
    ticks: u32,
    last: Reading,
}

impl Watch {
    fn new(lanes: Arc<[Lane]>, span: Duration) -> Self {
        let opened = |bucket| Opened { bucket, at: Duration::ZERO, written_off: false };
        let notes = lanes.iter().map(|_| Notes {
            current: opened(0),
            older: VecDeque::new(),
            free: (1..BUCKETS).map(opened).collect(),
        });
        Self {
            notes: notes.collect(),
            lanes,
            width: span / BUCKETS as u32,
            ticks: 0,
            last: Reading::default(),
        }
    }

    /// Looks at the ring and opens a new bucket where one is due. `now` must not go back.
    pub fn tick(&mut self, now: Duration) -> Reading {
        let mut reading = Reading::default();
        self.ticks = self.ticks.wrapping_add(1);
        for (lane, notes) in self.lanes.iter().zip(&mut self.notes) {
            reading.longest_ended = reading.longest_ended.max(notes.retire(lane, now));
            if self.ticks.is_multiple_of(LATE_LOOK) {
                notes.find_latecomer(lane);
            }
            notes.turn(lane, now, self.width);
            reading.oldest = reading.oldest.max(notes.oldest(lane, now));
        }
        self.last = reading;
        reading
    }

    /// Age of the oldest call in flight at the last tick, leaving out what was written off.
    #[must_use]
    pub fn oldest_age(&self) -> Option<Duration> {
        self.last.oldest
    }

    /// Calls in flight, old and young, written off or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lanes.iter().zip(&self.notes).map(|(lane, notes)| notes.calls(lane)).sum()
    }

    /// No call is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves the calls that are in flight now out of every later age; they stay counted in [`len`](Self::len).
    ///
    /// For the moment at which a circuit closes: what hung before is known, and must not trip it again. A lane without
    /// an empty bucket keeps its current one, and the calls in it, in the account.
    pub fn write_off(&mut self, now: Duration) {
        for (lane, notes) in self.lanes.iter().zip(&mut self.notes) {
            notes.turn(lane, now, Duration::ZERO);
            notes.older.iter_mut().for_each(|opened| opened.written_off = true);
        }
        self.last.oldest = None;
    }

    /// Marks every lane: from here on a call wakes the ring. To be called where the ring is empty.
    pub(crate) fn doze(&mut self) {
        for (lane, notes) in self.lanes.iter().zip(&self.notes) {
            lane.current.store(notes.current.bucket | ASLEEP, Ordering::Relaxed);
        }
    }

    /// Whether every bucket of the marked lanes is empty, so that nobody need look until somebody wakes the ring. A call
    /// that is found is in the account again.
    pub(crate) fn is_still(&mut self) -> bool {
        for (lane, notes) in self.lanes.iter().zip(&mut self.notes) {
            (0..notes.free.len()).for_each(|_| notes.find_latecomer(lane));
        }
        self.is_empty()
    }

    /// Takes the marks away: the ring is looked at again. The calls that woke it began after `slept_until`.
    pub(crate) fn rouse(&mut self, slept_until: Duration) {
        for (lane, notes) in self.lanes.iter().zip(&mut self.notes) {
            notes.current.at = notes.current.at.max(slept_until);
            lane.current.store(notes.current.bucket, Ordering::Relaxed);
        }
    }
}

impl Notes {
    /// Takes the buckets that ran empty out of use; how long the longest of their calls can have taken.
    fn retire(&mut self, lane: &Lane, now: Duration) -> Option<Duration> {
        let mut longest = None;
        self.older.retain(|opened| {
            let busy = lane.calls(opened.bucket) > 0;
            if !busy {
                longest = longest.max(Some(now.saturating_sub(opened.at)).filter(|_| !opened.written_off));
                self.free.push_back(Opened { written_off: false, ..*opened });
            }
            busy
        });
        longest
    }

    /// Looks at one bucket out of use: a thread may have joined it late.
    fn find_latecomer(&mut self, lane: &Lane) {
        if let Some(opened) = self.free.pop_front() {
            if lane.calls(opened.bucket) == 0 {
                self.free.push_back(opened);
            } else {
                let place = self.older.partition_point(|other| other.at <= opened.at);
                self.older.insert(place, opened);
            }
        }
    }

    /// Opens a new bucket if the current one has been open for `width`; an empty one just starts anew.
    fn turn(&mut self, lane: &Lane, now: Duration, width: Duration) {
        if lane.calls(self.current.bucket) == 0 {
            self.current.at = now;
        } else if now.saturating_sub(self.current.at) >= width
            && let Some(next) = self.free.pop_front()
        {
            lane.current.store(next.bucket, Ordering::Relaxed);
            self.older.push_back(std::mem::replace(&mut self.current, Opened { at: now, ..next }));
        }
    }

    fn oldest(&self, lane: &Lane, now: Duration) -> Option<Duration> {
        let mut in_order = self.older.iter().chain([&self.current]);
        let oldest = in_order.find(|opened| !opened.written_off && lane.calls(opened.bucket) > 0)?;
        Some(now.saturating_sub(oldest.at))
    }

    fn calls(&self, lane: &Lane) -> usize {
        self.older.iter().chain([&self.current]).map(|opened| lane.calls(opened.bucket)).sum()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A thread that read `current`, was preempted until that bucket was out of use, and only then joined it.
    #[test]
    fn a_thread_preempted_while_it_begins_is_found_and_never_looks_young() {
        let ms = Duration::from_millis;
        let (calls, mut watch) = InFlight::new(1, ms(640));
        let first = calls.begin();
        watch.tick(ms(10));
        watch.tick(ms(20));
        drop(first);
        watch.tick(ms(30));
        let late = Guard { _bucket: Some(Counted::clone(&calls.lanes[0].buckets[0])) };
        for tick in 4..4 + BUCKETS as u64 * u64::from(LATE_LOOK) {
            watch.tick(ms(tick * 10));
        }
        assert_eq!(watch.len(), 1);
        assert!(watch.oldest_age() >= Some(ms(640)), "{:?}", watch.oldest_age());
        drop(late);
        assert_eq!(watch.tick(ms(10_000)).oldest, None);
    }
}
