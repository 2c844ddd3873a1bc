//! The quote service as a program: settings, listen, run, drain.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use quote_service::QuoteSettings;
use service_kit::process;

/// The quote service of the reference trading path.
///
/// Answers quotes over HTTP (POST /v1/quotes, GET /v1/quotes/ID) and over Kafka (quote.requests), priced from
/// market.ticks, with a fee that is asked over Kafka. When Kafka is stuck, quotes are computed locally and say so.
/// Its health is at /healthz, /readyz, /mode and /metrics. The topics must exist.
#[derive(Debug, Parser)]
#[command(name = "quote-service", version, max_term_width = 100)]
#[command(after_help = "Example:\n  quote-service --bootstrap 127.0.0.1:9092 --listen 127.0.0.1:8082\n  \
    curl -d '{\"account\":\"a-1\",\"product\":\"BTC-USD\",\"side\":\"buy\",\"quantity\":\"0.01\"}' 127.0.0.1:8082/v1/quotes")]
struct Cli {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "LEADERLESS_QUOTE_LISTEN", default_value = "127.0.0.1:8082", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Allow --listen on an address that others can reach. There is no authentication.
    #[arg(long)]
    allow_remote: bool,
    #[command(flatten)]
    settings: QuoteSettings,
}

fn main() -> ExitCode {
    let Cli { listen, allow_remote, settings } = process::parse_or_exit();
    process::serve(listen, allow_remote, settings.check(), |listener, shutdown| async move {
        quote_service::run(listener, settings, shutdown).await.context("the quote service cannot run")
    })
}
