//! Settings that every service has, from flags and environment, checked before a port opens.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::health::OperatorToken;

/// What a service does when Kafka is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// No protection and the client defaults: what hung on the day.
    Hang,
    /// Deadlines, circuits and fallbacks.
    Degrade,
}

/// The HTTP side.
#[derive(Debug, Clone, Args)]
pub struct HttpSettings {
    /// Longest time requests in flight are waited for at shutdown, in ms.
    #[arg(long, env = "LEADERLESS_DRAIN_MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub drain_ms: u64,
    /// Largest request body, in bytes.
    #[arg(long, env = "LEADERLESS_BODY_BYTES_MAX", default_value_t = 131_072, value_parser = clap::value_parser!(u64).range(1_024..=16_777_216))]
    pub body_bytes_max: u64,
    /// Most connections open at once; further ones wait in the kernel's queue.
    #[arg(long, env = "LEADERLESS_CONNECTIONS_MAX", default_value_t = 8_192, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub connections_max: u64,
    /// What `POST /mode` asks for as `Authorization: Bearer TOKEN` where --listen is not loopback; without it nobody may
    /// order there.
    #[arg(long, env = "LEADERLESS_OPERATOR_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub operator_token: Option<OperatorToken>,
}

impl HttpSettings {
    /// How long requests in flight are waited for at shutdown.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { drain_ms: 2_000, body_bytes_max: 131_072, connections_max: 8_192, operator_token: None }
    }
}

/// Reads `KEY=VALUE`.
///
/// # Errors
/// Says what was given and what is allowed.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE, e.g. message.timeout.ms=2000")),
    }
}

/// Refuses an address that is not loopback unless `allowed`.
///
/// # Errors
/// Names the address and the flag that allows it.
pub fn check_loopback(listen: SocketAddr, allowed: bool) -> Result<(), String> {
    if listen.ip().is_loopback() || allowed {
        return Ok(());
    }
    Err(format!("--listen {listen} is not a loopback address; add --allow-remote if that is meant"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_without_equals_sign_is_refused_with_an_example() {
        assert!(key_value("linger.ms").unwrap_err().contains("KEY=VALUE"));
        assert_eq!(key_value("linger.ms=5").unwrap(), ("linger.ms".into(), "5".into()));
    }

    #[test]
    fn other_addresses_than_loopback_must_be_meant() {
        let everywhere: SocketAddr = "0.0.0.0:80".parse().unwrap();
        assert!(check_loopback(everywhere, false).unwrap_err().contains("--allow-remote"));
        assert!(check_loopback(everywhere, true).is_ok());
    }
}
