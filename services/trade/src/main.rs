//! The trade service as a program.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use service_kit::{process, settings};
use tokio::net::TcpListener;
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
    #[arg(long, env = "LEADERLESS_LISTEN", default_value = "127.0.0.1:8083")]
    listen: SocketAddr,
    /// Listen on an address that others can reach. There is no authentication.
    #[arg(long, env = "LEADERLESS_ALLOW_REMOTE")]
    allow_remote: bool,
    #[command(flatten)]
    settings: Settings,
}

fn main() -> ExitCode {
    let cli: Cli = process::parse_or_exit();
    process::init_logging();
    let bad = settings::check_loopback(cli.listen, cli.allow_remote)
        .and_then(|()| cli.settings.check().map_err(|error| error.to_string()));
    if let Err(error) = bad {
        eprintln!("error: {error}");
        return ExitCode::from(process::EXIT_USAGE);
    }
    process::exit_code(serve(cli))
}

#[tokio::main]
async fn serve(cli: Cli) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind(cli.listen).await.with_context(|| format!("cannot listen on {}", cli.listen))?;
    let shutdown = process::shutdown_on_signal();
    trade_service::run(listener, cli.settings, shutdown).await.context("the trade service could not start")
}
