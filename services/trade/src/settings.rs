//! The settings of the trade service, from flags and environment, or from a program that runs it inside itself.

use clap::Args;
use service_kit::kafka_settings::{KafkaSettings, KafkaSettingsError};
use service_kit::settings::HttpSettings;

use crate::resolver::UnresolvedCount;

/// Everything that the trade service can be told.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// The HTTP side.
    #[command(flatten)]
    pub http: HttpSettings,
    /// Which cluster, and what to do when it is stuck.
    #[command(flatten)]
    pub kafka: KafkaSettings,
    /// Where orders are kept, and how many.
    #[command(flatten)]
    pub orders: OrderSettings,
    /// Counts the orders that were answered and are not resolved yet, for a program that waits for the last of them.
    #[arg(skip)]
    pub unresolved: UnresolvedCount,
}

/// How many orders may be where. Beyond each bound an order is refused with 503, `executed: no`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Orders")]
pub struct OrderSettings {
    /// Orders that are remembered, so that the same id gets the same answer. At the bound the order that ended
    /// first is forgotten; one takes about 1 kB.
    #[arg(long, env = "LEADERLESS_ORDERS_MAX", default_value_t = Self::default().orders_max, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub orders_max: u32,
    /// Orders that are in progress or wait to be resolved.
    #[arg(long, env = "LEADERLESS_UNRESOLVED_MAX", default_value_t = Self::default().unresolved_max, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub unresolved_max: u32,
    /// Orders in progress.
    #[arg(long, env = "LEADERLESS_IN_FLIGHT_MAX", default_value_t = Self::default().in_flight_max, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub in_flight_max: u32,
}

impl Default for OrderSettings {
    fn default() -> Self {
        Self { orders_max: 200_000, unresolved_max: 10_000, in_flight_max: 4_096 }
    }
}

impl Settings {
    /// Checks everything that can be checked without a broker.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), KafkaSettingsError> {
        self.kafka.check()
    }
}
