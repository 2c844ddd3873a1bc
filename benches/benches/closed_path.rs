//! What the degradation layers add to a call: admitted, admitted and tracked, refused.

use std::convert::Infallible;
use std::future::Ready;
use std::hint::black_box;

use circuit::{Circuits, Decision, Settings, SwitchBoard, Words};
use criterion::{Criterion, criterion_group, criterion_main};
use degrade::{ByPartition, DegradeLayer, Reject, TrackLayer};
use futures::FutureExt as _;
use tower::{Layer, Service, service_fn};

const WORDS: Words =
    Words { degraded: "calls are answered without Kafka", restored: "calls over Kafka again" };

fn bare()
-> impl Service<usize, Response = usize, Error = Infallible, Future = Ready<Result<usize, Infallible>>> + Clone
{
    service_fn(|request: usize| std::future::ready(Ok::<_, Infallible>(request)))
}

fn call<S: Service<usize, Response = usize>>(service: &mut S) -> usize
where
    S::Error: std::fmt::Debug,
{
    let answered = service.call(black_box(3)).now_or_never();
    answered.expect("nothing here waits").expect("nothing here fails")
}

fn paths(criterion: &mut Criterion) {
    let circuits = Circuits::new((0..12).map(|p| format!("orders-{p}")), WORDS, Settings::default(), 1)
        .expect("the defaults are valid");
    let reject = || Reject::new(|request: usize| Ok::<_, Infallible>(request));
    let by_partition = |switches: SwitchBoard| ByPartition::new(switches, |request: &usize| *request);

    let mut group = criterion.benchmark_group("call");
    let mut service = bare();
    group.bench_function("bare", |bencher| bencher.iter(|| call(&mut service)));

    let mut service = DegradeLayer::new(reject(), by_partition(circuits.switches())).layer(bare());
    group.bench_function("degrade, admitted", |bencher| bencher.iter(|| call(&mut service)));

    let tracked = TrackLayer::new(circuits.unanswered(), |request: &usize| *request).layer(bare());
    let mut service = DegradeLayer::new(reject(), by_partition(circuits.switches())).layer(tracked);
    group.bench_function("degrade and track, admitted", |bencher| bencher.iter(|| call(&mut service)));

    let open = SwitchBoard::new(12);
    open.set(3, Decision::Fallback);
    let mut service = DegradeLayer::new(reject(), by_partition(open)).layer(bare());
    group.bench_function("degrade, refused", |bencher| bencher.iter(|| call(&mut service)));
    group.finish();
}

criterion_group!(benches, paths);
criterion_main!(benches);
