//! A steady load on a partition whose leader changes: who waits how long, what is lost, what is read twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rdkafka::producer::FutureProducer;
use tokio::task::JoinHandle;

use super::clients::{self, Acks, Heard};
use super::consume::{Read, Reader};
use super::produce;
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, ROLES, Role};

/// The partition: with three replicas, led by the broker that breaks.
const ON: Role = ROLES[0];

/// How far apart the records are. At most [`WAITING_MAX`] of them wait at once; then none is sent until one is over.
const APART: Duration = Duration::from_millis(50);
const WAITING_MAX: usize = 500;

/// How long a record lives in the client: longer than a leader change takes.
const MESSAGE_TIMEOUT_MS: u32 = 8_000;

/// How long the reader may take to come to the end.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// Producers that go on until they are told to end.
#[derive(Debug)]
pub struct Load {
    streams: Vec<(Acks, JoinHandle<Vec<Sent>>)>,
    over: Arc<AtomicBool>,
}

/// A record, and how long its acknowledgement took, if there was one.
#[derive(Debug)]
struct Sent {
    payload: String,
    at: Instant,
    acked: Option<Duration>,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Load {
    /// Connects a producer of each kind of certainty, and begins.
    ///
    /// # Errors
    /// When a whole cluster does not take a record.
    pub async fn begin(ground: &Ground) -> anyhow::Result<Self> {
        let mut load = Self { streams: Vec::new(), over: Arc::default() };
        for acks in [Acks::All, Acks::One, Acks::Idempotent] {
            let bootstrap = ground.lab.bootstrap();
            let producer = clients::producer(&bootstrap, acks, MESSAGE_TIMEOUT_MS, &Heard::default())?;
            let class = produce::send(&producer, ON, "before".to_owned()).await;
            anyhow::ensure!(class == Class::ok(), "{} to {ON} before the fault: {class}", acks.label());
            load.streams.push((acks, tokio::spawn(stream(producer, acks, Arc::clone(&load.over)))));
        }
        Ok(load)
    }

    /// Ends, and says what became of all records: those sent before `heal` went through the stop, the others through
    /// the return and the election.
    pub async fn end(mut self, ground: &Ground, heal: Instant, reader: &Reader) -> Vec<Seen> {
        self.over.store(true, Ordering::Relaxed);
        let mut seen = Vec::new();
        for (acks, stream) in std::mem::take(&mut self.streams) {
            let sent = stream.await.unwrap_or_default();
            read_to_the_end(&sent, reader).await;
            seen.extend(settle(ground, acks, &sent, heal, &reader.read()));
        }
        seen
    }
}

async fn stream(producer: FutureProducer<Heard>, acks: Acks, over: Arc<AtomicBool>) -> Vec<Sent> {
    let mut waiting = FuturesUnordered::new();
    let mut done = Vec::new();
    let mut pace = tokio::time::interval(APART);
    let mut next = 0;
    loop {
        let ended = over.load(Ordering::Relaxed);
        tokio::select! {
            Some(sent) = waiting.next() => done.push(sent),
            _ = pace.tick(), if !ended && waiting.len() < WAITING_MAX => {
                // The `#` ends the number: no payload begins with another one.
                waiting.push(send(&producer, format!("load {}#{next}#", acks.label())));
                next += 1;
            }
            else => break,
        }
    }
    drop(waiting);
    clients::let_go(producer);
    done
}

async fn send(producer: &FutureProducer<Heard>, payload: String) -> Sent {
    let at = Instant::now();
    let class = produce::send(producer, ON, payload.clone()).await;
    Sent { payload, at, acked: (class == Class::ok()).then(|| at.elapsed()) }
}

async fn read_to_the_end(sent: &[Sent], reader: &Reader) {
    let Some(last) = sent.iter().filter(|one| one.acked.is_some()).max_by_key(|one| one.at) else { return };
    let until = Instant::now() + READ_WITHIN;
    while reader.first(ON, &last.payload, last.at).is_none() && Instant::now() < until {
        tokio::time::sleep(APART).await;
    }
}

fn settle(ground: &Ground, acks: Acks, sent: &[Sent], heal: Instant, read: &[Read]) -> Vec<Seen> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for one in read.iter().filter(|one| one.role == ON) {
        *times.entry(one.payload.as_str()).or_default() += 1;
    }
    let times_read = |one: &&Sent| times.get(one.payload.as_str()).copied().unwrap_or_default();
    let acked = || sent.iter().filter(|one| one.acked.is_some());
    let label = acks.label();
    let count = |what: &str, count: usize| {
        let class = Class::word(if count == 0 { "none" } else { "some" });
        ground.seen(format!("load {label}: {what}"), class).count(count as u64)
    };
    let longest = |what: &str, within: &dyn Fn(&&Sent) -> bool| {
        let longest = acked().filter(within).filter_map(|one| one.acked).max();
        let cell = format!("load {label}: longest wait for an ack, {what}");
        match longest {
            Some(longest) => ground.seen(cell, Class::ok()).took(longest),
            None => ground.seen(cell, Class::never()),
        }
    };
    vec![
        count("not acknowledged", sent.len() - acked().count()),
        count("acknowledged and never read", acked().filter(|one| times_read(one) == 0).count()),
        count("read twice or more", sent.iter().filter(|one| times_read(one) > 1).count()),
        longest("through the stop", &|one| one.at < heal),
        longest("through the return and the election", &|one| one.at >= heal),
    ]
}
