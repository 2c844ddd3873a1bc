//! The trade service as a program.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use service_kit::process;
use trade_service::Settings;

/// Takes orders over HTTP and executes each at most once, over Kafka.
///
/// An order is placed, quoted, charged and booked over Kafka topics, one step after the other. With
/// `--strategy degrade` an order on a stuck partition is refused before anything is produced (503, `executed: no`);
/// one that was produced and met silence is answered with 504, `executed: unknown`, and resolved later:
/// GET /v1/orders/CLIENT_ORDER_ID?account=ACCOUNT tells. With `--strategy hang` it waits as long as it takes.
///
/// Orders are kept in memory: a restart forgets them.
#[derive(Debug, Parser)]
#[command(name = "trade-service", version)]
struct Cli {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "LEADERLESS_TRADE_LISTEN", default_value = "127.0.0.1:8083", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Allow --listen on an address that others can reach. There is no authentication.
    #[arg(long)]
    allow_remote: bool,
    #[command(flatten)]
    settings: Settings,
}

fn main() -> ExitCode {
    let Cli { listen, allow_remote, settings } = process::parse_or_exit();
    process::serve(listen, allow_remote, settings.check(), |listener, shutdown| async move {
        trade_service::run(listener, settings, shutdown).await.context("the trade service could not start")
    })
}
