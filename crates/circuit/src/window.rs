//! Sliding windows, in constant space.
//!
//! A window is cut into [`SLOTS`] slots that expire one by one, so a sample counts for between five sixths of the
//! window and the whole of it.

use std::time::Duration;

use crate::time::nanos;

const SLOTS: usize = 6;

#[derive(Debug, Clone, Copy, Default)]
struct Slot<T> {
    number: u64,
    value: T,
}

/// What was gathered in about the last `window`, slot by slot.
#[derive(Debug)]
pub(crate) struct Sliding<T> {
    slot_ns: u64,
    slots: [Slot<T>; SLOTS],
}

impl<T: Copy + Default> Sliding<T> {
    pub(crate) fn new(window: Duration) -> Self {
        Self { slot_ns: (nanos(window) / SLOTS as u64).max(1), slots: [Slot::default(); SLOTS] }
    }

    fn number(&self, now: Duration) -> u64 {
        nanos(now) / self.slot_ns
    }

    /// The slot of this moment, empty at first.
    pub(crate) fn slot(&mut self, now: Duration) -> &mut T {
        let number = self.number(now);
        let slot = &mut self.slots[(number % SLOTS as u64) as usize];
        if slot.number != number {
            *slot = Slot { number, value: T::default() };
        }
        &mut slot.value
    }

    /// The slots that still count.
    pub(crate) fn live(&self, now: Duration) -> impl Iterator<Item = &T> {
        let oldest = self.number(now).saturating_sub(SLOTS as u64 - 1);
        self.slots.iter().filter(move |slot| slot.number >= oldest).map(|slot| &slot.value)
    }

    pub(crate) fn clear(&mut self) {
        self.slots = [Slot::default(); SLOTS];
    }
}

/// The largest sample of about the last `window`, to the nanosecond.
#[derive(Debug)]
pub(crate) struct WindowedMax(Sliding<u64>);

impl WindowedMax {
    pub(crate) fn new(window: Duration) -> Self {
        Self(Sliding::new(window))
    }

    pub(crate) fn record(&mut self, sample: Duration, now: Duration) {
        let max = self.0.slot(now);
        *max = nanos(sample).max(*max);
    }

    /// Zero while there is no sample.
    pub(crate) fn max(&self, now: Duration) -> Duration {
        Duration::from_nanos(self.0.live(now).copied().max().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_counts_until_its_window_has_passed() {
        let (s, ms) = (Duration::from_secs, Duration::from_millis);
        let mut window = WindowedMax::new(s(60));
        assert_eq!(window.max(s(1)), Duration::ZERO);
        window.record(ms(90), s(5));
        window.record(ms(20), s(31));
        assert_eq!(window.max(s(59)), ms(90));
        assert_eq!(window.max(s(61)), ms(20));
        assert_eq!(window.max(s(200)), Duration::ZERO);
    }
}
