//! One intended request that ended, as its worker hands it over.

use std::time::Duration;

use http::StatusCode;
use recorder::{LATENCY_MAX, Outcome};

use crate::Observation;
use crate::classify::Executed;

/// What is said of a service time that there is none: it was never sent.
pub(crate) const UNSENT: u32 = u32::MAX;

const LATENCY_MAX_NS: u64 = LATENCY_MAX.as_nanos() as u64;

/// One request and how it ended, compact: there are many of them in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Landed {
    /// After the start of the schedule.
    pub(crate) intended_ns: u64,
    pub(crate) k: u32,
    pub(crate) response_us: u32,
    /// [`UNSENT`] when it was never sent.
    pub(crate) service_us: u32,
    /// How late the generator was to begin with it.
    pub(crate) lag_us: u32,
    /// The HTTP status; 0 without an answer.
    pub(crate) status: u16,
    pub(crate) kind: u8,
    pub(crate) outcome: Outcome,
    pub(crate) executed: Executed,
}

impl Landed {
    /// Of an observation that came from one.
    pub(crate) fn of(it: &Observation<'_>) -> Self {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self {
            intended_ns: ns(it.intended),
            k: u32::try_from(it.k).expect("a schedule has fewer requests"),
            response_us: us(ns(it.response)),
            service_us: it.service.map_or(UNSENT, |service| us(ns(service))),
            lag_us: us(ns(it.lag)),
            status: it.status.map_or(0, |status| status.as_u16()),
            kind: u8::try_from(it.kind).expect("a mix has at most 256 kinds"),
            outcome: it.outcome,
            executed: it.executed,
        }
    }

    /// When it ended, after the start of the schedule.
    pub(crate) fn seen_ns(&self) -> u64 {
        self.intended_ns.saturating_add(u64::from(self.response_us) * 1_000)
    }

    /// The same for a caller; `label` is that of its kind.
    pub(crate) fn observation<'a>(&self, label: &'a str) -> Observation<'a> {
        Observation {
            k: u64::from(self.k),
            label,
            kind: usize::from(self.kind),
            intended: Duration::from_nanos(self.intended_ns),
            response: from_us(self.response_us),
            service: (self.service_us != UNSENT).then(|| from_us(self.service_us)),
            lag: from_us(self.lag_us),
            outcome: self.outcome,
            executed: self.executed,
            status: StatusCode::from_u16(self.status).ok(),
        }
    }
}

/// Whole microseconds, up to the recorder's bound.
pub(crate) fn us(time_ns: u64) -> u32 {
    u32::try_from(time_ns.min(LATENCY_MAX_NS) / 1_000).expect("an hour in microseconds fits into 32 bits")
}

pub(crate) fn from_us(us: u32) -> Duration {
    Duration::from_micros(u64::from(us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_compact() {
        assert_eq!(size_of::<Landed>(), 32);
    }
}
