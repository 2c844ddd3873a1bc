//! `result.json`: everything that a run found out, in a versioned form.
//!
//! Field names are the keys of the file; times are milliseconds, and `null` is never. A change that could break a
//! reader raises [`SCHEMA_VERSION`]. Bounds: at most 36 summaries per arm and per label, faults as many as the
//! timeline has steps, detectors as many as there are, violations as many as the audit keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use indexmap::IndexMap;
use recorder::{Conservation, Percentiles, Phases, Recorder};
use scenario::{ArgValue, Arrivals, AuditFacts, ClusterPlan, Load, Measurements, Times};
use serde::{Deserialize, Serialize};

use crate::verdict::{ArmVerdict, RunVerdict};

/// The version of the form of `result.json`.
///
/// 2: `load`, and whether a fault `heals`.
pub const SCHEMA_VERSION: u32 = 2;

/// The name under which [`Machine::versions`] has the version of Apache Kafka, where that was what was broken.
pub const KAFKA_VERSION: &str = "kafka";
/// The name under which it has the version of the Java that Kafka ran on.
pub const JAVA_VERSION: &str = "java";

/// The name under which it has the version of the circuit breaker, where an arm had one.
pub const BREAKER_VERSION: &str = "tower-resilience-circuitbreaker";

/// The JSON Schema (2020-12) of `result.json`.
pub const SCHEMA: &str = include_str!("../schema/result.schema.json");

/// A run: the same seeded load against every arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// What arrivals, accounts and faults were drawn from.
    pub seed: u64,
    /// Two runs with the same hash asked for the same things at the same times.
    pub schedule_hash: String,
    /// Whether the run was ended before its time; then its numbers are true but not the whole.
    pub partial: bool,
    /// What was asked for.
    pub load: LoadUsed,
    /// The cluster that was broken.
    pub cluster: ClusterUsed,
    /// Where it ran.
    pub machine: Machine,
    /// What each arm did, in the order in which they ran.
    pub arms: IndexMap<String, ArmResult>,
    /// What came of it.
    pub verdict: RunVerdict,
}

/// What was asked for, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadUsed {
    /// `poisson` or `constant`.
    pub arrivals: String,
    /// Intended requests per second.
    pub rate_per_s: f64,
    /// Sent before measuring began.
    pub warmup_ms: u64,
    /// The planned length of the healthy phase.
    pub before_ms: u64,
    /// The same of the outage.
    pub outage_ms: u64,
    /// The same of what comes after it.
    pub recovery_ms: u64,
    /// A customer's patience, from the intended start.
    pub deadline_ms: u64,
    /// Beyond so many requests in flight the next one was not sent.
    pub in_flight_max: u32,
}

/// The cluster that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterUsed {
    /// The kind of cluster, `embedded` or `apache`.
    pub backend: String,
    /// Brokers.
    pub brokers: u16,
    /// Zones they were spread over.
    pub zones: u16,
    /// Replicas of a partition.
    pub replication_factor: u16,
    /// In-sync replicas that a write needed.
    pub min_isr: u16,
    /// Partitions of every topic of the path.
    pub partitions: u16,
    /// `aligned` or `spread`.
    pub placement: String,
    /// Its times.
    pub clock: ClockUsed,
}

/// The times of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockUsed {
    /// Where values that the scenario does not set came from.
    pub preset: String,
    /// Every value by its name, e.g. `session`, in milliseconds.
    pub values_ms: BTreeMap<String, u64>,
}

/// Where a run ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Cores that the process could use.
    pub cores: usize,
    /// The operating system.
    pub os: String,
    /// Versions by name, e.g. of `leaderless` and `librdkafka`.
    pub versions: BTreeMap<String, String>,
}

/// What one arm did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmResult {
    /// The design: `hang`, `timeout`, `breaker`, `degrade`.
    pub strategy: String,
    /// Counts and latencies by phase and outcome, of all requests.
    pub phases: Phases,
    /// The same by what was asked for, e.g. `quote`.
    pub labels: BTreeMap<String, LabelResult>,
    /// Whether every intended request ended in exactly one outcome.
    pub conservation: Conservation,
    /// What took how long.
    pub times: TimesMs,
    /// How much later than intended requests were sent; `null` if none was.
    pub schedule_lag_ms: Option<Percentiles>,
    /// When each way to notice an outage gave its first sign; one that could not be asked is left out.
    #[serde(default)]
    pub detectors: Vec<DetectorResult>,
    /// What was broken and healed, in the order of time.
    pub faults: Vec<FaultRecord>,
    /// What the fallback did, from the start of the arm to its end.
    #[serde(default)]
    pub fallback: FallbackResult,
    /// What the audit of the ledger found.
    pub ledger: LedgerResult,
    /// What came of the expectations.
    pub verdict: ArmVerdict,
}

/// The requests of one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelResult {
    /// Counts and latencies by phase and outcome.
    pub phases: Phases,
}

/// The times of an outage in milliseconds; `None` is never.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimesMs {
    /// From the strike to the first circuit that opened.
    pub detect_ms: Option<f64>,
    /// From the strike to the first answer by a fallback or refusal.
    pub degrade_ms: Option<f64>,
    /// From the first heal to the beginning of the final stretch in which everything is answered over Kafka.
    pub recover_ms: Option<f64>,
}

/// When one way to notice an outage gave its first sign, from the first fault on and before the first heal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorResult {
    /// Its stable name, e.g. `in_flight_age`; a broker's metric has Apache Kafka's.
    pub name: String,
    /// Milliseconds from the strike, 0 if it was earlier; `None` is never.
    pub first_sign_ms: Option<f64>,
}

/// A fault or heal that was called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRecord {
    /// When it was done, in milliseconds from the start of measuring.
    pub at_ms: f64,
    /// Its kind, e.g. `kill_broker`.
    pub kind: String,
    /// Its arguments.
    pub args: BTreeMap<String, ArgValue>,
    /// Whether it takes a fault back; the first that does ends the outage.
    pub heals: bool,
    /// What it did, in words.
    pub effect: String,
}

/// What the fallback of quotes did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallbackResult {
    /// Quotes that it made.
    pub served: u64,
    /// Questions that it refused: at a limit, or because it was not proven.
    pub refused: u64,
    /// The most that it worked on at the same time.
    pub at_once_max: u64,
    /// How many that may be; 0 in an arm without a fallback.
    pub at_once_limit: u64,
    /// Quotes that it made beyond one of its limits, by somebody else's count than the limiter's; there must be none.
    pub beyond_limit: u64,
}

/// What the audit of the ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerResult {
    /// Distinct postings.
    pub posted: u64,
    /// Whether they sum to zero per asset.
    pub balanced: bool,
    /// Orders that were executed.
    pub executions: u64,
    /// Executions and postings that came again under their own event id.
    pub duplicates: u64,
    /// Orders whose customer was not told whether they were executed.
    pub in_doubt: u64,
    /// Those of them on which the record is silent too.
    pub unresolved: u64,
    /// How many invariants were broken in all.
    pub violations_total: u64,
    /// The first of them, in words.
    pub violations: Vec<String>,
}

impl ArmResult {
    /// Counts and latencies of all requests: the histograms of the labels, merged.
    pub fn phases_of(run: &Measurements) -> Phases {
        let mut all = Recorder::new();
        run.by_label.values().for_each(|recorder| all.merge(recorder));
        all.phases()
    }

    /// Counts and latencies by label.
    pub fn labels_of(run: &Measurements) -> BTreeMap<String, LabelResult> {
        let label = |(label, recorder): (&String, &Recorder)| {
            (label.clone(), LabelResult { phases: recorder.phases() })
        };
        run.by_label.iter().map(label).collect()
    }
}

impl LoadUsed {
    /// As it was planned.
    pub fn of(load: &Load) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let arrivals = match load.arrivals {
            Arrivals::Poisson => "poisson",
            Arrivals::Constant => "constant",
        };
        Self {
            arrivals: arrivals.to_owned(),
            rate_per_s: load.rate_per_s,
            warmup_ms: ms(load.warmup),
            before_ms: ms(load.before),
            outage_ms: ms(load.outage),
            recovery_ms: ms(load.recovery),
            deadline_ms: ms(load.deadline),
            in_flight_max: load.in_flight_max,
        }
    }
}

impl ClusterUsed {
    /// `plan` as `backend` played it, with the values that its clock really had.
    pub fn of(plan: &ClusterPlan, backend: &str, clock_ms: BTreeMap<String, u64>) -> Self {
        Self {
            backend: backend.to_owned(),
            brokers: plan.brokers,
            zones: plan.zones,
            replication_factor: plan.replication_factor,
            min_isr: plan.min_isr,
            partitions: plan.partitions,
            placement: plan.placement.name().to_owned(),
            clock: ClockUsed { preset: plan.clock.preset.name().to_owned(), values_ms: clock_ms },
        }
    }
}

impl From<Times> for TimesMs {
    fn from(times: Times) -> Self {
        let ms = |time: Option<Duration>| time.map(|time| time.as_micros() as f64 / 1e3);
        Self { detect_ms: ms(times.detect), degrade_ms: ms(times.degrade), recover_ms: ms(times.recover) }
    }
}

impl From<&LedgerResult> for AuditFacts {
    fn from(ledger: &LedgerResult) -> Self {
        Self {
            balanced: ledger.balanced,
            executions: ledger.executions,
            in_doubt: ledger.in_doubt,
            unresolved: ledger.unresolved,
            duplicates: ledger.duplicates,
            violations: ledger.violations_total,
        }
    }
}
