//! Observations by the second of their intended start, each second given out as a whole once it is closed.
//!
//! The bound: 12 bytes for each request of the seconds that are still open, which are those of the last deadline and
//! drain; a request that hangs keeps its second open and the later ones waiting for it, so that they come in order.

use std::collections::VecDeque;
use std::time::Duration;

use loadgen::Observation;
use recorder::{Outcome, Phase};

/// The length of an interval.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// What is kept of an observation until its interval closes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brief {
    response_us: u32,
    /// `u32::MAX` where it was never sent.
    service_us: u32,
    kind: u8,
    pub(crate) phase: Phase,
    pub(crate) outcome: Outcome,
}

impl Brief {
    pub(crate) fn of(seen: &Observation<'_>, phase: Phase) -> Self {
        let us = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX - 1);
        Self {
            response_us: us(seen.response),
            service_us: seen.service.map_or(u32::MAX, us),
            kind: u8::try_from(seen.kind).expect("a mix has at most 256 kinds"),
            phase,
            outcome: seen.outcome,
        }
    }

    pub(crate) fn kind(&self) -> usize {
        usize::from(self.kind)
    }

    pub(crate) fn response(&self) -> Duration {
        Duration::from_micros(u64::from(self.response_us))
    }

    pub(crate) fn service(&self) -> Option<Duration> {
        (self.service_us != u32::MAX).then(|| Duration::from_micros(u64::from(self.service_us)))
    }
}

/// The intervals in which something may still be open.
#[derive(Debug, Default)]
pub(crate) struct OpenIntervals {
    /// The number of the first of them.
    first: u64,
    open: VecDeque<Vec<Brief>>,
}

impl OpenIntervals {
    /// Notes what was intended in interval `index`, which is not closed yet.
    pub(crate) fn note(&mut self, index: u64, brief: Brief) {
        let place = index.saturating_sub(self.first) as usize;
        while self.open.len() <= place {
            // The next second is most likely much like the one before.
            let like = self.open.back().map_or(0, Vec::len);
            self.open.push_back(Vec::with_capacity(like));
        }
        self.open[place].push(brief);
    }

    /// The first interval if it is before `index`: its number and all that was intended in it, which may be nothing.
    pub(crate) fn close_before(&mut self, index: u64) -> Option<(u64, Vec<Brief>)> {
        if self.first >= index {
            return None;
        }
        let Some(closed) = self.open.pop_front() else {
            self.first = index;
            return None;
        };
        self.first += 1;
        Some((self.first - 1, closed))
    }
}
