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
    /// A deadline for every request, and nothing else.
    Timeout,
    /// The circuit breaker that people install (tower-resilience), around a time limiter.
    Breaker,
    /// Deadlines, circuits and fallbacks.
    Degrade,
}

impl Strategy {
    /// How its Kafka clients behave. Those that have deadlines have the same clients, so that what they differ in is
    /// the design.
    #[must_use]
    pub const fn preset(self) -> bus::Preset {
        match self {
            Self::Hang => bus::Preset::Defaults,
            Self::Timeout | Self::Breaker | Self::Degrade => bus::Preset::FailFast,
        }
    }

    /// Whether a request has a deadline.
    #[must_use]
    pub const fn has_deadlines(self) -> bool {
        !matches!(self, Self::Hang)
    }

    /// Whether there are circuits, with heartbeats and a watch.
    #[must_use]
    pub const fn has_circuits(self) -> bool {
        matches!(self, Self::Degrade)
    }

    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Timeout => "timeout",
            Self::Breaker => "breaker",
            Self::Degrade => "degrade",
        }
    }
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

/// Reads `KEY=NUMBER`, for a setting that is called by its name.
///
/// # Errors
/// Says what was given and what is allowed.
pub fn key_number(text: &str) -> Result<(String, u32), String> {
    let pair = text.split_once('=').and_then(|(key, value)| Some((key.trim(), value.trim().parse().ok()?)));
    match pair.filter(|(key, _)| !key.is_empty()) {
        Some((key, value)) => Ok((key.to_owned(), value)),
        None => Err(format!("`{text}` is not KEY=NUMBER, e.g. leader_limit_ms=300")),
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
    fn a_number_by_name_is_a_whole_one() {
        assert_eq!(key_number("lanes=4"), Ok(("lanes".to_owned(), 4)));
        for bad in ["lanes", "lanes=", "=4", "lanes=-1", "lanes=two"] {
            assert!(key_number(bad).unwrap_err().contains("KEY=NUMBER"), "{bad}");
        }
    }

    #[test]
    fn other_addresses_than_loopback_must_be_meant() {
        let everywhere: SocketAddr = "0.0.0.0:80".parse().unwrap();
        assert!(check_loopback(everywhere, false).unwrap_err().contains("--allow-remote"));
        assert!(check_loopback(everywhere, true).is_ok());
    }
}
