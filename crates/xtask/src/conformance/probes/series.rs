//! What a healthy broker says over time: leaders and in-sync sets, coordinators, watermarks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lab::wire::{Connection, WireError};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::clients::{self, Heard};
use super::raw;
use super::watch::{Stretch, Watch};
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, ROLES};

/// Whom the raw questions go to: a broker that no story touches.
const ASKED: i32 = 1;

/// How often metadata and coordinators are asked for.
const EVERY: Duration = Duration::from_millis(100);

/// How long one answer may take before the sample says that it did.
const WITHIN: Duration = Duration::from_secs(1);

/// How often a role's watermarks are asked for, and how long one answer may take.
const WATERMARKS_EVERY: Duration = Duration::from_millis(250);
const WATERMARKS_WITHIN: Duration = Duration::from_secs(1);

/// The watches of a story, fed until they are dropped.
#[derive(Debug)]
pub struct Series {
    leaders: BTreeMap<String, Watch>,
    isrs: BTreeMap<String, Watch>,
    watermarks: BTreeMap<String, Watch>,
    coordinators: Vec<(&'static str, Watch)>,
    over: Arc<AtomicBool>,
}

impl Drop for Series {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Series {
    /// Begins to watch; `groups` are (how the table calls it, its id).
    ///
    /// # Errors
    /// What librdkafka says to the settings of a client.
    pub fn begin(ground: &Ground, groups: &[(&'static str, String)]) -> anyhow::Result<Self> {
        let per_role = || ROLES.iter().map(|role| (role.to_string(), Watch::default())).collect();
        let coordinators = groups.iter().map(|(called, _)| (*called, Watch::default())).collect();
        let series = Self {
            leaders: per_role(),
            isrs: per_role(),
            watermarks: per_role(),
            coordinators,
            over: Arc::default(),
        };
        tokio::spawn(watch_metadata(
            ground.address(ASKED),
            series.leaders.clone(),
            series.isrs.clone(),
            Arc::clone(&series.over),
        ));
        for ((_, group), (_, watch)) in groups.iter().zip(&series.coordinators) {
            let (address, over) = (ground.address(ASKED), Arc::clone(&series.over));
            tokio::spawn(watch_coordinator(address, group.clone(), watch.clone(), over));
        }
        series.watch_watermarks(&ground.lab.bootstrap())?;
        Ok(series)
    }

    /// One client for all roles, a thread for each: a question about a lost leader blocks.
    fn watch_watermarks(&self, bootstrap: &str) -> anyhow::Result<()> {
        let client = Arc::new(clients::consumer(bootstrap, "watermarks", &Heard::default())?);
        for role in ROLES {
            let watch = self.watermarks[&role.to_string()].clone();
            let (client, over) = (Arc::clone(&client), Arc::clone(&self.over));
            let body = move || {
                while !over.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    let found = client.fetch_watermarks(role.topic, role.partition, WATERMARKS_WITHIN);
                    watch.note(Instant::now(), watermarks(found.map(drop)));
                    std::thread::sleep(WATERMARKS_EVERY.saturating_sub(asked.elapsed()));
                }
            };
            std::thread::Builder::new().name("watermarks".to_owned()).spawn(body)?;
        }
        Ok(())
    }

    /// What was said from the fault to the heal, and from the heal to the end.
    #[must_use]
    pub fn seen(&self, ground: &Ground, fault: Instant, heal: Instant, end: Instant) -> Vec<Seen> {
        let mut seen = Vec::new();
        let mut stretches = |what: &str, watch: &Watch| {
            let outage = watch.between(fault, heal);
            seen.push(timed(ground.seen(format!("{what}, outage"), outage.class()), outage.first_change()));
            let healing = watch.between(heal, end);
            seen.push(timed(ground.seen(format!("{what}, healing"), healing.class()), healing.last_change()));
        };
        for (role, watch) in &self.leaders {
            stretches(&format!("metadata: leader of {role}"), watch);
        }
        for (role, watch) in &self.watermarks {
            stretches(&format!("watermarks of {role}"), watch);
        }
        for (group, watch) in &self.coordinators {
            stretches(&format!("FindCoordinator, {group}"), watch);
        }
        for (role, watch) in &self.isrs {
            let outage = watch.between(fault, heal);
            let cell = ground.seen(format!("metadata: in-sync set of {role}, outage"), outage.class());
            seen.push(timed(cell, outage.first_change()));
            seen.extend(healed_isr(
                ground,
                role,
                &watch.between(heal, end),
                watch.between(fault, fault).first,
            ));
        }
        seen
    }
}

/// The way of a set back to what it was is a race of followers: what counts is how small it got, and when it was full.
fn healed_isr(ground: &Ground, role: &str, healing: &Stretch, full: String) -> Vec<Seen> {
    let size = |set: &str| set.split(',').filter(|id| !id.trim_matches(['{', '}']).is_empty()).count();
    let least = healing.values().map(size).min().unwrap_or_default();
    let least =
        ground.seen(format!("in-sync set of {role}, healing: smallest"), Class::word(least.to_string()));
    let cell = format!("in-sync set of {role}, healing: full again");
    let when = match healing.last_change() {
        _ if healing.last() != full => ground.seen(cell, Class::never()),
        None => ground.seen(cell, Class::word("always")),
        Some(at) => ground.seen(cell, Class::ok()).took(at),
    };
    vec![least, when]
}

fn timed(seen: Seen, at: Option<Duration>) -> Seen {
    match at {
        Some(at) => seen.took(at),
        None => seen,
    }
}

/// What a question for watermarks came to. librdkafka words it by chance how it ended when nobody answered.
fn watermarks(found: Result<(), KafkaError>) -> String {
    use RDKafkaErrorCode::{
        AllBrokersDown, BrokerTransportFailure, DestroyBroker, OperationTimedOut, TimedOutQueue,
    };
    let Err(error) = found else { return "ok".to_owned() };
    match error.rdkafka_error_code() {
        Some(AllBrokersDown | DestroyBroker | BrokerTransportFailure | OperationTimedOut | TimedOutQueue) => {
            "no answer".to_owned()
        }
        _ => clients::class(&error).to_string(),
    }
}

async fn watch_metadata(
    address: String,
    leaders: BTreeMap<String, Watch>,
    isrs: BTreeMap<String, Watch>,
    over: Arc<AtomicBool>,
) {
    let mut connection = None;
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        match with(&mut connection, &address, async |c| raw::metadata(c, WITHIN).await).await {
            Ok(metadata) => {
                for role in ROLES {
                    let Some((leader, isr)) = raw::leader_and_isr(&metadata, role) else { continue };
                    leaders[&role.to_string()].note(asked, leader);
                    isrs[&role.to_string()].note(asked, isr);
                }
            }
            Err(silence) => leaders.values().for_each(|watch| watch.note(asked, silence.as_str())),
        }
        tokio::time::sleep(EVERY.saturating_sub(asked.elapsed())).await;
    }
}

async fn watch_coordinator(address: String, group: String, watch: Watch, over: Arc<AtomicBool>) {
    let mut connection = None;
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let answer =
            with(&mut connection, &address, async |c| raw::coordinator(c, &group, WITHIN).await).await;
        watch.note(asked, answer.unwrap_or_else(|silence| silence.to_string()));
        tokio::time::sleep(EVERY.saturating_sub(asked.elapsed())).await;
    }
}

/// Asks over the connection there is, or a new one; a connection that failed is not used again.
async fn with<T>(
    connection: &mut Option<Connection>,
    address: &str,
    ask: impl AsyncFnOnce(&mut Connection) -> Result<T, WireError>,
) -> Result<T, Class> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(address).await.map_err(|error| raw::silence(&error.into()))?,
    };
    let answer = ask(&mut open).await.map_err(|error| raw::silence(&error))?;
    *connection = Some(open);
    Ok(answer)
}
