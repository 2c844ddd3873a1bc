//! The fee service as a program: settings, listen, run, drain.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use fee_service::FeeSettings;
use service_kit::process;

/// The fee service of the reference trading path.
///
/// Answers fees over HTTP (POST /v1/fees, GET /v1/accounts/ID/tier) and over Kafka (fee.requests), and keeps the
/// trailing volumes that pick the tiers. Its health is at /healthz, /readyz, /mode and /metrics. The topics must exist.
#[derive(Debug, Parser)]
#[command(name = "fee-service", version, max_term_width = 100)]
#[command(after_help = "Example:\n  fee-service --bootstrap 127.0.0.1:9092 --listen 127.0.0.1:8081\n  \
    curl -d '{\"account\":\"a-1\",\"product\":\"BTC-USD\",\"notional\":\"100\"}' 127.0.0.1:8081/v1/fees")]
struct Cli {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "LEADERLESS_FEE_LISTEN", default_value = "127.0.0.1:8081", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Allow --listen on an address that others can reach. There is no authentication.
    #[arg(long)]
    allow_remote: bool,
    #[command(flatten)]
    settings: FeeSettings,
}

fn main() -> ExitCode {
    let Cli { listen, allow_remote, settings } = process::parse_or_exit();
    process::serve(listen, allow_remote, settings.check(), |listener, shutdown| async move {
        fee_service::run(listener, settings, shutdown).await.context("the fee service cannot run")
    })
}
