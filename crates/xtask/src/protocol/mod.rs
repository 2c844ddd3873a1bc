//! The half of the conformance table that no fault touches: what a cluster says to requests, good and bad.
//!
//! One file per subject. A subject asks through [`lab::wire`], so that nothing between it and the broker retries or
//! hides; where clients are the subject it uses librdkafka with every setting named. A cell says *what* came back
//! (its class) and, where waiting is the point, how long it took.
//!
//! Invariants: a subject breaks nothing, needs no other subject and leaves nothing but topics and groups of its run's
//! name; every wait ends.

mod bad_fetch;
mod bad_produce;
mod calls;
pub mod command;
mod consumers;
mod ground;
mod groups;
pub mod known;
mod members;
mod offsets;
mod payloads;
mod polling;
mod rebalance;
mod retention;
mod sequences;
mod sheet;
mod topics;
mod versions;
mod words;

use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use lab::Broker;
use uuid::Uuid;

use crate::conformance::cell::Seen;
use ground::Ground;
use sheet::Noted;

/// The longest subject waits for a session to run out and takes a quarter of a minute; past this something hangs.
const SUBJECT_WITHIN: Duration = Duration::from_secs(120);

/// A subject: what is asked of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// Its name: a heading of the table.
    pub name: &'static str,
    /// What it is about, in a line.
    pub title: &'static str,
    ask: Ask,
}

type Ask = fn(&Ground) -> BoxFuture<'_, anyhow::Result<Vec<Noted>>>;

/// The subjects, in the order of the table.
pub const ALL: [Subject; 12] = [
    subject("versions", "which requests are offered, in which versions", |on| versions::run(on).boxed()),
    subject("bad produce", "produce requests that a broker should not take", |on| {
        bad_produce::run(on).boxed()
    }),
    subject("sequences", "idempotent producers in and out of order", |on| sequences::run(on).boxed()),
    subject("bad fetch", "readers at the edges of the log and at the wrong place", |on| {
        bad_fetch::run(on).boxed()
    }),
    subject("topics", "topics that cannot be, and settings", |on| topics::run(on).boxed()),
    subject("groups", "members that are unknown, late or fenced", |on| groups::run(on).boxed()),
    subject("offsets", "offsets committed and read back", |on| offsets::run(on).boxed()),
    subject("rebalance", "two and five members by hand", |on| rebalance::run(on).boxed()),
    subject("consumers", "two and five consumers of librdkafka", |on| consumers::run(on).boxed()),
    subject("retention", "offsets by time, and after records are deleted", |on| retention::run(on).boxed()),
    subject("polling", "how long a reader waits", |on| polling::run(on).boxed()),
    subject("payloads", "what is read is what was written", |on| payloads::run(on).boxed()),
];

const fn subject(name: &'static str, title: &'static str, ask: Ask) -> Subject {
    Subject { name, title, ask }
}

impl Subject {
    /// Asks a healthy cluster of three brokers with the ids 1 to 3, replication factor 3 and min ISR 2. Again on the
    /// same cluster is harmless.
    ///
    /// # Errors
    /// When the cluster does not let itself be asked: it says nothing about the cluster's answers.
    pub async fn ask(&self, brokers: &[Broker]) -> anyhow::Result<Vec<Seen>> {
        let on =
            Ground { brokers: brokers.to_vec(), run: Uuid::new_v4().simple().to_string()[..8].to_owned() };
        let asking = async {
            on.settle().await?;
            (self.ask)(&on).await
        };
        let noted = tokio::time::timeout(SUBJECT_WITHIN, asking).await;
        let noted = noted.with_context(|| format!("`{}` is not over after {SUBJECT_WITHIN:?}", self.name))?;
        Ok(noted?.into_iter().map(|noted| noted.of(self.name)).collect())
    }
}
