//! What a scenario says once it is read and checked.
//!
//! Every value here lies inside the bounds that [`Scenario::parse`](crate::Scenario::parse) checks, and goes together
//! with the others: replicas fit on the brokers, arms have the settings of their strategy, faults exist and their
//! arguments have the right kind. Counts and weights are plain numbers; times are durations.

mod names;
mod numbers;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fault::FaultCall;
use gates::Gate;

pub use numbers::{BREAKER, CIRCUIT, LAYERS, Number, Numbers};

/// A game day: what is broken under which load, which designs are compared, and what is expected of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The name of its file without the extension.
    pub name: String,
    /// What it rehearses.
    pub incident: Incident,
    /// The cluster that is broken.
    pub cluster: ClusterPlan,
    /// What customers ask for.
    pub load: Load,
    /// What is broken and healed, in the order of time.
    pub timeline: Vec<Step>,
    /// The designs that are compared, in the order of the file.
    pub arms: Vec<Arm>,
}

/// What a scenario rehearses, and how much of it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// One line for lists.
    pub title: String,
    /// Who reported it, when and where.
    pub sources: Vec<String>,
    /// What was reported; "n.p." stands for what was not published.
    pub reported: Vec<String>,
    /// What this scenario makes of it.
    pub modelled: Vec<String>,
}

/// The cluster that a game day breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPlan {
    /// Brokers, with ids from 1. 3 unless said; 1 to 100.
    pub brokers: u16,
    /// Zones that the brokers are spread over. 3, or fewer with fewer brokers; at most as many as brokers.
    pub zones: u16,
    /// Replicas of a partition. 3, or fewer with fewer brokers; at most as many as brokers.
    pub replication_factor: u16,
    /// In-sync replicas that a write with `acks=all` needs. 2, or fewer with fewer replicas.
    pub min_isr: u16,
    /// Partitions of every topic of the trading path. 9 unless said; 1 to 1,000.
    pub partitions: u16,
    /// Whether the topics of the path lie on the same brokers.
    pub placement: Placement,
    /// How fast the cluster notices.
    pub clock: ClockPlan,
}

/// Whether equal partitions of different topics fail together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Partition p of every topic lies on the same brokers: a request crosses one fate. The default.
    Aligned,
    /// Every topic is shifted: a request crosses as many fates as the path has topics.
    Spread,
}

/// A preset of the cluster's times, and single values in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockPlan {
    /// Where the other values come from.
    pub preset: ClockPreset,
    /// A broker that the controller has not heard of for this long is fenced. 10 ms to 10 min, like all of these.
    pub session: Option<Duration>,
    /// Between two heartbeats of a broker to the controller.
    pub heartbeat: Option<Duration>,
    /// A follower that has not caught up for this long leaves the in-sync replicas.
    pub replica_lag: Option<Duration>,
    /// From the thaw of a controller until it has fenced a broker that it takes for dead.
    pub stale_check: Option<Duration>,
    /// From the return of a majority of the controllers until they have a leader.
    pub quorum_election: Option<Duration>,
    /// From the start of a broker's process to its registration.
    pub broker_start: Option<Duration>,
    /// How long a group's commit waits for the in-sync replicas.
    pub offsets_commit: Option<Duration>,
    /// Between two returns of leadership to the preferred leaders.
    pub leader_rebalance: Option<Duration>,
}

/// Where a cluster's times come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClockPreset {
    /// The defaults of Apache Kafka: session 9 s, heartbeat 2 s, replica lag 30 s.
    Apache,
    /// Shortened for game days of seconds. The default.
    #[default]
    Compressed,
}

/// What customers ask for, open loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// How requests follow each other. Poisson unless said.
    pub arrivals: Arrivals,
    /// Intended requests per second, quotes and orders together. 200 unless said; 0.1 to 20,000.
    pub rate_per_s: f64,
    /// What is asked for. Four quotes to an order unless said.
    pub mix: Mix,
    /// Customers' accounts. 90 unless said; 1 to 10,000.
    pub accounts: u16,
    /// Products, e.g. `BTC-USD`. 1 to 20.
    pub products: Vec<String>,
    /// Sent before measuring begins, and left out of the result. 1 s unless said; 0 to 600 s.
    pub warmup: Duration,
    /// The healthy phase. 5 s unless said; 0.1 s to 1 h, like the other two.
    pub before: Duration,
    /// The phase that is to hurt. 8 s unless said.
    pub outage: Duration,
    /// The phase after the heal. 8 s unless said.
    pub recovery: Duration,
    /// How long open requests are waited for at the end; then they are `unfinished`. Half a second more
    /// than the deadline unless said, so that the last of them can still end by it; 0 to 600 s.
    pub drain: Duration,
    /// A customer's patience, from the intended start. 2 s unless said; 10 ms to 10 min.
    pub deadline: Duration,
    /// Beyond so many requests in flight the next one is `unsent_cap`. 512 unless said, below the usual
    /// limit of open files; 1 to 100,000.
    pub in_flight_max: u32,
    /// How late the load generator itself may be at p99; beyond it the run is invalid. 50 ms unless said; 1 ms to
    /// 1 min.
    pub lag_max: Duration,
}

/// How intended requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// At random, independent of each other.
    Poisson,
    /// Evenly.
    Constant,
}

/// Weights of what is asked for: 0 to 1,000, not both 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Quotes (label `quote`).
    pub quotes: u16,
    /// Orders (label `order`).
    pub orders: u16,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When.
    pub at: At,
    /// What.
    pub call: FaultCall,
    /// Whether it takes a fault back instead of making one.
    pub heals: bool,
}

/// A moment of a run, counted from the beginning of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// From here.
    pub anchor: Anchor,
    /// This much later.
    pub offset: Duration,
}

/// What a moment is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The start of measuring, after the warm-up.
    Start,
    /// The start of the outage phase.
    Outage,
    /// The start of the recovery phase.
    Recovery,
}

/// One of the designs that are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// As in `--arms` and in the files of a run.
    pub name: String,
    /// The design.
    pub strategy: Strategy,
    /// Settings of librdkafka on top of the strategy's, for every client of the services; at most 50.
    pub client: BTreeMap<String, String>,
    /// Whether it is only played when it is named with `--arms`.
    pub optional: bool,
    /// What is expected of it; none is no opinion.
    pub expect: Vec<Gate>,
}

/// A design of the trading path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// No protection and the client's defaults: the case.
    Hang,
    /// A deadline for every call, and nothing else.
    Timeout(TimeoutPlan),
    /// The circuit breaker that people install, around a time limiter.
    Breaker(BreakerPlan),
    /// A circuit per partition and an answer without Kafka.
    Degrade(DegradePlan),
}

/// The settings of [`Strategy::Timeout`]; `None` leaves the service's own default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeoutPlan {
    /// The service's deadline for a call over Kafka. 10 ms to 1 min.
    pub deadline: Option<Duration>,
}

/// The settings of [`Strategy::Breaker`]; `None` leaves the service's own default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BreakerPlan {
    /// The service's deadline for a call over Kafka, inside of the breaker. 10 ms to 1 min.
    pub deadline: Option<Duration>,
    /// What one breaker stands for.
    pub scope: BreakerScope,
    /// When it opens and closes: of [`BREAKER`].
    pub breaker: Numbers,
}

/// What one breaker stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BreakerScope {
    /// All of Kafka, as one breaker per dependency is what manuals show. The default.
    #[default]
    Service,
    /// One partition, which nobody's manual has; so that nobody need wonder what that would have done.
    Partition,
}

/// The settings of [`Strategy::Degrade`]; `None` leaves the service's own default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DegradePlan {
    /// Where quotes come from while a circuit is open.
    pub quote_fallback: QuoteFallback,
    /// What orders are told while a circuit is open.
    pub order_fallback: OrderFallback,
    /// The service's deadline for a call over Kafka. 10 ms to 1 min.
    pub deadline: Option<Duration>,
    /// When circuits open and close: of [`CIRCUIT`].
    pub circuit: Numbers,
    /// The bounds of the layers around and beside them: of [`LAYERS`].
    pub layers: Numbers,
}

impl Default for DegradePlan {
    fn default() -> Self {
        Self {
            quote_fallback: QuoteFallback::Http,
            order_fallback: OrderFallback::Reject,
            deadline: None,
            circuit: Numbers::default(),
            layers: Numbers::default(),
        }
    }
}

/// Where quotes come from while a circuit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuoteFallback {
    /// The fee service is asked directly over HTTP. The default.
    Http,
    /// The same calculation on a cached tier.
    Cached,
}

/// What orders are told while a circuit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderFallback {
    /// Refused before anything was produced. The default.
    Reject,
}

/// The labels that the requests of the load carry, as gates name them.
pub const LABELS: [&str; 2] = ["quote", "order"];

impl Scenario {
    /// The steps with their times from the start of measuring, in the order of time.
    pub fn schedule(&self) -> impl Iterator<Item = (Duration, &Step)> {
        self.timeline.iter().map(|step| (self.load.instant(step.at), step))
    }

    /// When the damage is complete: the last fault that is not a heal, from the start of measuring. Times to detect
    /// and to degrade count from here, since what comes before it (a frozen controller alone) may do no harm at all.
    pub fn strikes_at(&self) -> Option<Duration> {
        self.schedule().filter(|(_, step)| !step.heals).last().map(|(at, _)| at)
    }

    /// When healing begins: the first heal, from the start of measuring. The time to recover counts from here.
    pub fn heals_at(&self) -> Option<Duration> {
        self.schedule().find(|(_, step)| step.heals).map(|(at, _)| at)
    }

    /// The arm called `name`.
    pub fn arm(&self, name: &str) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.name == name)
    }
}

impl Load {
    /// From the start of measuring to the last intended request.
    pub fn measured(&self) -> Duration {
        self.before + self.outage + self.recovery
    }

    /// `at`, from the start of measuring.
    pub fn instant(&self, at: At) -> Duration {
        let anchor = match at.anchor {
            Anchor::Start => Duration::ZERO,
            Anchor::Outage => self.before,
            Anchor::Recovery => self.before + self.outage,
        };
        anchor + at.offset
    }
}

impl ClockPlan {
    /// The values set in place of the preset's, by their keys in a file.
    pub fn overrides(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let all = [
            ("session_ms", self.session),
            ("heartbeat_ms", self.heartbeat),
            ("replica_lag_ms", self.replica_lag),
            ("stale_check_ms", self.stale_check),
            ("quorum_election_ms", self.quorum_election),
            ("broker_start_ms", self.broker_start),
            ("offsets_commit_ms", self.offsets_commit),
            ("leader_rebalance_ms", self.leader_rebalance),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?)))
    }
}
