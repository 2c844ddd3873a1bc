//! The detector race: in every arm, how long after the strike each way to notice an outage gave its first sign.
//!
//! A canary calls on every partition beside the customers, in every arm alike; each detector hears of it, or of the
//! nodes' own metrics, alone and by its own rule, and none can do anything about it. So the times can be held against
//! each other, also in an arm whose services have no detector at all. Never is a result.
//!
//! # Invariants
//! - A sign counts from the first fault on and before the first heal: what comes with the heal is no detection.
//! - A detector that nobody can ask (a cluster without metrics) is not in the result; one that was asked and silent is.
//! - The canary's records are heartbeats of an instance of its own, which every service skips.
//! - Nothing here waits for a cluster: the race ends when the load does.

mod canary;
mod nodes;
mod signs;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use lab::{Lab, NodeMetrics};
use report::DetectorResult;
use scenario::{Scenario, Strategy};
use service_kit::kafka_settings::KafkaSettings;
use tokio::time::MissedTickBehavior;

use self::canary::Canary;
use self::signs::Signs;
use super::arm::ended;
use super::measure::Injection;
use crate::system::System;

/// Between two looks: the tick that a service's watchdog promises.
const TICK: Duration = Duration::from_millis(10);
/// Between two looks at the nodes' metrics; a dashboard asks fifty times less often.
const NODES_EVERY: Duration = Duration::from_millis(250);

/// All detectors on one cluster.
pub(super) struct Race {
    canary: Canary,
    signs: Signs,
}

impl Race {
    /// Gets ready. Completions are those of callers with the deadline of this strategy; without one a call that hangs
    /// does not end.
    ///
    /// # Errors
    /// There can be no client.
    pub(super) fn new(system: &System, scenario: &Scenario, strategy: &Strategy) -> anyhow::Result<Self> {
        let partitions = usize::from(scenario.cluster.partitions);
        let canary = Canary::new(system, partitions, scenario.load.rate_per_s, deadline(strategy))?;
        Ok(Self { canary, signs: Signs::default() })
    }

    /// Races until it is dropped.
    pub(super) async fn run(&mut self, lab: &dyn Lab) -> Infallible {
        let mut look = every(TICK);
        let mut ask = every(NODES_EVERY);
        let mut asked: Option<BoxFuture<'_, Vec<NodeMetrics>>> = None;
        loop {
            tokio::select! {
                _ = look.tick() => self.canary.look(&mut self.signs),
                () = self.canary.hear(&mut self.signs) => {}
                _ = ask.tick(), if asked.is_none() => asked = Some(lab.metrics()),
                nodes = ended(&mut asked) => {
                    asked = None;
                    nodes::note(&nodes, Instant::now(), &mut self.signs);
                }
            }
        }
    }

    /// When each detector gave its first sign: after the strike, which is the last fault; zero is before it, while the
    /// damage was not complete.
    pub(super) fn result(&self, injections: &[Injection]) -> Vec<DetectorResult> {
        let faults = || injections.iter().filter(|injection| !injection.heals).map(|injection| injection.at);
        let heal = injections.iter().find(|injection| injection.heals).map(|injection| injection.at);
        let first_sign = |detector| {
            let sign = self.signs.first(detector, faults().min()?, heal)?;
            Some(sign.saturating_duration_since(faults().max()?).as_micros() as f64 / 1e3)
        };
        let result = |detector: Detector| DetectorResult {
            name: detector.name().to_owned(),
            first_sign_ms: first_sign(detector),
        };
        Detector::ALL.into_iter().filter(|detector| self.signs.were_asked(*detector)).map(result).collect()
    }

    /// Ends the canary. Never longer than half a second.
    pub(super) async fn close(self) {
        self.canary.close().await;
    }
}

/// How long callers wait for a call; `None` is for ever.
fn deadline(strategy: &Strategy) -> Option<Duration> {
    let own = if let Strategy::Degrade(plan) = strategy { plan.deadline } else { None };
    let usual = || Duration::from_millis(KafkaSettings::default().deadline_ms);
    (*strategy != Strategy::Hang).then(|| own.unwrap_or_else(usual))
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// A way to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detector {
    /// The age of the oldest record without a delivery report, by the circuit's rule.
    InFlightAge,
    /// A heartbeat that is not acknowledged by its deadline, by the circuit's rule.
    Heartbeat,
    /// The rate of calls that failed or were slow, of those that ended, by the circuit's rule.
    Completions,
    /// Records in flight of which none is acknowledged, as the client's statistics say, by the circuit's rule.
    Statistics,
    /// A partition whose leader is -1 in the client's metadata.
    MetadataLeader,
    /// The client's error callback was called.
    ClientError,
    /// A delivery report said that a record was not delivered.
    DeliveryFailure,
    /// A node does not answer who asks for its metrics.
    MetricsUnanswered,
    /// What an active controller says.
    OfflinePartitions,
    /// What the brokers say.
    UnderReplicated,
    /// The controllers that answer have not exactly one active one among them.
    ActiveController,
}

impl Detector {
    /// The clients' first, then the nodes'.
    const ALL: [Self; 11] = [
        Self::InFlightAge,
        Self::Heartbeat,
        Self::Completions,
        Self::Statistics,
        Self::MetadataLeader,
        Self::ClientError,
        Self::DeliveryFailure,
        Self::MetricsUnanswered,
        Self::OfflinePartitions,
        Self::UnderReplicated,
        Self::ActiveController,
    ];

    /// Its stable name; a metric has Apache Kafka's.
    const fn name(self) -> &'static str {
        match self {
            Self::InFlightAge => "in_flight_age",
            Self::Heartbeat => "heartbeat",
            Self::Completions => "completions",
            Self::Statistics => "statistics",
            Self::MetadataLeader => "metadata_leader",
            Self::ClientError => "client_error",
            Self::DeliveryFailure => "delivery_failure",
            Self::MetricsUnanswered => "metrics_unanswered",
            Self::OfflinePartitions => "OfflinePartitionsCount",
            Self::UnderReplicated => "UnderReplicatedPartitions",
            Self::ActiveController => "ActiveControllerCount",
        }
    }
}
