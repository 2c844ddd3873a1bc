//! The settings of the three services, from the design of an arm.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use fee_service::FeeSettings;
use quote_service::{Fallback, FallbackUse, LayerSettings, QuoteSettings};
use scenario::{Arm, BreakerScope as Scope, DegradePlan, Numbers, QuoteFallback, Strategy};
use service_kit::breaker::{BreakerScope, BreakerSettings};
use service_kit::circuit_settings::CircuitSettings;
use service_kit::health::ModeNotices;
use service_kit::kafka_settings::{KafkaSettings, KafkaSettingsError};
use service_kit::settings::{HttpSettings, Strategy as ServiceStrategy};
use trade_service::{OrderSettings, Settings as TradeSettings};

/// Requests in flight at the end of a game day are not waited for: their customers are gone.
const DRAIN_MS: u64 = 300;

/// What a system is made to do when Kafka is stuck: a strategy, and what is changed of its clients.
#[derive(Debug, Clone)]
pub struct Design {
    strategy: Strategy,
    client: BTreeMap<String, String>,
}

impl From<&Arm> for Design {
    fn from(arm: &Arm) -> Self {
        Self { strategy: arm.strategy.clone(), client: arm.client.clone() }
    }
}

impl From<&Strategy> for Design {
    fn from(strategy: &Strategy) -> Self {
        Self { strategy: strategy.clone(), client: BTreeMap::new() }
    }
}

impl Design {
    /// Checks everything that can be checked before anything starts.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), KafkaSettingsError> {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let services =
            Services::new(self, "127.0.0.1:1", nowhere, &ModeNotices::default(), Duration::from_secs(1));
        services.quote.check()?;
        services.fee.check()?;
        services.trade.check()
    }
}

/// The settings of all three.
pub(super) struct Services {
    pub(super) fee: FeeSettings,
    pub(super) quote: QuoteSettings,
    pub(super) trade: TradeSettings,
}

impl Services {
    /// What a design means for each service. `patience` is for Kafka at the start.
    pub(super) fn new(
        design: &Design,
        bootstrap: &str,
        fee: SocketAddr,
        notices: &ModeNotices,
        patience: Duration,
    ) -> Self {
        let kafka = KafkaSettings { startup_ms: ms(patience), ..kafka(design, bootstrap, notices) };
        let http = HttpSettings { drain_ms: DRAIN_MS, ..HttpSettings::default() };
        let plan = match &design.strategy {
            Strategy::Degrade(plan) => plan.clone(),
            _ => DegradePlan::default(),
        };
        Self {
            fee: FeeSettings { http: http.clone(), kafka: kafka.clone(), ..FeeSettings::default() },
            quote: quote(&plan, http.clone(), kafka.clone(), fee),
            trade: TradeSettings { http, kafka, orders: orders(&plan.layers), ..TradeSettings::default() },
        }
    }

    /// What the fallback does.
    pub(super) fn fallback_use(&self) -> FallbackUse {
        self.quote.used.clone()
    }
}

fn quote(plan: &DegradePlan, http: HttpSettings, kafka: KafkaSettings, fee: SocketAddr) -> QuoteSettings {
    let own = QuoteSettings::default();
    QuoteSettings {
        http,
        kafka,
        fallback: match plan.quote_fallback {
            QuoteFallback::Http => Fallback::Http,
            QuoteFallback::Cached => Fallback::Cached,
        },
        fee_url: fee.into(),
        fee_timeout_ms: plan.layers.get("fee_timeout_ms").map_or(own.fee_timeout_ms, u64::from),
        layers: layers(&plan.layers),
        ..own
    }
}

fn layers(set: &Numbers) -> LayerSettings {
    let own = LayerSettings::default();
    let number = |key: &str, own: u32| set.get(key).unwrap_or(own);
    LayerSettings {
        in_flight_max: number("quotes_in_flight_max", own.in_flight_max),
        early_drop_least_ms: number("early_drop_least_ms", own.early_drop_least_ms),
        fallback_concurrency_max: number("fallback_concurrency_max", own.fallback_concurrency_max),
        fallback_staleness_ms_max: number("fallback_staleness_ms_max", own.fallback_staleness_ms_max),
        fallback_deadline_ms: number("fallback_deadline_ms", own.fallback_deadline_ms),
        shadow_one_in: number("shadow_one_in", own.shadow_one_in),
        shadow_concurrency_max: number("shadow_concurrency_max", own.shadow_concurrency_max),
        shadow_deadline_ms: number("shadow_deadline_ms", own.shadow_deadline_ms),
        shadow_strikes: number("shadow_strikes", own.shadow_strikes),
        proven_for_ms: number("proven_for_ms", own.proven_for_ms),
    }
}

fn orders(set: &Numbers) -> OrderSettings {
    let own = OrderSettings::default();
    OrderSettings {
        orders_max: set.get("orders_remembered_max").unwrap_or(own.orders_max),
        unresolved_max: set.get("orders_unresolved_max").unwrap_or(own.unresolved_max),
        in_flight_max: set.get("orders_in_flight_max").unwrap_or(own.in_flight_max),
    }
}

fn kafka(design: &Design, bootstrap: &str, notices: &ModeNotices) -> KafkaSettings {
    let own = KafkaSettings {
        bootstrap: bootstrap.to_owned(),
        notices: notices.clone(),
        overrides: design.client.clone().into_iter().collect(),
        ..KafkaSettings::default()
    };
    let deadline_ms = |deadline: Option<Duration>| deadline.map_or(own.deadline_ms, ms);
    match &design.strategy {
        Strategy::Hang => KafkaSettings { strategy: ServiceStrategy::Hang, ..own },
        Strategy::Timeout(plan) => KafkaSettings {
            strategy: ServiceStrategy::Timeout,
            deadline_ms: deadline_ms(plan.deadline),
            ..own
        },
        Strategy::Breaker(plan) => KafkaSettings {
            strategy: ServiceStrategy::Breaker,
            deadline_ms: deadline_ms(plan.deadline),
            breaker: BreakerSettings {
                scope: match plan.scope {
                    Scope::Service => BreakerScope::Service,
                    Scope::Partition => BreakerScope::Partition,
                },
                set: named(&plan.breaker),
            },
            ..own
        },
        Strategy::Degrade(plan) => KafkaSettings {
            strategy: ServiceStrategy::Degrade,
            deadline_ms: deadline_ms(plan.deadline),
            circuit: CircuitSettings { set: named(&plan.circuit), ..CircuitSettings::default() },
            ..own
        },
    }
}

fn named(numbers: &Numbers) -> Vec<(String, u32)> {
    numbers.iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenario::{BREAKER, BreakerPlan, CIRCUIT, LAYERS, Number};

    fn of(number: &Number, value: u32) -> Numbers {
        std::iter::once((number.key, value)).collect()
    }

    fn shown(strategy: Strategy) -> String {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let notices = ModeNotices::default();
        let services =
            Services::new(&Design::from(&strategy), "b:1", nowhere, &notices, Duration::from_secs(1));
        format!("{:?}{:?}", services.quote, services.trade)
    }

    /// Every number that a scenario may set arrives at a service; one end of its bounds at least is taken by itself.
    fn every_number_arrives(table: &[Number], strategy: impl Fn(Numbers) -> Strategy) {
        let default = shown(strategy(Numbers::default()));
        for number in table {
            let ends = [number.min, number.max];
            let designs = ends.map(|value| strategy(of(number, value)));
            assert!(designs.iter().any(|design| shown(design.clone()) != default), "{}", number.key);
            let checked = designs.map(|design| Design::from(&design).check());
            assert!(checked.iter().any(Result::is_ok), "{}: {checked:?}", number.key);
        }
    }

    #[test]
    fn every_number_of_a_scenario_arrives_at_a_service() {
        every_number_arrives(&CIRCUIT, |circuit| {
            Strategy::Degrade(DegradePlan { circuit, ..DegradePlan::default() })
        });
        every_number_arrives(&LAYERS, |layers| {
            Strategy::Degrade(DegradePlan { layers, ..DegradePlan::default() })
        });
        every_number_arrives(&BREAKER, |breaker| {
            Strategy::Breaker(BreakerPlan { breaker, ..BreakerPlan::default() })
        });
    }

    #[test]
    fn numbers_that_do_not_go_together_and_settings_that_no_client_knows_are_named() {
        let circuit = [("slo_ms", 1_000), ("age_floor_ms", 900)].into_iter().collect();
        let plan = DegradePlan { circuit, ..DegradePlan::default() };
        let error = Design::from(&Strategy::Degrade(plan)).check().unwrap_err().to_string();
        assert_eq!(error, "setting age_floor is 900ms; allowed is 10ms to 500ms");
        let client = BTreeMap::from([("linger".to_owned(), "5".to_owned())]);
        let error = Design { client, ..Design::from(&Strategy::Hang) }.check().unwrap_err().to_string();
        assert!(error.contains("linger"), "{error}");
    }
}
