//! Producing with librdkafka while something is broken: one record for each kind of partition and of certainty.

use std::time::{Duration, Instant};

use rdkafka::producer::{FutureProducer, FutureRecord};

use super::clients::{self, Acks, Heard};
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, ROLES, Role};

/// How long a record lives in the client.
pub const MESSAGE_TIMEOUT_MS: u32 = 5_000;

/// How long a report may take: the expiry is looked for about once a second, and a busy machine is busy.
const REPORT_WITHIN: Duration = Duration::from_secs(9);

/// Producers that knew the cluster while it was whole.
#[derive(Debug)]
pub struct Producers {
    /// One for each role: a broker answers a connection's requests in their order, so that a stuck one would hold up
    /// those behind it, and an idempotent producer drains as a whole when a record expires.
    each: Vec<(Acks, Role, Producer)>,
    heard: Heard,
}

struct Producer(FutureProducer<Heard>);

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Producer")
    }
}

impl Producers {
    /// Connects them, and has one record of each role acknowledged.
    ///
    /// # Errors
    /// When a whole cluster does not take a record.
    pub async fn warm(ground: &Ground) -> anyhow::Result<Self> {
        let (bootstrap, heard) = (ground.lab.bootstrap(), Heard::default());
        let new = |acks| clients::producer(&bootstrap, acks, MESSAGE_TIMEOUT_MS, &heard);
        let mut each = Vec::new();
        for role in ROLES {
            for acks in [Acks::All, Acks::One, Acks::Idempotent] {
                each.push((acks, role, Producer(new(acks)?)));
            }
        }
        let producers = Self { each, heard };
        let warm = futures::future::join_all(
            producers.each.iter().map(|(_, role, producer)| send(&producer.0, *role, "before".to_owned())),
        );
        for (class, (acks, role, _)) in warm.await.into_iter().zip(&producers.each) {
            anyhow::ensure!(class == Class::ok(), "{} to {role} before the fault: {class}", acks.label());
        }
        Ok(producers)
    }

    /// What the producers' error callback and statistics say from now on.
    #[must_use]
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Sends one record with each; its payload is its kind of certainty.
    pub async fn ask(&self, ground: &Ground) -> Vec<Seen> {
        let each = self.each.iter().map(|(acks, role, producer)| async move {
            let sent = Instant::now();
            let class = send(&producer.0, *role, acks.label().to_owned()).await;
            ground.seen(format!("produce {}, {role}", acks.label()), class).took(sent.elapsed())
        });
        futures::future::join_all(each).await
    }
}

impl Drop for Producers {
    fn drop(&mut self) {
        clients::let_go(std::mem::take(&mut self.each));
    }
}

/// Sends a record; its report as a class.
pub async fn send(producer: &FutureProducer<Heard>, role: Role, payload: String) -> Class {
    let record = FutureRecord::<(), _>::to(role.topic).partition(role.partition).payload(&payload);
    let report = match producer.send_result(record) {
        Ok(report) => report,
        Err((error, _)) => return clients::class(&error),
    };
    match tokio::time::timeout(REPORT_WITHIN, report).await {
        Ok(Ok(Ok(_))) => Class::ok(),
        Ok(Ok(Err((error, _)))) => clients::class(&error),
        Ok(Err(_)) => Class::word("the client is gone"),
        Err(_) => Class::never(),
    }
}
