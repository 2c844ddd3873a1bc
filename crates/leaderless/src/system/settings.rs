//! The settings of the three services, from the strategy of an arm.

use std::net::SocketAddr;
use std::time::Duration;

use fee_service::FeeSettings;
use quote_service::{Fallback, QuoteSettings};
use scenario::{CircuitPlan, DegradePlan, QuoteFallback, Strategy};
use service_kit::circuit_settings::CircuitSettings;
use service_kit::health::ModeNotices;
use service_kit::kafka_settings::KafkaSettings;
use service_kit::settings::{HttpSettings, Strategy as ServiceStrategy};
use trade_service::Settings as TradeSettings;

/// Requests in flight at the end of a game day are not waited for: their customers are gone.
const DRAIN_MS: u64 = 300;

/// The settings of all three.
pub(super) struct Services {
    pub(super) fee: FeeSettings,
    pub(super) quote: QuoteSettings,
    pub(super) trade: TradeSettings,
}

impl Services {
    /// What a strategy means for each service. `patience` is for Kafka at the start.
    pub(super) fn new(
        strategy: &Strategy,
        bootstrap: &str,
        fee: SocketAddr,
        notices: &ModeNotices,
        patience: Duration,
    ) -> Self {
        let kafka = KafkaSettings { startup_ms: ms(patience), ..kafka(strategy, bootstrap, notices) };
        let http = HttpSettings { drain_ms: DRAIN_MS, ..HttpSettings::default() };
        let fallback = match strategy {
            Strategy::Degrade(DegradePlan { quote_fallback: QuoteFallback::Cached, .. }) => Fallback::Cached,
            _ => Fallback::Http,
        };
        let fee_url = format!("http://{fee}").parse().expect("an address makes a URL");
        Self {
            fee: FeeSettings { http: http.clone(), kafka: kafka.clone(), ..FeeSettings::default() },
            quote: QuoteSettings {
                http: http.clone(),
                kafka: kafka.clone(),
                fallback,
                fee_url,
                ..QuoteSettings::default()
            },
            trade: TradeSettings { http, kafka, ..TradeSettings::default() },
        }
    }
}

fn kafka(strategy: &Strategy, bootstrap: &str, notices: &ModeNotices) -> KafkaSettings {
    let settings = KafkaSettings {
        bootstrap: bootstrap.to_owned(),
        notices: notices.clone(),
        ..KafkaSettings::default()
    };
    match strategy {
        Strategy::Hang => KafkaSettings { strategy: ServiceStrategy::Hang, ..settings },
        Strategy::Degrade(plan) => KafkaSettings {
            strategy: ServiceStrategy::Degrade,
            deadline_ms: plan.deadline.map_or(settings.deadline_ms, ms),
            circuit: circuit(&plan.circuit),
            ..settings
        },
    }
}

fn circuit(plan: &CircuitPlan) -> CircuitSettings {
    let own = CircuitSettings::default();
    CircuitSettings {
        slo_ms: plan.slo.map_or(own.slo_ms, ms),
        age_floor_ms: plan.age_floor.map_or(own.age_floor_ms, ms),
        heartbeat_period_ms: plan.heartbeat_period.map_or(own.heartbeat_period_ms, ms),
        close_timeout_ms: plan.close_timeout.map_or(own.close_timeout_ms, ms),
        probe_period_ms: plan.probe_period.map_or(own.probe_period_ms, ms),
        probe_deadline_ms: plan.probe_deadline.map_or(own.probe_deadline_ms, ms),
        probes_to_close: plan.probes_to_close.map_or(own.probes_to_close, u32::from),
        dwell_min_ms: plan.dwell_min.map_or(own.dwell_min_ms, ms),
        dwell_max_ms: plan.dwell_max.map_or(own.dwell_max_ms, ms),
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
