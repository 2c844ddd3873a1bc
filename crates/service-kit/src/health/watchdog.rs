//! The two tasks of the health watch: one looks at the circuits every 9 ms and sends heartbeats, the other reads
//! them back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bus::{Producer, Reader};
use circuit::{Beat, LOOK_EVERY};
use contracts::Event;
use contracts::event::Heartbeat;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use trading::ids::InstanceId;
use trading::mode::Mode;

use super::herald::{Herald, provenance};
use super::notice::Change;
use super::{Shared, State};
use crate::clock;
use crate::connection::{ConnectError, Connection};
use crate::inbox::{decode, is_heartbeat};
use crate::kafka_settings::KafkaSettingsError;
use crate::publisher::{PublishError, to_record};

/// How long the reader of heartbeats may take to close; it goes on by itself after that.
const READER_CLOSE: Duration = Duration::from_millis(250);

/// How long a broker may take to say who leads a topic. Without an answer it is asked again at the next report.
const REFRESH: Duration = Duration::from_millis(500);

/// How long the producer of heartbeats may take to close.
const PRODUCER_CLOSE: Duration = Duration::from_millis(250);
/// A heartbeat that is not acknowledged by then is given up; its circuit has judged it long before.
const HEARTBEAT_LIFE_MS: &str = "1000";

/// Looks at the circuits, tells of their changes, sends the heartbeats that are due.
pub(super) struct Watchdog {
    connection: Connection,
    producer: Producer,
    path: &'static [&'static str],
    shared: Arc<Shared>,
    herald: Arc<Herald>,
}

/// What became of one record of a heartbeat: which beat, which topic of the path, and whether it was acknowledged.
type Report = (Beat, usize, bool);

/// The reports to come. Not more than the producer's queue holds: each is a record in it.
type Reports = FuturesUnordered<BoxFuture<'static, Report>>;

impl Watchdog {
    /// Heartbeats have a producer of their own. They need no idempotence, and must not share the customers': a
    /// heartbeat that expires there would make that producer drain and begin a new epoch, and so stop the healthy
    /// partitions of the customers (measured).
    pub(super) fn new(
        connection: &Connection,
        path: &'static [&'static str],
        shared: Arc<Shared>,
        herald: Arc<Herald>,
    ) -> Result<Self, ConnectError> {
        let settings = connection.client("heartbeats-out");
        let settings =
            settings.with("enable.idempotence", "false").with("message.timeout.ms", HEARTBEAT_LIFE_MS);
        let producer = Producer::new(&settings).map_err(KafkaSettingsError::from)?;
        shared.state().feed.follow_leaders(producer.signals());
        Ok(Self { connection: connection.clone(), producer, path, shared, herald })
    }

    pub(super) async fn run(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reports = Reports::new();
        let mut moved = BTreeSet::new();
        let mut refreshing: Option<BoxFuture<'_, ()>> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {
                    moved.extend(self.look(&reports));
                    if !moved.is_empty() && refreshing.is_none() {
                        refreshing = Some(Box::pin(self.refresh(std::mem::take(&mut moved))));
                    }
                }
                () = ended(&mut refreshing) => refreshing = None,
                Some(report) = reports.next() => self.hear(report),
            }
        }
        // Heartbeats that are stuck are purged; nobody waits for them.
        let _ = self.producer.close(PRODUCER_CLOSE).await;
    }

    /// The topics whose leaders the customers' producer may not know yet.
    fn look(&self, reports: &Reports) -> BTreeSet<String> {
        let now = self.shared.now();
        let (changes, beats, moved) = {
            let mut state = self.shared.state();
            let State { circuits, rounds, feed, whys } = &mut *state;
            let moved = feed.tell(circuits, rounds.len(), now);
            let mut changes: Vec<Change> = circuits.watch(now).into_iter().map(Change::Partition).collect();
            changes.extend(circuits.scope_changes().iter().cloned().map(Change::Scope));
            let beats = circuits.heartbeats_due(now);
            beats.iter().for_each(|beat| rounds.begin(beat.partition, beat.number));
            whys.retain(|partition, _| !changes.iter().any(|change| change.ends_an_order_of(*partition)));
            (changes, beats, moved)
        };
        changes.into_iter().for_each(|change| self.herald.tell(change, None));
        beats.into_iter().for_each(|beat| self.send(beat, reports));
        moved
    }

    /// Tells the customers' producer of leaders that it would find out about at a customer's cost.
    async fn refresh(&self, topics: BTreeSet<String>) {
        for topic in topics {
            let answered = self.connection.producer().refresh(&topic, REFRESH).await;
            tracing::debug!(topic, answered, "asked for new leaders on behalf of the customers");
        }
    }

    /// One record on each topic of the path. One that is refused fails the whole beat.
    fn send(&self, beat: Beat, reports: &Reports) {
        for (index, topic) in self.path.iter().enumerate() {
            match self.send_to(topic, beat) {
                Ok(delivery) => {
                    reports.push(Box::pin(async move { (beat, index, delivery.await.is_ok()) }));
                }
                Err(error) => {
                    tracing::debug!(%error, topic, partition = beat.partition, "heartbeat not sent");
                    self.hear((beat, index, false));
                }
            }
        }
    }

    fn send_to(&self, topic: &'static str, beat: Beat) -> Result<bus::Delivery, PublishError> {
        let heartbeat = Heartbeat {
            topic,
            partition: i32::try_from(beat.partition).unwrap_or(i32::MAX),
            instance: self.connection.instance().clone(),
            sequence: beat.number,
            sent_at: clock::now(),
        };
        let provenance = provenance(&self.connection, Mode::Normal);
        let encoded = contracts::encode(Event::Heartbeat(heartbeat), &provenance)?;
        Ok(self.producer.send(&to_record(encoded, self.connection.layout()), ())?)
    }

    fn hear(&self, (beat, topic, acked): Report) {
        let now = self.shared.now();
        let mut state = self.shared.state();
        let state = &mut *state;
        if acked {
            if state.rounds.acked(beat.partition, beat.number, topic) {
                state.circuits.heartbeat_acked(beat, now);
            }
            state.returned(beat, now);
        } else if state.rounds.failed(beat.partition, beat.number) {
            state.circuits.heartbeat_failed(beat, now);
        }
    }
}

/// For ever pending where nothing is under way.
async fn ended(under_way: &mut Option<BoxFuture<'_, ()>>) {
    match under_way {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Reads heartbeats back until `stop`. Without a reader no heartbeat returns, so the circuits open: a service that
/// cannot read is not healthy.
pub(super) async fn read_back(
    reader: Reader,
    shared: Arc<Shared>,
    instance: InstanceId,
    path: &'static [&'static str],
    stop: CancellationToken,
) {
    loop {
        let record = tokio::select! {
            () = stop.cancelled() => break,
            record = reader.recv() => record,
        };
        match record {
            Ok(record) => {
                if let Some((beat, topic)) = own_heartbeat(&record, &instance, path) {
                    let now = shared.now();
                    let mut state = shared.state();
                    state.rounds.read(beat.partition, beat.number, topic);
                    state.returned(beat, now);
                }
            }
            Err(error) => {
                tracing::error!(%error, "heartbeats can no longer be read; the circuits will open");
                break;
            }
        }
    }
    // Left to end by itself where a broker is frozen.
    let _ = reader.close(READER_CLOSE).await;
}

/// Most records here are customers' or other instances': they are told apart by header and key, undecoded.
fn own_heartbeat(
    record: &bus::Incoming,
    instance: &InstanceId,
    path: &[&'static str],
) -> Option<(Beat, usize)> {
    if !is_heartbeat(record) || record.key != instance.as_str().as_bytes() {
        return None;
    }
    match decode(record) {
        Ok((_, Event::Heartbeat(heartbeat))) if heartbeat.instance == *instance => {
            let partition = usize::try_from(heartbeat.partition).ok()?;
            let topic = path.iter().position(|topic| *topic == heartbeat.topic)?;
            Some((Beat { partition, number: heartbeat.sequence }, topic))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Provenance;
    use contracts::event_id::fresh_event_id;
    use contracts::topics::{FEES, QUOTES, TRADES};
    use trading::ids::ServiceId;

    const PATH: &[&str] = &[FEES, QUOTES];

    fn sent(topic: &'static str, instance: &str) -> bus::Incoming {
        let heartbeat = Heartbeat {
            topic,
            partition: 2,
            instance: InstanceId::new(instance).unwrap(),
            sequence: 9,
            sent_at: clock::now(),
        };
        let service = ServiceId::new("test").unwrap();
        let provenance = Provenance::root(service, fresh_event_id(), clock::now(), Mode::Normal);
        let encoded = contracts::encode(Event::Heartbeat(heartbeat), &provenance).unwrap();
        bus::Incoming {
            topic: topic.to_owned(),
            partition: 2,
            offset: 0,
            timestamp_ms: 0,
            key: encoded.key,
            headers: crate::publisher::to_headers(encoded.headers),
            payload: encoded.payload,
        }
    }

    #[test]
    fn only_heartbeats_of_this_very_instance_on_the_path_are_taken_back() {
        let instance = InstanceId::new("fee-1").unwrap();
        let taken = |record| own_heartbeat(&record, &instance, PATH);
        assert_eq!(taken(sent(QUOTES, "fee-1")), Some((Beat { partition: 2, number: 9 }, 1)));
        assert_eq!(taken(sent(QUOTES, "fee-2")), None, "another instance");
        assert_eq!(taken(sent(TRADES, "fee-1")), None, "not on the path");
        let forged = bus::Incoming { payload: "junk".into(), ..sent(QUOTES, "fee-1") };
        assert_eq!(taken(forged), None);
    }
}
