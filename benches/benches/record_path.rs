//! What it costs the load generator to record one request: response and service time in the histograms of its phase and
//! outcome. The target is 10 ns.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use recorder::{Latencies, Outcome, Phase, Recorder};

/// Response times as of a service with a long tail, so that buckets far apart are touched.
fn times() -> Vec<Duration> {
    (0..4096_u64).map(|n| Duration::from_micros(80 + n * 7919 % 400 + (n % 97 / 96) * 50_000)).collect()
}

fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    let times = times();
    let mut next = (0..times.len()).cycle();
    let mut next = move || next.next().map_or(Duration::ZERO, |index| times[index]);

    let mut latencies = Latencies::new();
    group.bench_function("one time", |b| b.iter(|| latencies.record(black_box(next()))));

    let mut recorder = Recorder::new();
    recorder.pretouch(&[Outcome::Ok]);
    group.bench_function("one request: response and service time", |b| {
        b.iter(|| {
            let response = black_box(next());
            recorder.record(Phase::Before, Outcome::Ok, response, Some(response / 2));
        });
    });
    group.finish();
}

criterion_group!(benches, records);
criterion_main!(benches);
