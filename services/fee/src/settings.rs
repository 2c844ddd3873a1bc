//! The settings of the fee service.

use clap::Args;
use service_kit::kafka_settings::{KafkaSettings, KafkaSettingsError};
use service_kit::settings::HttpSettings;

/// The settings of the fee service.
#[derive(Debug, Clone, Args)]
pub struct FeeSettings {
    /// The HTTP side.
    #[command(flatten)]
    pub http: HttpSettings,
    /// The Kafka side.
    #[command(flatten)]
    pub kafka: KafkaSettings,
    /// The consumer group that reads the trades. A group's members share the trades, so instances that must each
    /// know every volume take groups of their own.
    #[arg(long, env = "LEADERLESS_VOLUME_GROUP", default_value = "fee-service")]
    pub volume_group: String,
}

impl Default for FeeSettings {
    fn default() -> Self {
        Self {
            http: HttpSettings::default(),
            kafka: KafkaSettings::default(),
            volume_group: "fee-service".to_owned(),
        }
    }
}

impl FeeSettings {
    /// Checks everything that can be checked without a broker.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), KafkaSettingsError> {
        self.kafka.check()
    }
}
