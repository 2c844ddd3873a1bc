//! The whole stack, as `composing.md` has it: a good day, a stuck partition, and the way back.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use circuit::{Circuits, Decision, SwitchBoard, Words};
use degrade::early_drop::Tally as Dropped;
use degrade::shed::{Limits, Priority, Tally as Shed};
use degrade::{
    BulkheadLayer, ByPartition, DeadlineLayer, DegradeLayer, EarlyDropLayer, Problem, Proof, ProvenLayer,
    RescueLayer, ShadowLayer, ShedLayer, TrackLayer, bulkhead, shadow,
};
use http::{Response, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt, service_fn};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const BUDGET: Duration = ms(300);

#[derive(Clone, Copy)]
struct Ask {
    partition: usize,
    fee_age: Option<Duration>,
    deadline: Instant,
}

impl Ask {
    fn of(partition: usize) -> Self {
        Self { partition, fee_age: Some(ms(1_000)), deadline: Instant::now() + BUDGET }
    }

    fn budget(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

type Answered = Result<Response<String>, Problem>;

struct World {
    stack: BoxCloneSyncService<Ask, Response<String>, Infallible>,
    circuits: Circuits,
    switches: SwitchBoard,
    stuck: Arc<AtomicBool>,
    proof: Proof,
    bulkhead: bulkhead::Tally,
    dropped: Dropped,
    shed: Shed,
    began: Instant,
}

/// Two partitions; the second one can be stuck. A hundred places, of which quotes may fill seventy.
fn world() -> World {
    let words = Words { degraded: "quotes now computed locally", restored: "quotes over Kafka again" };
    let circuits = Circuits::new(["q-0", "q-1"], words, circuit::Settings::default(), 1);
    let circuits = circuits.expect("the defaults are valid");
    let (partition, budget) = (|ask: &Ask| ask.partition, |ask: &Ask| ask.budget());
    let stuck = Arc::new(AtomicBool::new(false));
    let broker = Arc::clone(&stuck);
    let over_kafka = service_fn(move |ask: Ask| {
        let hangs = ask.partition == 1 && broker.load(Relaxed);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Answered::Ok(Response::new("12.50 by kafka".to_owned()))
        }
    });
    let locally = service_fn(async |_: Ask| {
        tokio::time::sleep(ms(5)).await;
        Answered::Ok(Response::new("12.50 by hand".to_owned()))
    });

    let proof = Proof::new(shadow::Settings { one_in: 1, ..shadow::Settings::default() }, |_| {});
    let proof = proof.expect("they are in bounds");
    let bulkhead = BulkheadLayer::new(bulkhead::Settings::default(), |ask: &Ask| ask.fee_age);
    let bulkhead = bulkhead.expect("the defaults are valid");
    let early_drop = EarlyDropLayer::new(budget, ms(1));
    let shed = ShedLayer::new(Limits::of(100), ms(1_000), |_: &Ask| Priority::Quote);
    let shed = shed.expect("the limits are in order");
    let (tallies, served) = ((early_drop.tally(), shed.tally()), bulkhead.tally());

    let fallback = ServiceBuilder::new()
        .map_err(Problem::from)
        .layer(ProvenLayer::new(proof.clone()))
        .layer(bulkhead)
        .layer(DeadlineLayer::new(|_: &Ask| ms(50)))
        .service(locally);
    let stack = ServiceBuilder::new()
        .layer(RescueLayer::new(|error| Problem::from(error).into_response()))
        .layer(early_drop)
        .layer(DeadlineLayer::new(budget))
        .layer(shed)
        .layer(DegradeLayer::new(fallback, ByPartition::new(circuits.switches(), partition)))
        .layer(ShadowLayer::new(
            locally,
            |answer: &Response<String>| answer.body()[..5].to_owned(),
            proof.clone(),
        ))
        .layer(TrackLayer::new(circuits.unanswered(), partition))
        .service(over_kafka);
    World {
        stack: BoxCloneSyncService::new(stack),
        switches: circuits.switches(),
        circuits,
        stuck,
        proof,
        bulkhead: served,
        dropped: tallies.0,
        shed: tallies.1,
        began: Instant::now(),
    }
}

impl World {
    async fn ask(&self, ask: Ask) -> Response<String> {
        let Ok(response) = self.stack.clone().oneshot(ask).await;
        response
    }

    /// As many calls at the same time; how many ended with each status.
    async fn crowd(&self, partition: usize, size: usize) -> (usize, usize) {
        let ask = Ask::of(partition);
        let calls: JoinSet<_> = (0..size).map(|_| self.stack.clone().oneshot(ask)).collect();
        let answers = calls.join_all().await;
        let with = |status| answers.iter().flatten().filter(|answer| answer.status() == status).count();
        (with(StatusCode::OK), with(StatusCode::SERVICE_UNAVAILABLE))
    }

    /// Lets time pass, with the watchdog looking every 10 ms; heartbeats come back at once while nothing is stuck.
    async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            advance(ms(10)).await;
            let now = self.began.elapsed();
            self.circuits.watch(now);
            for beat in self.circuits.heartbeats_due(now) {
                if beat.partition == 0 || !self.stuck.load(Relaxed) {
                    self.circuits.heartbeat_returned(beat, now);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_gets_stuck_and_heals_and_every_caller_has_an_answer() {
    let mut world = world();
    assert_eq!(world.ask(Ask::of(1)).await.body(), "12.50 by kafka");
    world.pass(ms(100)).await;
    assert_eq!(world.proof.counts().agreed, 1, "the fallback was proven on the side");

    world.stuck.store(true, Relaxed);
    let stack = world.stack.clone();
    let unlucky = tokio::spawn(stack.oneshot(Ask::of(1)));
    world.pass(ms(250)).await;
    assert_eq!(world.switches.decide(1), Decision::Fallback, "one call that hangs is enough");
    assert_eq!(world.ask(Ask::of(1)).await.body(), "12.50 by hand");
    assert_eq!(world.ask(Ask::of(0)).await.body(), "12.50 by kafka", "the other partition is not degraded");
    let Ok(unlucky) = unlucky.await.expect("it does not panic");
    assert_eq!(unlucky.status(), StatusCode::GATEWAY_TIMEOUT, "it may have been produced");

    world.stuck.store(false, Relaxed);
    world.pass(ms(5_000)).await;
    assert_eq!(world.ask(Ask::of(1)).await.body(), "12.50 by kafka");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_at_a_stuck_partition_is_served_up_to_the_limits_and_never_beyond() {
    let mut world = world();
    world.ask(Ask::of(1)).await;
    world.pass(ms(100)).await;
    world.switches.set(1, Decision::Fallback);
    let (served, refused) = world.crowd(1, 200).await;
    assert_eq!((served, refused), (64, 136), "all at once; none waits");

    let (counts, shed) = (world.bulkhead.counts(), world.shed.counts());
    assert_eq!((counts.admitted, counts.full, shed.shed(Priority::Quote)), (64, 136, 0));
    assert_eq!((counts.in_flight_max, counts.age_max), (64, ms(1_000)), "none was served beyond a limit");
    assert_eq!((counts.in_flight, shed.in_flight), (0, 0), "and every place was given back");
    assert_eq!(world.crowd(0, 50).await, (50, 0), "the healthy partition has its room");
}

#[tokio::test(start_paused = true)]
async fn nothing_to_compute_from_is_a_refusal_and_a_caller_who_is_late_is_not_begun() {
    let mut world = world();
    world.ask(Ask::of(1)).await;
    world.pass(ms(100)).await;
    world.switches.set(1, Decision::Fallback);
    let refused = world.ask(Ask { fee_age: None, ..Ask::of(1) }).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");

    let late = Ask::of(0);
    advance(BUDGET).await;
    assert_eq!(world.ask(late).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.dropped.counts().passed, 1);
}
