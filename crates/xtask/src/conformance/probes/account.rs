//! The account of records that timed out: how many of them appear after the heal all the same, and how many twice.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::producer::FutureProducer;

use super::clients::{self, Acks, Heard};
use super::consume::Read;
use super::produce;
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, ROLES, Role};

/// How many records, how far apart, and how long each lives in the client.
const RECORDS: usize = 40;
const APART: Duration = Duration::from_millis(250);
const MESSAGE_TIMEOUT_MS: u32 = 2_000;

/// One stream of records.
struct Stream {
    acks: Acks,
    role: Role,
    producer: FutureProducer<Heard>,
}

/// The streams: with and without idempotence, to a partition that the broken broker leads and one that it follows.
pub struct Account {
    streams: Vec<Stream>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account")
    }
}

/// Which records of a stream timed out.
#[derive(Debug)]
pub struct TimedOut {
    acks: Acks,
    role: Role,
    payloads: Vec<String>,
}

impl Account {
    /// Connects the producers, each with one record acknowledged.
    ///
    /// # Errors
    /// When a whole cluster does not take a record.
    pub async fn warm(ground: &Ground) -> anyhow::Result<Self> {
        let mut streams = Vec::new();
        for role in &ROLES[..2] {
            for acks in [Acks::All, Acks::Idempotent] {
                let bootstrap = ground.lab.bootstrap();
                let producer = clients::producer(&bootstrap, acks, MESSAGE_TIMEOUT_MS, &Heard::default())?;
                let class = produce::send(&producer, *role, "before".to_owned()).await;
                anyhow::ensure!(class == Class::ok(), "{} to {role} before the fault: {class}", acks.label());
                streams.push(Stream { acks, role: *role, producer });
            }
        }
        Ok(Self { streams })
    }

    /// Sends all records at their pace and waits for their reports.
    pub async fn send(&self) -> Vec<TimedOut> {
        futures::future::join_all(self.streams.iter().map(Stream::send)).await
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        clients::let_go(std::mem::take(&mut self.streams));
    }
}

impl Stream {
    async fn send(&self) -> TimedOut {
        let one = |index: usize| async move {
            let wait = APART * u32::try_from(index).expect("few records");
            tokio::time::sleep(wait).await;
            let payload = format!("{}#{index}#", self.acks.label());
            let class = produce::send(&self.producer, self.role, payload.clone()).await;
            (class != Class::ok()).then_some(payload)
        };
        let lost = futures::future::join_all((0..RECORDS).map(one)).await;
        TimedOut { acks: self.acks, role: self.role, payloads: lost.into_iter().flatten().collect() }
    }
}

/// What became of the records that timed out, by what was read in the end.
#[must_use]
pub fn settle(ground: &Ground, timed_out: &[TimedOut], read: &[Read]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for stream in timed_out {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for one in read.iter().filter(|one| one.role == stream.role) {
            *times.entry(one.payload.as_str()).or_default() += 1;
        }
        let times_read = |payload: &String| times.get(payload.as_str()).copied().unwrap_or_default();
        let appeared = stream.payloads.iter().filter(|payload| times_read(payload) > 0).count();
        let doubled = stream.payloads.iter().filter(|payload| times_read(payload) > 1).count();
        let mut cell = |what: &str, count: usize, of: usize| {
            let cell = format!("account {}, {}: {what}", stream.acks.label(), stream.role);
            seen.push(ground.seen(cell, share(count, of)).count(count as u64));
        };
        cell("given up of 40", stream.payloads.len(), RECORDS);
        cell("given up, and read in the end", appeared, stream.payloads.len());
        cell("given up, and read twice or more", doubled, stream.payloads.len());
    }
    seen
}

fn share(count: usize, of: usize) -> Class {
    Class::word(match count {
        0 => "none",
        _ if count == of => "all",
        _ => "some",
    })
}
