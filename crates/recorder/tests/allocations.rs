//! The record path allocates nothing.

use std::time::Duration;

use recorder::{Latencies, Outcome, Phase, Recorder};

#[test]
fn recording_what_was_touched_before_allocates_nothing() {
    let mut recorder = Recorder::new();
    recorder.pretouch(&Outcome::ALL);
    let mut lag = Latencies::new();
    let allocations = allocation_counter::measure(|| {
        for us in 1..10_000_u64 {
            let outcome = Outcome::ALL[us as usize % Outcome::COUNT];
            let phase = Phase::ALL[us as usize % Phase::COUNT];
            let response = Duration::from_micros(us * us * 97);
            recorder.record(phase, outcome, response, (us % 3 > 0).then_some(response / 2));
            lag.record(response / 3);
        }
    });
    assert_eq!(allocations.count_total, 0, "{allocations:?}");
    assert_eq!((recorder.total(), lag.count()), (9_999, 9_999));
}
