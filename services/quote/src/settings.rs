//! The settings of the quote service.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use http::Uri;
use service_kit::kafka_settings::{KafkaSettings, KafkaSettingsError};
use service_kit::settings::HttpSettings;
use trading::signature::KEY_BYTES_MIN;

use crate::layers::LayerSettings;
use crate::used::FallbackUse;

/// Where the fee of a degraded quote comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fallback {
    /// The fee service over HTTP, and the cached tier where it does not answer at once.
    Http,
    /// The cached tier alone.
    Cached,
}

/// The key that quotes are signed with. It never shows in a debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(String);

impl SigningKey {
    /// Takes a key of at least 32 bytes.
    ///
    /// # Errors
    /// Says how long it is and how long it must be; the key itself is not repeated.
    pub fn new(key: &str) -> Result<Self, String> {
        if key.len() < KEY_BYTES_MIN {
            return Err(format!(
                "a signing key has at least {KEY_BYTES_MIN} bytes, this one has {}",
                key.len()
            ));
        }
        Ok(Self(key.to_owned()))
    }

    /// The key.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Where the fee service is: `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeUrl(Uri);

/// The text is no address of the fee service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a fee service: allowed is http://HOST:PORT")]
pub struct BadFeeUrl(String);

impl FromStr for FeeUrl {
    type Err = BadFeeUrl;

    fn from_str(text: &str) -> Result<Self, BadFeeUrl> {
        let bad = || BadFeeUrl(text.to_owned());
        let base: Uri = text.parse().map_err(|_| bad())?;
        let plain = base.scheme_str() == Some("http") && base.path() == "/" && base.query().is_none();
        let authority = base.authority().filter(|_| plain).ok_or_else(bad)?;
        let fees = Uri::builder().scheme("http").authority(authority.clone()).path_and_query("/v1/fees");
        fees.build().map(Self).map_err(|_| bad())
    }
}

impl From<SocketAddr> for FeeUrl {
    fn from(address: SocketAddr) -> Self {
        format!("http://{address}").parse().expect("a socket address is a host and a port")
    }
}

impl FeeUrl {
    /// Where fees are asked for.
    #[must_use]
    pub const fn fees(&self) -> &Uri {
        &self.0
    }
}

/// The settings of the quote service.
#[derive(Debug, Clone, Args)]
pub struct QuoteSettings {
    /// The HTTP side.
    #[command(flatten)]
    pub http: HttpSettings,
    /// The Kafka side.
    #[command(flatten)]
    pub kafka: KafkaSettings,
    /// Where the fee of a degraded quote comes from.
    #[arg(long, env = "LEADERLESS_QUOTE_FALLBACK", value_enum, default_value_t = Fallback::Http)]
    pub fallback: Fallback,
    /// The fee service, for --fallback http.
    #[arg(long, env = "LEADERLESS_FEE_URL", default_value = "http://127.0.0.1:8081", value_name = "URL")]
    pub fee_url: FeeUrl,
    /// How long to wait for it, in ms, before the cached tier is used.
    #[arg(long, env = "LEADERLESS_FEE_TIMEOUT_MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub fee_timeout_ms: u64,
    /// The bounds of the layers.
    #[command(flatten)]
    pub layers: LayerSettings,
    /// What the fallback did, for a program that runs the service inside itself.
    #[arg(skip)]
    pub used: FallbackUse,
    /// The key that quotes are signed with, at least 32 bytes; who honours quotes needs the same. Default: a random
    /// one for this process.
    #[arg(long, env = "LEADERLESS_SIGNING_KEY", hide_env_values = true, value_parser = SigningKey::new)]
    pub signing_key: Option<SigningKey>,
}

impl Default for QuoteSettings {
    fn default() -> Self {
        Self {
            http: HttpSettings::default(),
            kafka: KafkaSettings::default(),
            fallback: Fallback::Http,
            fee_url: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)).into(),
            fee_timeout_ms: 100,
            layers: LayerSettings::default(),
            used: FallbackUse::default(),
            signing_key: None,
        }
    }
}

impl QuoteSettings {
    /// Checks everything that can be checked without a broker.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), KafkaSettingsError> {
        self.kafka.check()?;
        Ok(self.layers.check(self.fee_timeout())?)
    }

    /// How long to wait for the fee service over HTTP.
    #[must_use]
    pub const fn fee_timeout(&self) -> Duration {
        Duration::from_millis(self.fee_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fee_service_must_be_reached_in_plain_http() {
        for url in ["https://fees", "fees:8081", "http://fees:1/v1", "http://", ""] {
            let error = url.parse::<FeeUrl>().unwrap_err().to_string();
            assert!(error.contains("http://HOST:PORT"), "{url}: {error}");
        }
        let url: FeeUrl = "http://fees.internal:8081/".parse().unwrap();
        assert_eq!(url.fees(), "http://fees.internal:8081/v1/fees");
        assert_eq!(QuoteSettings::default().fee_url.fees(), "http://127.0.0.1:8081/v1/fees");
    }

    #[test]
    fn a_signing_key_is_long_and_never_shown() {
        assert!(!SigningKey::new("hunter2").unwrap_err().contains("hunter2"));
        let signing_key = Some(SigningKey::new(&"k".repeat(32)).unwrap());
        assert!(!format!("{:?}", QuoteSettings { signing_key, ..QuoteSettings::default() }).contains("kk"));
    }
}
