//! After the heal: a record every 0.2 s to each kind of partition, until the first is acknowledged and read.

use std::time::{Duration, Instant};

use rdkafka::producer::FutureProducer;

use super::clients::{self, Acks, Heard};
use super::consume::Reader;
use super::produce;
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, ROLES, Role};

/// What the records carry.
const PAYLOAD: &str = "pulse";

/// How far apart they are, and how long each lives in the client.
const APART: Duration = Duration::from_millis(200);
const MESSAGE_TIMEOUT_MS: u32 = 5_000;

/// Producers that knew the cluster while it was whole, one for each role: a stuck request holds up what is behind it.
pub struct Pulse(Vec<(Role, FutureProducer<Heard>)>);

impl std::fmt::Debug for Pulse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pulse")
    }
}

impl Pulse {
    /// Connects them, with a record of each role acknowledged.
    ///
    /// # Errors
    /// When a whole cluster does not take a record.
    pub async fn warm(ground: &Ground) -> anyhow::Result<Self> {
        let (bootstrap, heard) = (ground.lab.bootstrap(), Heard::default());
        let new = || clients::producer(&bootstrap, Acks::All, MESSAGE_TIMEOUT_MS, &heard);
        let warm = ROLES.map(|role| async move {
            let producer = new()?;
            let class = produce::send(&producer, role, "before".to_owned()).await;
            anyhow::ensure!(class == Class::ok(), "{role} before the fault: {class}");
            Ok((role, producer))
        });
        Ok(Self(futures::future::try_join_all(warm).await?))
    }

    /// From `heal` to `until`: the first ack and the first record of each role.
    pub async fn run(&self, ground: &Ground, reader: &Reader, heal: Instant, until: Instant) -> Vec<Seen> {
        let each = self.0.iter().map(|(role, producer)| first_ack(*role, producer, until));
        let acks = futures::future::join_all(each).await;
        tokio::time::sleep_until(until.into()).await;
        let timed = |cell: String, at: Option<Instant>| match at {
            Some(at) => ground.seen(cell, Class::ok()).took(at.saturating_duration_since(heal)),
            None => ground.seen(cell, Class::never()),
        };
        let both = ROLES.into_iter().zip(acks).flat_map(|(role, ack)| {
            let record = reader.first(role, PAYLOAD, heal);
            [
                timed(format!("after the heal, {role}: first ack"), ack),
                timed(format!("after the heal, {role}: first record"), record),
            ]
        });
        both.collect()
    }
}

async fn first_ack(role: Role, producer: &FutureProducer<Heard>, until: Instant) -> Option<Instant> {
    let (report, mut reports) = tokio::sync::mpsc::channel(1);
    loop {
        let (producer, report) = (producer.clone(), report.clone());
        tokio::spawn(async move {
            if produce::send(&producer, role, PAYLOAD.to_owned()).await == Class::ok() {
                // A full channel means that another was first.
                let _ = report.try_send(Instant::now());
            }
        });
        if let Ok(first) = tokio::time::timeout(APART, reports.recv()).await {
            return first;
        }
        if Instant::now() >= until {
            return None;
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        clients::let_go(std::mem::take(&mut self.0));
    }
}
