//! What protection costs a call, from one thread and from two at once: ours beside the breakers that people can install.
//!
//! Everything is asked for readiness, called, and polled to its end, and nothing inside waits: what is measured is the
//! layers, and what their locks cost when two threads meet.
//! Targets: the whole degrade layer (the flip and the in-flight age) over a bare service 25 ns, from two threads too; a
//! rejection 10 ns; the full stack of layers 200 ns.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use circuit::{Circuits, Decision, Settings, SwitchBoard, Words};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use degrade::shed::{Limits, Priority};
use degrade::{
    ByPartition, DeadlineLayer, DegradeLayer, EarlyDropLayer, Proof, ProvenLayer, Reject, RescueLayer,
    ShadowLayer, ShedLayer, TrackLayer, shadow,
};
use recloser::{AsyncRecloser, Recloser};
use tokio::runtime::Runtime;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

const WORDS: Words =
    Words { degraded: "calls are answered without Kafka", restored: "calls over Kafka again" };

/// The partition of every call; a request is its partition.
const PARTITION: usize = 3;
const PARTITIONS: usize = 12;

/// One shadow in so many calls is none.
const NEVER: u32 = 1_000_000;

/// A peer is kept open for longer than a run.
const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

fn bare()
-> impl Service<usize, Response = usize, Error = Infallible, Future = Ready<Result<usize, Infallible>>>
+ Clone
+ Send {
    service_fn(|request: usize| ready(Ok::<_, Infallible>(request)))
}

fn partition(request: &usize) -> usize {
    *request
}

/// One call, to its end.
#[inline]
fn call<S: Service<usize>>(service: &mut S) -> Result<S::Response, S::Error> {
    let mut cx = Context::from_waker(Waker::noop());
    while service.poll_ready(&mut cx).is_pending() {}
    let mut answer = pin!(service.call(black_box(PARTITION)));
    loop {
        // Pending only where a lock inside is taken by the other thread.
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut cx) {
            return answer;
        }
    }
}

/// The time that `calls` calls take of each of two threads. Both are new, so that they have neighbouring lanes of the
/// in-flight ring, as the workers of a runtime have.
fn from_two_threads<S: Service<usize> + Clone + Send>(
    service: &S,
    runtime: &Runtime,
    calls: u64,
) -> Duration {
    let start = &Barrier::new(2);
    std::thread::scope(|scope| {
        let threads = [service.clone(), service.clone()].map(|mut service| {
            scope.spawn(move || {
                let _entered = runtime.enter();
                start.wait();
                let began = Instant::now();
                for _ in 0..calls {
                    drop(black_box(call(&mut service)));
                }
                began.elapsed()
            })
        });
        let took = threads.map(|thread| thread.join().expect("it does not panic"));
        took.into_iter().max().unwrap_or_default()
    })
}

struct Bench<'a> {
    title: &'static str,
    group: BenchmarkGroup<'a, WallTime>,
    runtime: &'a Runtime,
}

impl<'a> Bench<'a> {
    fn new(criterion: &'a mut Criterion, title: &'static str, runtime: &'a Runtime) -> Self {
        Self { title, group: criterion.benchmark_group(title), runtime }
    }

    /// From one thread, and from two. To have its instructions counted: `CALLS` times, if it is the `ONLY` one.
    fn of<S: Service<usize> + Clone + Send>(&mut self, name: &str, mut service: S) {
        let _entered = self.runtime.enter();
        if let Ok(only) = std::env::var("ONLY") {
            let calls = std::env::var("CALLS").map_or(0, |calls| calls.parse().expect("a number"));
            let calls = if only == format!("{}/{name}", self.title) { calls } else { 0 };
            return (0..calls).for_each(|_| drop(black_box(call(&mut service))));
        }
        let measured = service.clone();
        self.group.bench_function(BenchmarkId::new(name, "1 thread"), |bencher| {
            bencher.iter(|| drop(black_box(call(&mut service))));
        });
        self.group.bench_function(BenchmarkId::new(name, "2 threads"), |bencher| {
            bencher.iter_custom(|calls| from_two_threads(&measured, self.runtime, calls));
        });
    }
}

fn circuits() -> Circuits {
    Circuits::new((0..PARTITIONS).map(|p| format!("orders-{p}")), WORDS, Settings::default(), 1)
        .expect("the defaults are valid")
}

fn admitted(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime starts");
    let mut bench = Bench::new(criterion, "admitted", &runtime);
    let circuits = circuits();
    let refuse = || Reject::new(|request: usize| Ok::<_, Infallible>(request));
    let by_partition = || ByPartition::new(circuits.switches(), partition);
    let tracked = || TrackLayer::new(circuits.unanswered(), partition).layer(bare());

    bench.of("bare service", bare());
    bench.of("the flip alone", DegradeLayer::new(refuse(), by_partition()).layer(bare()));
    bench.of("whole degrade layer", DegradeLayer::new(refuse(), by_partition()).layer(tracked()));
    bench.of("full stack of layers", full_stack(&circuits, &runtime, shadow::Settings::default().one_in));

    let breaker = CircuitBreakerLayer::standard().build().expect("the preset is valid");
    bench.of("tower-resilience 0.14", breaker.layer(bare()));
    let breaker = AsyncRecloser::from(Recloser::default());
    bench
        .of("recloser 1.4", service_fn(move |request| breaker.call(ready(Ok::<usize, Infallible>(request)))));
    let breaker = failsafe::Config::new().build();
    let through = move |request| {
        failsafe::futures::CircuitBreaker::call(&breaker, ready(Ok::<usize, Infallible>(request)))
    };
    bench.of("failsafe 1.3", service_fn(through));
}

/// A proof that stands, as on any day but the first: every call of a fallback in doubt is shadowed.
async fn proven(one_in: u32) -> Proof {
    let settings = shadow::Settings { one_in, ..shadow::Settings::default() };
    let proof = Proof::new(settings, |_| {}).expect("they are in bounds");
    let mut service = ShadowLayer::new(bare(), |answer: &usize| *answer, proof.clone()).layer(bare());
    let Ok(_) = service.call(PARTITION).await;
    while proof.standing().is_err() {
        tokio::task::yield_now().await;
    }
    proof
}

/// Every layer in its place, as `degrade` says how to compose them; of so many calls one is shadowed.
fn full_stack(
    circuits: &Circuits,
    runtime: &Runtime,
    one_in: u32,
) -> impl Service<usize, Response = usize, Error = Infallible> + Clone + Send + use<> {
    let proof = runtime.block_on(proven(one_in));
    let fallback = ServiceBuilder::new()
        .map_err(|_| -> Infallible { unreachable!("the circuit is closed") })
        .layer(ProvenLayer::new(proof.clone()))
        .service(bare());
    let shed = ShedLayer::new(Limits::of(100), SECOND, |_: &usize| Priority::Quote);
    ServiceBuilder::new()
        .layer(RescueLayer::new(|_| 0))
        .layer(EarlyDropLayer::new(|_: &usize| SECOND, Duration::from_millis(1)))
        .layer(DeadlineLayer::new(|_: &usize| SECOND))
        .layer(shed.expect("the limits are in order"))
        .layer(DegradeLayer::new(fallback, ByPartition::new(circuits.switches(), partition)))
        .layer(ShadowLayer::new(bare(), |answer: &usize| *answer, proof))
        .layer(TrackLayer::new(circuits.unanswered(), partition))
        .service(bare())
}

fn refused(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime starts");
    let mut bench = Bench::new(criterion, "refused", &runtime);
    let fails = || service_fn(|_: usize| ready(Err::<usize, &str>("it fails")));

    let open = SwitchBoard::new(PARTITIONS);
    open.set(PARTITION, Decision::Fallback);
    let refuse = Reject::new(|_: usize| Err::<usize, &str>("refused"));
    bench.of(
        "whole degrade layer",
        DegradeLayer::new(refuse, ByPartition::new(open, partition)).layer(fails()),
    );

    let breaker = CircuitBreakerLayer::standard().wait_duration_in_open(HOUR).build();
    let breaker = breaker.expect("the preset is valid").layer(fails());
    runtime.block_on(breaker.force_open());
    bench.of("tower-resilience 0.14", breaker);

    let breaker = AsyncRecloser::from(Recloser::custom().closed_len(1).open_wait(HOUR).build());
    let mut breaker = service_fn(move |_| breaker.call(ready(Err::<usize, &str>("it fails"))));
    for _ in 0..3 {
        assert!(call(&mut breaker).is_err());
    }
    bench.of("recloser 1.4", breaker);

    let policy = failsafe::failure_policy::consecutive_failures(1, failsafe::backoff::constant(HOUR));
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    let through =
        move |_| failsafe::futures::CircuitBreaker::call(&breaker, ready(Err::<usize, &str>("it fails")));
    let mut breaker = service_fn(through);
    assert!(call(&mut breaker).is_err());
    bench.of("failsafe 1.3", breaker);
}

/// Each layer of the full stack around a bare service, to see what it costs and where two threads meet.
fn taken_apart(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime starts");
    let mut bench = Bench::new(criterion, "a layer of the full stack", &runtime);
    let circuits = circuits();
    let proof = runtime.block_on(proven(NEVER));
    let by_partition = ByPartition::new(circuits.switches(), partition);
    bench.of("all of them, no call shadowed", full_stack(&circuits, &runtime, NEVER));
    bench.of("rescue", RescueLayer::new(|never: Infallible| match never {}).layer(bare()));
    bench.of("early drop", EarlyDropLayer::new(|_: &usize| SECOND, Duration::from_millis(1)).layer(bare()));
    bench.of("deadline", DeadlineLayer::new(|_: &usize| SECOND).layer(bare()));
    let shed = ShedLayer::new(Limits::of(100), SECOND, |_: &usize| Priority::Quote);
    bench.of("shed", shed.expect("the limits are in order").layer(bare()));
    bench.of("degrade", DegradeLayer::new(bare(), by_partition).layer(bare()));
    bench.of("shadow", ShadowLayer::new(bare(), |answer: &usize| *answer, proof).layer(bare()));
    bench.of("track", TrackLayer::new(circuits.unanswered(), partition).layer(bare()));
}

criterion_group!(benches, admitted, taken_apart, refused);
criterion_main!(benches);
