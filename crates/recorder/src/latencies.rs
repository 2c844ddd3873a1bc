//! One HDR histogram of durations.
//!
//! Microseconds inside, 1 us to 1 h, three significant digits. The bound: a duration outside the range is recorded at
//! the nearest end; one that was longer is counted as saturated, so that a clamped maximum never passes for a measured
//! one. About 190 KB each, whatever is recorded.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use crate::summary::Percentiles;

/// The longest latency that is told apart from a longer one.
pub const LATENCY_MAX: Duration = Duration::from_hours(1);

const US_MIN: u64 = 1;
const US_MAX: u64 = LATENCY_MAX.as_secs() * US_PER_S;
const US_PER_S: u64 = 1_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Durations, counted by size. Serialized as what it counted, in HdrHistogram's V2 format, so that parts of a run that
/// were recorded elsewhere can be merged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "Packed", try_from = "Packed")]
pub struct Latencies {
    histogram: Histogram<u64>,
    saturated: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// An empty histogram, with all the memory that it will ever use.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(US_MIN, US_MAX, SIGNIFICANT_DIGITS)
            .expect("the constant bounds are valid for an HDR histogram");
        Self { histogram, saturated: 0 }
    }

    /// Counts one duration. Allocates nothing.
    pub fn record(&mut self, latency: Duration) {
        self.record_many(latency, 1);
    }

    /// Counts so many of one duration. Allocates nothing.
    pub fn record_many(&mut self, latency: Duration, count: u64) {
        // `as_micros` would divide 128 bits.
        let us = latency.as_secs().saturating_mul(US_PER_S).saturating_add(latency.subsec_micros().into());
        if us > US_MAX {
            self.saturated += count;
        }
        self.histogram.saturating_record_n(us.clamp(US_MIN, US_MAX), count);
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("both histograms have the same bounds");
        self.saturated += other.saturated;
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        // A histogram costs its whole size to wipe; most of a recorder's are empty.
        if !self.histogram.is_empty() {
            self.histogram.reset();
        }
        self.saturated = 0;
    }

    pub(crate) fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// How many durations were longer than [`LATENCY_MAX`] and are counted as that.
    pub fn saturated(&self) -> u64 {
        self.saturated
    }

    /// How many durations were longer than `limit`, within the histogram's precision.
    pub fn count_above(&self, limit: Duration) -> u64 {
        let us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        if us >= US_MAX { 0 } else { self.histogram.count_between(us + 1, US_MAX) }
    }

    /// The duration that a share `quantile` (0 to 1) of all stayed within; zero when empty.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.histogram.value_at_quantile(quantile))
    }

    /// The longest duration, within the histogram's precision; zero when empty.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.histogram.max())
    }

    /// The percentiles in milliseconds; `None` when nothing was counted.
    pub fn percentiles(&self) -> Option<Percentiles> {
        (self.count() > 0).then(|| Percentiles {
            p50: ms(self.quantile(0.5)),
            p90: ms(self.quantile(0.9)),
            p99: ms(self.quantile(0.99)),
            p999: ms(self.quantile(0.999)),
            max: ms(self.max()),
        })
    }
}

/// A histogram on its way.
#[derive(Serialize, Deserialize)]
struct Packed {
    saturated: u64,
    hdr: String,
}

impl From<Latencies> for Packed {
    fn from(from: Latencies) -> Self {
        let mut bytes = Vec::new();
        let packed = V2DeflateSerializer::new().serialize(&from.histogram, &mut bytes);
        packed.expect("a histogram of these bounds has a form, and memory takes it");
        Self { saturated: from.saturated, hdr: STANDARD.encode(bytes) }
    }
}

impl TryFrom<Packed> for Latencies {
    type Error = String;

    fn try_from(Packed { saturated, hdr }: Packed) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("no histogram: {error}");
        let bytes = STANDARD.decode(hdr).map_err(|error| wrong(&error))?;
        let read = Deserializer::new().deserialize::<u64, _>(&mut bytes.as_slice());
        let read = read.map_err(|error| wrong(&error))?;
        let mut latencies = Self::new();
        latencies.histogram.add(read).map_err(|error| wrong(&error))?;
        latencies.saturated = saturated;
        Ok(latencies)
    }
}

/// From whole microseconds, so that it prints as three decimals and not as a float's neighbour of them.
fn ms(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_arrives_as_it_was() {
        let mut latencies = Latencies::new();
        (1..2_000_u64).for_each(|us| latencies.record(Duration::from_micros(us * us * us)));
        let arrived: Latencies = serde_json::from_str(&serde_json::to_string(&latencies).unwrap()).unwrap();
        assert_eq!(arrived.histogram, latencies.histogram);
        assert_eq!(
            (arrived.saturated(), arrived.percentiles()),
            (latencies.saturated(), latencies.percentiles())
        );
        assert!(serde_json::from_str::<Latencies>(r#"{"saturated":0,"hdr":"bm9uZQ=="}"#).is_err());
    }

    #[test]
    fn longer_than_an_hour_is_clamped_and_counted() {
        let mut latencies = Latencies::new();
        latencies.record(LATENCY_MAX);
        latencies.record(LATENCY_MAX + Duration::from_micros(1));
        latencies.record(Duration::MAX);
        assert_eq!((latencies.count(), latencies.saturated()), (3, 2));
        assert!(latencies.max() >= LATENCY_MAX && latencies.max() < LATENCY_MAX.mul_f64(1.001));
    }

    #[test]
    fn below_a_microsecond_is_one_microsecond() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::ZERO);
        assert_eq!(latencies.max(), Duration::from_micros(1));
        assert_eq!(latencies.saturated(), 0);
    }

    #[test]
    fn an_empty_histogram_has_no_percentiles() {
        assert_eq!(Latencies::new().percentiles(), None);
    }
}
