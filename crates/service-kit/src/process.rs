//! What a `main` does around `run`: logging, signals, exit codes.

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::settings::check_loopback;

/// Bad usage or a bad setting, as in BSD's `sysexits.h`.
pub const EXIT_USAGE: u8 = 64;

/// Logs to standard error, readable, filtered by `RUST_LOG` (default: `info`). Colours only on a terminal.
pub fn init_logging() {
    init_logging_at("info");
}

/// The same with another default filter.
pub fn init_logging_at(default: &str) {
    use std::io::IsTerminal;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second call in one process (a test) keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
}

/// A token that is cancelled by Ctrl-C or SIGTERM.
fn shutdown_on_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        tracing::info!("shutting down: draining requests in flight");
        cancelled.cancel();
    });
    token
}

/// Returns at the first Ctrl-C or SIGTERM; for ever pending where no handler can be installed.
pub async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::warn!("no signal handler could be installed; stop this process with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// What may still run when a service has drained: a question to a frozen broker, on a thread that cannot be
/// interrupted.
const LEFTOVERS: Duration = Duration::from_millis(500);

/// Runs `service` on a runtime of its own, and leaves behind what does not end.
///
/// # Errors
/// Those of the service, or the runtime could not be started.
fn run_to_end(service: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(service);
    runtime.shutdown_timeout(LEFTOVERS);
    ended
}

/// Parses the command line; help and version exit 0, anything that clap refuses exits 64.
pub fn parse_or_exit<T: clap::Parser>() -> T {
    T::try_parse().unwrap_or_else(|error| {
        let code = if error.use_stderr() { EXIT_USAGE } else { 0 };
        // Nothing can be done about a closed standard output on the way out.
        let _ = error.print();
        std::process::exit(i32::from(code))
    })
}

/// The whole of a service's `main` once its command line is read: a mistake in the settings exits 64 before a port
/// opens; otherwise logs, listens, and runs until a signal and the end of the drain.
pub fn serve<R>(
    listen: SocketAddr,
    allow_remote: bool,
    settings: Result<(), impl ToString>,
    run: impl FnOnce(TcpListener, CancellationToken) -> R,
) -> ExitCode
where
    R: Future<Output = anyhow::Result<()>>,
{
    init_logging();
    let checked = check_loopback(listen, allow_remote);
    if let Err(error) = checked.and_then(|()| settings.map_err(|error| error.to_string())) {
        eprintln!("error: {error}");
        return ExitCode::from(EXIT_USAGE);
    }
    exit_code(run_to_end(async move {
        let shutdown = shutdown_on_signal();
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        run(listener, shutdown).await
    }))
}

/// Turns what `run` returned into an exit code, with the whole chain of causes on standard error.
fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
