//! How long after the first thing that hangs its partition flips, over the real layers and on a real clock.
//!
//! Twelve partitions are called at random through the flip and the in-flight age, while a watchdog looks every 9 ms and
//! sends heartbeats, as in a service. At a random moment one partition stops: neither its calls nor its heartbeats end. The
//! time is from the beginning of the first of them to the end of the look that flipped the switch.
//!
//! Target: 200 ms and a tick, at 2,000 calls/s and at 20. What is exact is shown on a simulated clock (`flip` of the tests of
//! `circuit`); this adds what a runtime and a machine add.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use circuit::{Beat, Circuits, LOOK_EVERY, Settings, Words};
use degrade::{ByPartition, DegradeLayer, Reject, TrackLayer};
use tokio::time::{MissedTickBehavior, sleep};
use tower::{Layer, Service, ServiceExt as _, service_fn};

const WORDS: Words =
    Words { degraded: "calls are answered without Kafka", restored: "calls over Kafka again" };
const PARTITIONS: usize = 12;
const STUCK: usize = 5;
const TICK: Duration = Duration::from_millis(10);
/// What a healthy call takes, and a heartbeat.
const HEALTHY: Duration = Duration::from_millis(3);
/// So long nothing hangs.
const CALM: Duration = Duration::from_millis(300);
const FLIPS: u64 = 60;

/// The partition that stops, and what it was asked first after that.
#[derive(Debug, Default)]
struct Fault {
    stopped: AtomicBool,
    call: OnceLock<Instant>,
    beat: OnceLock<Instant>,
}

impl Fault {
    fn hangs(&self, partition: usize, first: &OnceLock<Instant>) -> bool {
        let hangs = partition == STUCK && self.stopped.load(Relaxed);
        if hangs {
            first.get_or_init(Instant::now);
        }
        hangs
    }
}

/// splitmix64.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Calls at random times, each in a task of its own.
async fn load<S>(service: S, calls_per_s: u64, mut seed: u64)
where
    S: Service<usize, Future: Send> + Clone + Send + 'static,
    S::Response: Send,
    S::Error: Send,
{
    let mut next = tokio::time::Instant::now();
    loop {
        next += Duration::from_nanos(random(&mut seed) % (2_000_000_000 / calls_per_s));
        tokio::time::sleep_until(next).await;
        let partition = (random(&mut seed) % PARTITIONS as u64) as usize;
        tokio::spawn(service.clone().oneshot(partition));
    }
}

/// Looks until the partition flips; when that was.
async fn watch(mut circuits: Circuits, fault: Arc<Fault>) -> Instant {
    let (begun, mut beats) = (Instant::now(), Vec::<(Instant, Beat)>::new());
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        beats.retain(|(back, beat)| {
            let now = Instant::now();
            if now >= *back {
                circuits.heartbeat_acked(*beat, now - begun);
                circuits.heartbeat_returned(*beat, now - begun);
            }
            now < *back
        });
        let changes = circuits.watch(begun.elapsed());
        if let Some(change) = changes.iter().find(|change| change.to.is_tripped()) {
            assert_eq!(change.partition, STUCK, "{change}");
            return Instant::now();
        }
        for beat in circuits.heartbeats_due(begun.elapsed()) {
            if !fault.hangs(beat.partition, &fault.beat) {
                beats.push((Instant::now() + HEALTHY, beat));
            }
        }
    }
}

/// When it flipped: since the fault, and since the first call or heartbeat that hung.
struct Flip {
    fault: Duration,
    call: Option<Duration>,
    beat: Option<Duration>,
}

async fn flip(calls_per_s: u64, settings: Settings, mut seed: u64) -> Flip {
    let names = (0..PARTITIONS).map(|partition| format!("orders-{partition}"));
    let circuits = Circuits::new(names, WORDS, settings, seed).expect("valid settings");
    let fault = Arc::new(Fault::default());
    let asked = Arc::clone(&fault);
    let over_kafka = service_fn(move |partition: usize| {
        let hangs = asked.hangs(partition, &asked.call);
        async move {
            if hangs {
                pending::<()>().await;
            }
            sleep(HEALTHY).await;
            Ok::<_, Infallible>(())
        }
    });
    let partition: fn(&usize) -> usize = |partition| *partition;
    let tracked = TrackLayer::new(circuits.unanswered(), partition).layer(over_kafka);
    let refuse = Reject::new(|_: usize| Ok::<_, Infallible>(()));
    let layers = DegradeLayer::new(refuse, ByPartition::new(circuits.switches(), partition)).layer(tracked);
    let calling = tokio::spawn(load(layers, calls_per_s, seed));
    let watching = tokio::spawn(watch(circuits, Arc::clone(&fault)));
    sleep(CALM + Duration::from_micros(random(&mut seed) % 250_000)).await;
    let struck = Instant::now();
    fault.stopped.store(true, Relaxed);
    let flipped = watching.await.expect("it does not panic");
    calling.abort();
    let since = |first: &OnceLock<Instant>| first.get().map(|first| flipped - *first);
    Flip { fault: flipped - struck, call: since(&fault.call), beat: since(&fault.beat) }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// The median and the highest.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    match times.as_slice() {
        [] => "never".to_owned(),
        all => format!(
            "{} times, median {:.1} ms, max {:.1} ms",
            all.len(),
            ms(all[all.len() / 2]),
            ms(all[all.len() - 1])
        ),
    }
}

async fn flips(name: &str, calls_per_s: u64, settings: Settings) {
    let (mut calls, mut beats, mut fault) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..FLIPS {
        let flip = flip(calls_per_s, settings.clone(), seed).await;
        fault.push(flip.fault);
        // A call looks older than it is by a bucket's width and a look at most.
        match flip.call.filter(|since| *since + 2 * TICK >= settings.age_floor) {
            Some(since) => calls.push(since),
            None => beats.extend(flip.beat),
        }
    }
    println!("{calls_per_s} calls/s, {name}");
    println!("  by a call that hung:     {}", spread(calls));
    println!("  by a heartbeat:          {}", spread(beats));
    println!("  since the fault, all:    {}", spread(fault));
}

/// A heartbeat is lost as early as a call is stuck.
fn keen() -> Settings {
    let limit = Settings::default().age_floor;
    Settings { close_timeout: limit, heartbeat_floor: limit, probe_deadline: limit, ..Settings::default() }
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        tokio::join!(
            flips("defaults", 2_000, Settings::default()),
            flips("defaults", 20, Settings::default()),
            flips("heartbeats of 200 ms", 20, keen()),
        )
    });
}
