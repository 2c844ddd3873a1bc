//! Consuming by assignment: a reader that was there before the fault and reads to the end, and one that comes during it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::clients::{self, Heard};
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, ROLES, Role};

/// The most records a reader keeps: a story writes a few hundred, retries included.
const KEPT_MAX: usize = 20_000;

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);

/// A record that was read.
#[derive(Debug, Clone)]
pub struct Read {
    /// When.
    pub at: Instant,
    /// From where.
    pub role: Role,
    /// What.
    pub payload: String,
}

/// A reader of all roles from their beginning, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Reader {
    read: Arc<Mutex<Vec<Read>>>,
    heard: Heard,
    over: Arc<AtomicBool>,
}

impl Reader {
    /// Assigns and begins to read.
    ///
    /// # Errors
    /// What librdkafka says to the settings.
    pub fn begin(ground: &Ground) -> anyhow::Result<Self> {
        let heard = Heard::default();
        let consumer = clients::consumer(&ground.lab.bootstrap(), "assigned", &heard)?;
        let mut from = TopicPartitionList::new();
        for role in ROLES {
            from.add_partition_offset(role.topic, role.partition, Offset::Beginning)?;
        }
        consumer.assign(&from)?;
        let (read, over) = (Arc::default(), Arc::default());
        let reader = Self { read: Arc::clone(&read), heard: heard.clone(), over: Arc::clone(&over) };
        std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || read_on(&consumer, &heard, &read, &over))?;
        Ok(reader)
    }

    /// What the reader's error callback and statistics said.
    #[must_use]
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// What was read so far.
    #[must_use]
    pub fn read(&self) -> Vec<Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first record of a role whose payload begins so, read after `from`.
    #[must_use]
    pub fn first(&self, role: Role, payload: &str, from: Instant) -> Option<Instant> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |one: &&Read| one.role == role && one.at >= from && one.payload.starts_with(payload);
        read.iter().find(fits).map(|one| one.at)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn read_on(consumer: &BaseConsumer<Heard>, heard: &Heard, into: &Mutex<Vec<Read>>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let record = match consumer.poll(POLL) {
            None => continue,
            Some(Err(error)) => {
                heard.note(&error);
                continue;
            }
            Some(Ok(record)) => record,
        };
        let from = |role: &&Role| role.topic == record.topic() && role.partition == record.partition();
        let Some(role) = ROLES.iter().find(from) else { continue };
        let payload = String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned();
        let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(Read { at: Instant::now(), role: *role, payload });
        }
    }
}

/// What a reader that comes now gets within `within`: what was there before the fault, and what `acks=1` has written
/// since, which may be under a high watermark that stands still.
///
/// # Errors
/// What librdkafka says to the settings.
pub async fn ask_newcomer(ground: &Ground, within: Duration) -> anyhow::Result<Vec<Seen>> {
    let asked = Instant::now();
    let reader = Reader::begin(ground)?;
    tokio::time::sleep(within).await;
    let outcome = |role, payload, cell: String| match reader.first(role, payload, asked) {
        Some(at) => ground.seen(cell, Class::ok()).took(at - asked),
        None => ground.seen(cell, Class::never()),
    };
    let mut seen = Vec::new();
    for role in ROLES {
        seen.push(outcome(role, "before", format!("new reader, {role}: old records")));
        seen.push(outcome(role, "acks=1", format!("new reader, {role}: what acks=1 just wrote")));
    }
    Ok(seen)
}
