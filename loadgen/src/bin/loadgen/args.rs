//! The command line: what may be asked of the program, and how it is explained.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use clap_complete::Shell;
use gates::Gate;
use serde::Deserialize;

use crate::values::{Time, Window};

/// Put load on an HTTP service and account for every request that was intended.
///
/// Requests start when the schedule says so, whether or not earlier ones were answered, and latency counts from that
/// intended start: a service that hangs shows up as latency and not as silence.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, after_help = EXAMPLES, after_long_help = LONG_EXAMPLES, max_term_width = 100)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// An http:// or https:// URL, or a TOML file with a mix of requests (flags go before what it says).
    #[arg(value_name = "URL|FILE.toml", required_unless_present = "completions")]
    pub(crate) target: Option<String>,

    #[command(flatten)]
    pub(crate) load: Load,

    #[command(flatten)]
    pub(crate) request: RequestArgs,

    #[command(flatten)]
    pub(crate) machines: Machines,

    #[command(flatten)]
    pub(crate) outputs: Outputs,

    /// Print a completion script for a shell.
    #[arg(long, value_name = "SHELL", exclusive = true)]
    pub(crate) completions: Option<Shell>,
}

/// What else the program does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Send a part of the load of runs elsewhere, which name this worker by --workers-at.
    Worker(WorkerArgs),
}

/// How to be a worker.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArgs {
    /// Where to listen; beyond loopback only with a token.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    pub(crate) listen: SocketAddr,
    /// A file with the token that a run must know.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Where else load comes from.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Several machines")]
pub(crate) struct Machines {
    /// Share the run out over the workers at these places (`loadgen worker`), and send nothing from here.
    #[arg(long, value_name = "HOST:PORT,..", value_delimiter = ',')]
    pub(crate) workers_at: Vec<String>,
    /// A file with the token that the workers know; needed beyond loopback.
    #[arg(long, value_name = "FILE", requires = "workers_at")]
    pub(crate) token_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  loadgen http://127.0.0.1:8080/ --rate 500 --duration 30s
  loadgen http://127.0.0.1:8080/ --rate 500 --expect 'p99{ok} < 50ms' --expect 'rate{unsent_cap} < 0.1%'
  loadgen mix.toml --out out/monday --junit out/monday.xml

More of them, and what the exit codes mean: loadgen --help";

const LONG_EXAMPLES: &str = "\
Examples:
  # 500 requests a second from independent customers for half a minute, after 5 s that do not count
  loadgen http://127.0.0.1:8080/ --rate 500 --duration 30s --warm-up 5s

  # a body with ids that differ in each request
  loadgen http://127.0.0.1:8080/orders --header 'content-type: application/json' --body '{\"id\":\"{run}-{seq}\"}'

  # from 100/s to 2,000/s in five steps; a spike to 2,000/s from 10 s to 12 s
  loadgen http://127.0.0.1:8080/ --rate 100 --arrivals step --rate-to 2000 --steps 5 --duration 50s
  loadgen http://127.0.0.1:8080/ --rate 100 --arrivals spike --rate-to 2000 --spike 10s..12s --duration 30s

  # you break it from 4 s to 8 s: what that cost, and whether it recovered
  loadgen http://127.0.0.1:8080/ --rate 1000 --duration 12s --outage 4s..8s \\
    --expect 'p99{ok_degraded,outage} < 50ms' --expect 'recover < 5s'

  # from two machines, that share a secret
  loadgen worker --listen 192.0.2.7:7700 --token-file token
  loadgen mix.toml --workers-at 192.0.2.7:7700,192.0.2.8:7700 --token-file token

  # over TLS, with an authority of your own; HTTP/2
  loadgen https://127.0.0.1:8443/ --cacert ca.pem --http2

  # in CI: a file, every interval as histograms, a JUnit report
  loadgen mix.toml --quiet --out out/nightly --junit out/nightly.xml

Gates (--expect, or `expect` in the file):
  p50|p90|p99|p999|max [{outcome=..,phase=before|outage|recovery,label=..}] <|<=|>|>= TIME
  count[{..}] OP NUMBER      rate[{..}] OP PERCENT%      degrade|recover OP TIME

Outcomes, of which every intended request has exactly one:
  ok, ok_kafka, ok_degraded, accepted_pending, rejected_fast, unknown, error_status   by status and header `x-path`
  timeout, error_connect, error_io        no complete answer
  unsent_cap                              never sent: --in-flight was reached when its time had come
  unfinished                              still open when the run ended; at least as old as recorded

Exit codes:
  0   the run is valid, and every gate is met
  1   something broke that is none of the below
  3   a gate is not met
  4   the run is invalid: the generator could not keep its schedule, or the accounts do not add up
  5   no gate failed, but one is undecided: the run was too short to tell
  64  bad usage, or a bad file
  130 interrupted; what was measured so far was printed and written, marked as partial";

/// What load; the same names are keys of `[load]` in a file.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Deserialize)]
#[command(next_help_heading = "Load")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Load {
    /// Mean requests per second [default: 100].
    #[arg(long, value_name = "PER_S")]
    #[serde(rename = "rate_per_s")]
    pub(crate) rate: Option<f64>,
    /// How arrivals are spread: independent customers, a metronome, or independent customers at a changing rate
    /// [default: poisson].
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) arrivals: Option<ArrivalsName>,
    /// Where a ramp or steps end, or what a spike goes up to.
    #[arg(long, value_name = "PER_S")]
    #[serde(rename = "rate_to_per_s")]
    pub(crate) rate_to: Option<f64>,
    /// How many steps [default: 5].
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<u32>,
    /// When the spike is.
    #[arg(long, value_name = "FROM..UNTIL")]
    pub(crate) spike: Option<Window>,
    /// How long [default: 10s].
    #[arg(long, value_name = "TIME")]
    pub(crate) duration: Option<Time>,
    /// Load before it that is accounted for and not measured [default: 0s].
    #[arg(long, value_name = "TIME")]
    pub(crate) warm_up: Option<Time>,
    /// A closed loop: --connections users who each wait for their answer. It hides the time that a slow target makes
    /// others wait (coordinated omission).
    #[arg(long)]
    pub(crate) closed: bool,
    /// The most connections; in a closed loop the users, unless --http2 [default: as --in-flight; with --http2 as few as
    /// have the streams for it; closed: 64].
    #[arg(long, value_name = "N")]
    pub(crate) connections: Option<usize>,
    /// HTTP/2: agreed on with https://, and taken for granted with http://.
    #[arg(long)]
    pub(crate) http2: bool,
    /// Requests on one HTTP/2 connection at a time [default: 100].
    #[arg(long, value_name = "N")]
    pub(crate) streams: Option<usize>,
    /// Whom to trust with https://, in PEM form, and nobody else [default: whom this machine trusts].
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(crate) cacert: Option<PathBuf>,
    /// Take any certificate with https://: who answers may be anyone.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// New connections per second at most [default: 2000].
    #[arg(long, value_name = "PER_S")]
    #[serde(rename = "connections_per_s")]
    pub(crate) connections_per_s: Option<u32>,
    /// The most requests in flight; one beyond it is not sent and ends as unsent_cap; in a closed loop with --http2 the
    /// users [default: 512; closed: 64].
    #[arg(long, value_name = "N")]
    pub(crate) in_flight: Option<usize>,
    /// From the intended start; later is a timeout, and closes the connection [default: 1s].
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<Time>,
    /// How long to wait after the last arrival; what is open then is unfinished [default: deadline and 1s].
    #[arg(long, value_name = "TIME")]
    pub(crate) drain: Option<Time>,
    /// Threads, on all machines together; one per core is enough [default: 1, and one on each of several machines].
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// The seed of arrivals and requests. The same seed gives the same schedule [default: 7].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The name of the run, for {run} [default: loadgen-SECONDS, by the clock].
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,
    /// The generator's own lateness at p99 beyond which the run is invalid [default: 10ms].
    #[arg(long, value_name = "TIME")]
    pub(crate) lag_limit: Option<Time>,
    /// When you break the target: what is intended then is the phase `outage`, what comes after `recovery`.
    #[arg(long, value_name = "FROM..UNTIL")]
    pub(crate) outage: Option<Window>,
    /// An answer that takes longer is no recovery yet [default: 1s].
    #[arg(long, value_name = "TIME")]
    pub(crate) promised: Option<Time>,
}

/// The kinds of arrivals by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ArrivalsName {
    Poisson,
    Constant,
    Ramp,
    Step,
    Spike,
}

/// What is sent to a URL.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Request (for a URL)")]
pub(crate) struct RequestArgs {
    /// [default: GET; with a body POST].
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// A header, `name: value`; may be repeated.
    #[arg(long, value_name = "HEADER")]
    pub(crate) header: Vec<String>,
    /// The body; {seq} and {run} are filled in, also in headers and the path.
    #[arg(long, conflicts_with = "body_file")]
    pub(crate) body: Option<String>,
    /// A file with the body.
    #[arg(long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,
}

impl RequestArgs {
    /// The flag that was given, where none may be.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let Self { method, header, body, body_file } = self;
        let all = [
            ("--method", method.is_some()),
            ("--header", !header.is_empty()),
            ("--body", body.is_some()),
            ("--body-file", body_file.is_some()),
        ];
        all.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

/// What is expected, and where it is told.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Gates and output")]
pub(crate) struct Outputs {
    /// A gate, e.g. 'p99{ok} < 50ms'; may be repeated.
    #[arg(long, value_name = "GATE")]
    pub(crate) expect: Vec<Gate>,
    /// Print result.json on standard output instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write result.json, latency.hlog, service.hlog, intervals.ndjson and events.ndjson there.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write a JUnit report: one test case per gate, and three for the run's validity.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Serve Prometheus text at /metrics while the run goes on; loopback addresses only.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
    /// No progress on standard error.
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl Load {
    /// What was given on the command line, and else what the file says.
    pub(crate) fn over(self, file: Self) -> Self {
        Self {
            rate: self.rate.or(file.rate),
            arrivals: self.arrivals.or(file.arrivals),
            rate_to: self.rate_to.or(file.rate_to),
            steps: self.steps.or(file.steps),
            spike: self.spike.or(file.spike),
            duration: self.duration.or(file.duration),
            warm_up: self.warm_up.or(file.warm_up),
            closed: self.closed || file.closed,
            connections: self.connections.or(file.connections),
            http2: self.http2 || file.http2,
            streams: self.streams.or(file.streams),
            // A flag about trust goes before all that the file says about it.
            insecure: self.insecure || (file.insecure && self.cacert.is_none()),
            cacert: self.cacert.or(file.cacert.filter(|_| !self.insecure)),
            connections_per_s: self.connections_per_s.or(file.connections_per_s),
            in_flight: self.in_flight.or(file.in_flight),
            deadline: self.deadline.or(file.deadline),
            drain: self.drain.or(file.drain),
            workers: self.workers.or(file.workers),
            seed: self.seed.or(file.seed),
            run: self.run.or(file.run),
            lag_limit: self.lag_limit.or(file.lag_limit),
            outage: self.outage.or(file.outage),
            promised: self.promised.or(file.promised),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
