//! Counters of one service instance, as Prometheus text.
//!
//! A registry is a value, not a global: the three services of a game day share a process and must not share
//! their counts. That is why this is `prometheus-client`, whose registry is owned, and not a facade with one
//! recorder per process.

use std::sync::{Arc, Mutex, PoisonError};

use circuit::Decision;
use degrade::early_drop::Tally;
use degrade::shadow::{Seen, Verdict};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::health::Change;
use crate::problem::PathTaken;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    path: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartitionLabels {
    partition: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    partition: u32,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OrderLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScopeLabels {
    scope: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WayLabels {
    way: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LayerLabels {
    layer: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PublishedLabels {
    event: &'static str,
    outcome: &'static str,
}

/// The counters of one service instance. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    circuits: CircuitMetrics,
    dead_letters: Family<ReasonLabels, Counter>,
    late_replies: Gauge,
    published: Family<PublishedLabels, Counter>,
    fallbacks: Family<WayLabels, Counter>,
    layers: LayerMetrics,
}

/// What the layers refused, and what the shadows of a fallback showed.
#[derive(Debug, Clone)]
struct LayerMetrics {
    refusals: Family<LayerLabels, Counter>,
    shadows: Family<VerdictLabels, Counter>,
    shadow_seconds: Histogram,
    shadow_distance: Gauge,
    beyond_limit: Counter,
}

impl LayerMetrics {
    fn new(registry: &mut Registry) -> Self {
        let new = Self {
            refusals: Family::default(),
            shadows: Family::default(),
            shadow_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 10)),
            shadow_distance: Gauge::default(),
            beyond_limit: Counter::default(),
        };
        let refusals = "Calls that a layer refused before anything was sent";
        registry.register("layer_refusals", refusals, new.refusals.clone());
        let shadows = "Answers over Kafka that were calculated by the fallback too, by how the two compared";
        registry.register("shadows", shadows, new.shadows.clone());
        let took = "How long the fallback took for nobody, in seconds";
        registry.register("shadow_seconds", took, new.shadow_seconds.clone());
        let distance = "How far the last two answers were apart that were compared, in basis points";
        registry.register("shadow_distance_bps", distance, new.shadow_distance.clone());
        let beyond = "Answers of the fallback beyond one of its limits; there must be none";
        registry.register("fallbacks_beyond_limit", beyond, new.beyond_limit.clone());
        new
    }

    fn shadowed(&self, seen: Seen) {
        let (verdict, distance) = match seen.verdict {
            Verdict::Agreed { distance } => ("agreed", Some(distance)),
            Verdict::Diverged { distance } => ("diverged", Some(distance)),
            Verdict::Answered => ("answered", None),
            Verdict::Failed => ("failed", None),
            Verdict::Late => ("late", None),
        };
        self.shadows.get_or_create(&VerdictLabels { verdict }).inc();
        self.shadow_seconds.observe(seen.took.as_secs_f64());
        if let Some(distance) = distance {
            self.shadow_distance.set(i64::try_from(distance).unwrap_or(i64::MAX));
        }
    }
}

/// Callers who gave up, as an early drop counts them: asked when the metrics are.
#[derive(Debug)]
struct Abandoned(Tally);

impl Collector for Abandoned {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let abandoned = ConstCounter::new(self.0.counts().abandoned);
        let help = "Calls whose caller gave up before there was an answer";
        abandoned.encode(encoder.encode_descriptor("abandoned_calls", help, None, abandoned.metric_type())?)
    }
}

/// What changed of the circuits.
#[derive(Debug, Clone, Default)]
struct CircuitMetrics {
    open: Family<PartitionLabels, Gauge>,
    state: Family<StateLabels, Gauge>,
    scopes: Family<ScopeLabels, Gauge>,
    changes: Counter,
    trips: Family<ReasonLabels, Counter>,
    orders: Family<OrderLabels, Counter>,
}

impl CircuitMetrics {
    fn new(registry: &mut Registry) -> Self {
        let new = Self::default();
        let open = "1 while the circuit of the partition admits no call";
        registry.register("circuit_open", open, new.open.clone());
        let state =
            "1 for the state in which the circuit of the partition is, once it has left the closed one";
        registry.register("circuit_state", state, new.state.clone());
        let scopes = "1 while so many partitions of a scope are stuck that none of it is waited for";
        registry.register("circuit_scope_open", scopes, new.scopes.clone());
        registry.register("circuit_changes", "Changes of mode of all circuits", new.changes.clone());
        let trips = "Times that a circuit opened, by the signal that opened it";
        registry.register("circuit_trips", trips, new.trips.clone());
        let orders = "Orders of operators that were obeyed, by the state that was ordered";
        registry.register("operator_orders", orders, new.orders.clone());
        new
    }

    fn changed(&self, change: &Change) {
        self.changes.inc();
        let open = change.decisions().1 == Decision::Fallback;
        let Some(partition) = change.partition() else {
            self.scopes.get_or_create(&ScopeLabels { scope: change.scope() }).set(i64::from(open));
            return;
        };
        let partition = u32::try_from(partition).unwrap_or(u32::MAX);
        self.open.get_or_create(&PartitionLabels { partition }).set(i64::from(open));
        let (from, to) = change.states();
        self.state.get_or_create(&StateLabels { partition, state: from }).set(0);
        self.state.get_or_create(&StateLabels { partition, state: to }).set(1);
        if let (true, Some(reason)) = (to == "open", change.reason()) {
            self.trips.get_or_create(&ReasonLabels { reason: reason.name() }).inc();
        }
    }
}

impl Metrics {
    /// Counters for the service of this name; the name prefixes every metric.
    #[must_use]
    pub fn new(service: &str) -> Self {
        let mut registry = Registry::with_prefix(format!("leaderless_{service}"));
        let requests = Family::default();
        registry.register("http_requests", "HTTP answers by route, path taken and status", requests.clone());
        // 0.5 ms to 16 s in powers of two: the span between a healthy hop and a client that gave up.
        let buckets: fn() -> Histogram = || Histogram::new(exponential_buckets(0.000_5, 2.0, 16));
        let latency = Family::new_with_constructor(buckets);
        registry.register("http_request_seconds", "Service time by route, in seconds", latency.clone());
        let circuits = CircuitMetrics::new(&mut registry);
        let dead_letters = Family::default();
        registry.register("dead_letters", "Records that could not be read, by reason", dead_letters.clone());
        let late_replies = Gauge::default();
        registry.register(
            "late_replies",
            "Replies that came after their caller had gone",
            late_replies.clone(),
        );
        let published = Family::default();
        registry.register(
            "events_published",
            "Events that nobody waits for, by type and by what became of them",
            published.clone(),
        );
        let fallbacks = Family::default();
        registry.register(
            "fallbacks",
            "Answers of the fallback, by the way they were come by",
            fallbacks.clone(),
        );
        let layers = LayerMetrics::new(&mut registry);
        Self {
            registry: Arc::new(Mutex::new(registry)),
            requests,
            latency,
            circuits,
            dead_letters,
            late_replies,
            published,
            fallbacks,
            layers,
        }
    }

    /// One HTTP answer.
    pub fn answered(&self, route: &'static str, path: &'static str, status: u16, seconds: f64) {
        self.requests.get_or_create(&RequestLabels { route, path, status }).inc();
        self.latency.get_or_create(&RouteLabels { route }).observe(seconds);
    }

    /// A circuit changed its mode, or a scope did.
    pub fn changed(&self, change: &Change) {
        self.circuits.changed(change);
    }

    /// An operator's order was obeyed.
    pub fn ordered(&self, state: &'static str) {
        self.circuits.orders.get_or_create(&OrderLabels { state }).inc();
    }

    /// A record went to the dead-letter topic.
    pub fn dead_letter(&self, reason: &'static str) {
        self.dead_letters.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// The total of late replies so far.
    pub fn late_replies(&self, total: u64) {
        self.late_replies.set(i64::try_from(total).unwrap_or(i64::MAX));
    }

    /// What became of an event that nobody waits for: `acked`, `lost` (unknown, in truth) or `refused`.
    pub fn published(&self, event: &'static str, outcome: &'static str) {
        self.published.get_or_create(&PublishedLabels { event, outcome }).inc();
    }

    /// The fallback answered, in this way.
    pub fn fallback(&self, way: &'static str) {
        self.fallbacks.get_or_create(&WayLabels { way }).inc();
    }

    /// A layer refused a call.
    pub fn refused(&self, layer: &'static str) {
        self.layers.refusals.get_or_create(&LayerLabels { layer }).inc();
    }

    /// Counts the callers who gave up on this early drop; to be called once.
    pub fn count_abandoned(&self, tally: Tally) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(Box::new(Abandoned(tally)));
    }

    /// A shadow of the fallback has ended.
    pub fn shadowed(&self, seen: Seen) {
        self.layers.shadowed(seen);
    }

    /// The fallback answered beyond one of its limits.
    pub fn beyond_limit(&self) {
        self.layers.beyond_limit.inc();
    }

    /// The text that `/metrics` answers with.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string cannot fail.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

impl PathTaken {
    /// The label of an answer whose `x-path` header has this value; `none` where it has none.
    pub(crate) fn label(header: Option<&http::HeaderValue>) -> &'static str {
        let known = [Self::Kafka, Self::Sync, Self::Reject, Self::Pending];
        known
            .iter()
            .map(|path| path.as_str())
            .find(|name| header.is_some_and(|h| h == name))
            .unwrap_or("none")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_services_in_one_process_do_not_share_their_counts() {
        let (fee, quote) = (Metrics::new("fee"), Metrics::new("quote"));
        fee.answered("/v1/fees", "kafka", 200, 0.002);
        assert!(fee.encode().contains(
            "leaderless_fee_http_requests_total{route=\"/v1/fees\",path=\"kafka\",status=\"200\"} 1"
        ));
        assert!(!quote.encode().contains("status=\"200\""));
    }
}
