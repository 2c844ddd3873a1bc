//! Speed, printed as ratios: `cargo bench -p benches`, or one of them with `--bench NAME`.
//!
//! | bench | question |
//! |---|---|
//! | `round_trip` | produce -> consume through rdkafka: the embedded cluster against librdkafka's mock cluster |
//! | `order_path` | HTTP -> 201 over Kafka, healthy, at 200 orders/s |
//! | `start_up` | how soon the embedded cluster serves, small and large, and what it holds |
//! | `closed_path` | what the layers of `degrade` add to a call that is admitted, and to one that is refused, beside three breakers |
//! | `record_path` | what it costs the load generator to record one request |
//!
//! The machines are shared: what is compared runs interleaved in one process, and medians are printed.

use std::time::Duration;

/// The value at quantile `q` of 0 to 1. Sorts.
///
/// # Panics
/// On an empty slice.
#[must_use]
pub fn quantile(samples: &mut [Duration], q: f64) -> Duration {
    samples.sort_unstable();
    let last = samples.len() - 1;
    samples[((last as f64 * q).round() as usize).min(last)]
}

/// As milliseconds with two decimals.
#[must_use]
pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
