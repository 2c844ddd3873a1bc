//! The maximum of a sliding window, in constant space.
//!
//! The window is cut into [`SLOTS`] slots that expire one by one, so a sample counts for between five sixths of the
//! window and the whole of it.

use std::time::Duration;

const SLOTS: usize = 6;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    number: u64,
    max: Duration,
}

/// The largest sample of about the last `window`.
#[derive(Debug)]
pub(crate) struct WindowedMax {
    slot_ns: u128,
    slots: [Slot; SLOTS],
}

impl WindowedMax {
    pub(crate) fn new(window: Duration) -> Self {
        Self { slot_ns: (window.as_nanos() / SLOTS as u128).max(1), slots: [Slot::default(); SLOTS] }
    }

    fn number(&self, now: Duration) -> u64 {
        u64::try_from(now.as_nanos() / self.slot_ns).unwrap_or(u64::MAX)
    }

    pub(crate) fn record(&mut self, sample: Duration, now: Duration) {
        let number = self.number(now);
        let slot = &mut self.slots[(number % SLOTS as u64) as usize];
        if slot.number != number {
            *slot = Slot { number, max: Duration::ZERO };
        }
        slot.max = slot.max.max(sample);
    }

    /// Zero while there is no sample.
    pub(crate) fn max(&self, now: Duration) -> Duration {
        let oldest = self.number(now).saturating_sub(SLOTS as u64 - 1);
        self.slots.iter().filter(|slot| slot.number >= oldest).map(|slot| slot.max).max().unwrap_or_default()
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
