//! A customer who only watches: calls and heartbeats on every partition, and what each detector of a client makes of it.
//!
//! A call is a record that waits for its delivery report, as every step of the services' paths does, through a client
//! with their settings. Calls and heartbeats of a partition index go round the topics that an order waits for, so a topic
//! that is stuck alone is met with every eighth of them. A heartbeat counts as returned when it is acknowledged: the
//! services read theirs back as well.
//!
//! Each detector has circuits of its own, which only tell what they would have done. Bound: records are as many as the
//! client's queue holds, and one report to come for each.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bus::{Delivery, Producer, Record, Signals, SignalsWatch};
use circuit::signal::Verdict;
use circuit::signal::acks::AckProgress;
use circuit::{AckReport, Beat, Circuits, Force, ModeChange, ORDER_MAX, Outcomes, Settings, State, Words};
use contracts::event::Heartbeat;
use contracts::event_id::fresh_event_id;
use contracts::{Event, Provenance};
use service_kit::clock;
use tokio::task::JoinSet;
use trading::ids::{InstanceId, ServiceId};
use trading::mode::Mode;

use super::signs::Signs;
use super::{Detector, TICK};
use crate::system::{ORDER_PATH_TOPICS, System};

/// Its name in records.
const NAME: &str = "canary";
/// A partition is called this often at least, and at most.
const CALL_EVERY: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// The life of a heartbeat in its client, as the services have it.
const HEARTBEAT_LIFE_MS: &str = "1000";
/// How long each client may take to end; what is stuck is purged.
const CLOSE: Duration = Duration::from_millis(250);
const WORDS: Words = Words { degraded: "noticed", restored: "over" };

/// What became of a record.
enum Report {
    Call { delivered: bool },
    Heartbeat { beat: Beat, acked: bool },
}

pub(super) struct Canary {
    born: Instant,
    service: ServiceId,
    instance: InstanceId,
    partitions: usize,
    deadline: Option<Duration>,
    calls: Producer,
    beats: Producer,
    told: Told,
    settings: Settings,
    ages: Circuits,
    heartbeats: Circuits,
    completions: Circuits,
    /// Ticks between two calls of a partition.
    period: usize,
    ticks: usize,
    reports: JoinSet<Report>,
}

/// What the client said so far.
struct Told {
    signals: SignalsWatch,
    acks: BTreeMap<(String, i32), AckProgress>,
    errors: u64,
    samples: u64,
}

impl Canary {
    /// # Errors
    /// There can be no client.
    pub(super) fn new(
        system: &System,
        partitions: usize,
        rate_per_s: f64,
        deadline: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let calls = Producer::new(&system.client(NAME)).context("the canary's client")?;
        let beats = system.client("canary-heartbeats").with("enable.idempotence", "false");
        let beats = Producer::new(&beats.with("message.timeout.ms", HEARTBEAT_LIFE_MS))
            .context("the canary's client of heartbeats")?;
        let signals = calls.signals();
        Ok(Self {
            born: Instant::now(),
            service: ServiceId::new(NAME).context("the canary's own name")?,
            instance: InstanceId::new(NAME).context("the canary's own name")?,
            partitions,
            deadline,
            calls,
            beats,
            told: Told { signals, acks: BTreeMap::new(), errors: 0, samples: 0 },
            settings: Settings::default(),
            ages: silent(partitions)?,
            heartbeats: silent(partitions)?,
            completions: silent(partitions)?,
            period: period(partitions, rate_per_s),
            ticks: 0,
            reports: JoinSet::new(),
        })
    }

    /// Calls whose turn it is, and asks every detector of the client.
    pub(super) fn look(&mut self, signs: &mut Signs) {
        let (now, at) = (self.born.elapsed(), Instant::now());
        for partition in (self.ticks % self.period..self.partitions).step_by(self.period) {
            self.call(partition, at);
        }
        self.ticks += 1;
        for beat in self.heartbeats.heartbeats_due(now) {
            self.heartbeat(beat, now);
        }
        let circuits = [
            (Detector::InFlightAge, &mut self.ages),
            (Detector::Heartbeat, &mut self.heartbeats),
            (Detector::Completions, &mut self.completions),
        ];
        for (detector, circuits) in circuits {
            signs.says(detector, false, at);
            if circuits.watch(now).iter().any(would_open) {
                signs.happened(detector, at);
            }
        }
        self.told.look(now, at, &self.settings, signs);
    }

    /// The next report, if any is to come; then it waits for ever.
    pub(super) async fn hear(&mut self, signs: &mut Signs) {
        match self.reports.join_next().await {
            None => std::future::pending().await,
            Some(Ok(Report::Call { delivered })) => {
                signs.says(Detector::DeliveryFailure, !delivered, Instant::now());
            }
            Some(Ok(Report::Heartbeat { beat, acked: true })) => {
                let now = self.born.elapsed();
                self.heartbeats.heartbeat_acked(beat, now);
                self.heartbeats.heartbeat_returned(beat, now);
            }
            Some(Ok(Report::Heartbeat { beat, acked: false })) => {
                self.heartbeats.heartbeat_failed(beat, self.born.elapsed());
            }
            // A task of ours ends by itself only.
            Some(Err(_)) => {}
        }
    }

    pub(super) async fn close(mut self) {
        self.reports.abort_all();
        // What is stuck is left to end by itself.
        let _ = tokio::join!(self.calls.close(CLOSE), self.beats.close(CLOSE));
    }

    fn call(&mut self, partition: usize, at: Instant) {
        let outcomes = self.completions.outcomes();
        let record = self.record(partition, self.ticks / self.period, 0);
        match self.calls.send(&record, self.ages.unacked().begin(partition)) {
            Ok(delivery) => drop(self.reports.spawn(call(delivery, self.deadline, outcomes, partition, at))),
            Err(_) => outcomes.ended(partition, Duration::ZERO, true),
        }
    }

    fn heartbeat(&mut self, beat: Beat, now: Duration) {
        let round = usize::try_from(beat.number).unwrap_or(0) / self.partitions;
        match self.beats.send(&self.record(beat.partition, round, beat.number), ()) {
            Ok(delivery) => {
                drop(
                    self.reports
                        .spawn(async move { Report::Heartbeat { beat, acked: delivery.await.is_ok() } }),
                );
            }
            Err(_) => self.heartbeats.heartbeat_failed(beat, now),
        }
    }

    /// A heartbeat of nobody's, which everybody skips; on another topic each `round`.
    fn record(&self, partition: usize, round: usize, sequence: u64) -> Record {
        let partition = i32::try_from(partition).unwrap_or(i32::MAX);
        let topic = ORDER_PATH_TOPICS[round % ORDER_PATH_TOPICS.len()];
        let (instance, sent_at) = (self.instance.clone(), clock::now());
        let event = Event::Heartbeat(Heartbeat { topic, partition, instance, sequence, sent_at });
        let provenance = Provenance::root(self.service.clone(), fresh_event_id(), sent_at, Mode::Normal);
        let encoded = contracts::encode(event, &provenance).expect("a heartbeat asks nothing");
        let headers = encoded.headers.into_iter().map(|(name, value)| (Cow::Borrowed(name), value));
        Record {
            topic: Cow::Borrowed(topic),
            partition,
            key: encoded.key,
            headers: headers.collect(),
            payload: encoded.payload,
        }
    }
}

impl Told {
    fn look(&mut self, now: Duration, at: Instant, settings: &Settings, signs: &mut Signs) {
        let signals = self.signals.borrow().clone();
        signs.says(Detector::ClientError, false, at);
        if signals.errors > self.errors {
            self.errors = signals.errors;
            signs.happened(Detector::ClientError, at);
        }
        if signals.samples > self.samples {
            self.samples = signals.samples;
            self.sample(&signals, now, settings);
            let missing = signals.partitions.values().any(|partition| partition.leader.is_none());
            signs.says(Detector::MetadataLeader, missing, at);
        }
        let stuck = |acks: &AckProgress| matches!(acks.verdict(now, settings), Verdict::Stuck(_));
        signs.says(Detector::Statistics, self.acks.values().any(stuck), at);
    }

    fn sample(&mut self, signals: &Signals, now: Duration, settings: &Settings) {
        for (partition, signal) in &signals.partitions {
            let in_flight = signal.queued + signal.in_flight;
            let report = AckReport { in_flight, acked_total: signal.acked };
            self.acks.entry(partition.clone()).or_default().told(report, now, settings);
        }
    }
}

/// A call ends with its delivery report, or with its caller's patience.
async fn call(
    delivery: Delivery,
    deadline: Option<Duration>,
    outcomes: Outcomes,
    partition: usize,
    began: Instant,
) -> Report {
    let mut delivery = std::pin::pin!(delivery);
    let in_time = match deadline {
        Some(deadline) => tokio::time::timeout(deadline, &mut delivery).await.ok(),
        None => Some((&mut delivery).await),
    };
    outcomes.ended(partition, began.elapsed(), !matches!(in_time, Some(Ok(_))));
    let report = match in_time {
        Some(report) => report,
        None => delivery.await,
    };
    Report::Call { delivered: report.is_ok() }
}

/// Circuits that tell what they would have done, for as long as a race lasts.
fn silent(partitions: usize) -> anyhow::Result<Circuits> {
    let names = (0..partitions).map(|partition| format!("{NAME}-{partition}"));
    let mut circuits = Circuits::new(names, WORDS, Settings::default(), 0)?;
    for partition in 0..partitions {
        circuits.force(partition, Force::MetricsOnly, ORDER_MAX, Duration::ZERO)?;
    }
    Ok(circuits)
}

fn would_open(change: &ModeChange) -> bool {
    matches!(change.to, State::MetricsOnly { would: Some(_), .. })
}

/// In ticks: the canary calls half as often as customers do, within [`CALL_EVERY`].
fn period(partitions: usize, rate_per_s: f64) -> usize {
    let wanted = Duration::try_from_secs_f64(2.0 * partitions as f64 / rate_per_s).unwrap_or(Duration::MAX);
    let [least, most] = CALL_EVERY;
    usize::try_from(wanted.clamp(least, most).as_millis() / TICK.as_millis()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canary_calls_half_as_often_as_customers_within_bounds() {
        assert_eq!(period(9, 200.0), 9);
        assert_eq!(period(9, 20_000.0), 5);
        assert_eq!(period(9, 20.0), 50);
        assert_eq!(period(12, 0.1), 50);
    }
}
