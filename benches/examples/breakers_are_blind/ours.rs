//! A circuit of this project: the degrade layer, the guard of the answer, and the guard that travels with the record.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use circuit::{Circuits, Decision, Guard, LOOK_EVERY, Settings, Words};
use degrade::{ByPartition, DeadlineLayer, DegradeLayer, Reject, TrackLayer};
use tokio::task::JoinHandle;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use crate::row::{PATIENCE, Row, hang, watch};

const WORDS: Words = Words { degraded: "calls are refused", restored: "calls are admitted again" };

pub(crate) fn circuits(settings: Settings) -> anyhow::Result<Circuits> {
    Ok(Circuits::new(["orders-0"], WORDS, settings, 1)?)
}

/// The records that were produced and have no delivery report. They do not go away because their callers do.
type Produced = Arc<Mutex<Vec<Guard>>>;

async fn through(who: &'static str, settings: Settings, patience: Duration) -> anyhow::Result<Row> {
    let circuits = circuits(settings)?;
    let (switches, unanswered, unacked) = (circuits.switches(), circuits.unanswered(), circuits.unacked());
    let produced = Produced::default();
    let broker = Arc::clone(&produced);
    let produce = service_fn(move |()| {
        broker.lock().expect("nobody panics").push(unacked.begin(0));
        hang()
    });
    let refuse = Reject::new(|()| Err(std::io::Error::from(std::io::ErrorKind::Other)));
    let service = ServiceBuilder::new()
        .layer(DeadlineLayer::new(move |_: &()| patience))
        .layer(DegradeLayer::new(refuse, ByPartition::new(switches.clone(), |_: &()| 0)))
        .layer(TrackLayer::new(unanswered, |_: &()| 0))
        .service(produce);
    let watchdog = watchdog(circuits);
    let call = || {
        let service = service.clone();
        async { drop(service.oneshot(()).await) }
    };
    let (tripped, cut_off) = watch(call, || switches.decide(0) == Decision::Fallback).await;
    watchdog.abort();
    let recorded = produced.lock().expect("nobody panics").len();
    Ok(Row { who, tripped, recorded, cut_off })
}

/// Looks at the circuits as a service does.
fn watchdog(mut circuits: Circuits) -> JoinHandle<()> {
    let began = Instant::now();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            circuits.watch(began.elapsed());
        }
    })
}

pub(crate) async fn patient_callers() -> anyhow::Result<Row> {
    through("**leaderless**, limit 200 ms", Settings::default(), Duration::MAX).await
}

pub(crate) async fn callers_who_give_up() -> anyhow::Result<Row> {
    through("**leaderless**, limit 200 ms, a timeout outside", Settings::default(), PATIENCE).await
}

pub(crate) async fn a_lower_limit() -> anyhow::Result<Row> {
    let settings = Settings { age_floor: PATIENCE, ..Settings::default() };
    through("**leaderless**, limit 100 ms", settings, Duration::MAX).await
}
