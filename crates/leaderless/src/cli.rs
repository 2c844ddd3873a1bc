//! The command line: what may be asked of the program, and how it is explained.

use std::net::SocketAddr;
use std::path::PathBuf;

use bus::Preset;
use bus::lint::Dialect;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use lab::Backend;

/// Rehearse the day Kafka stops electing leaders.
///
/// Without a command it runs the game day `frozen-controller` on a Kafka cluster inside this process: a fee, a quote
/// and a trade service under load, first without protection (`hang`), then with degradation (`degrade`), under the same
/// outage, the same seed and the same arrivals.
#[derive(Debug, Parser)]
#[command(name = "leaderless", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What to do; `run frozen-controller` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0   every expectation of the scenario holds
  1   something broke that is none of the below
  3   an expectation failed
  4   the run is invalid: the generator could not keep its schedule, or the accounts do not add up
  64  bad usage, or a bad file
  130 interrupted; what was measured so far was printed and written, marked as partial";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a game day and report what it cost.
    Run(RunArgs),
    /// Draw the page of a run again, from the files in its folder.
    Report(ReportArgs),
    /// Say what differs between runs, how sure that is, and draw their curves over each other.
    #[command(after_help = COMPARE_EXIT_CODES)]
    Compare(CompareArgs),
    /// List the scenarios that are built in, or show one.
    Scenarios {
        /// What to show; a list when left out.
        #[command(subcommand)]
        command: Option<ScenariosCommand>,
    },
    /// Run a Kafka cluster alone, embedded or Apache's, as the Kafka of any test suite, and take faults over HTTP.
    Cluster(ClusterArgs),
    /// Look for the Apache Kafka that `run --cluster apache` and `cluster --apache` start, or fetch it.
    Kafka {
        /// What to do.
        #[command(subcommand)]
        command: KafkaCommand,
    },
    /// Publish a seeded market on `market.ticks` of any cluster, for the services when they run on their own.
    Feed(FeedArgs),
    /// Inject a fault into a running `leaderless cluster`, or list the faults.
    Fault(FaultArgs),
    /// Say how long a client with given settings can block in an outage, and what in them contradicts what.
    #[command(
        after_help = "Exits with 3 when there is an error among the findings, with 64 when the file cannot be read."
    )]
    Lint(LintArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

const COMPARE_EXIT_CODES: &str = "\
Exit codes:
  0   they were compared
  3   with --no-worse: something is worse, beyond noise
  64  they cannot be compared: different schedules, no arm in common, no interval log, a bad file";

/// Whose page to draw.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The folder of a run of `leaderless run` or `loadgen --out`.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// What to compare.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// The folders of two to four runs, or one arm of each; the first is what the others are held against. Two arms of
    /// the same run are two designs under the same requests.
    #[arg(value_name = "DIR[:ARM]", num_args = 2..=4, required = true)]
    pub runs: Vec<String>,
    /// Where the page goes.
    #[arg(long, default_value = "compare.html", value_name = "FILE")]
    pub html: PathBuf,
    /// Compare runs that did not ask for the same things at the same times, too.
    #[arg(long)]
    pub different_schedules: bool,
    /// Exit with 3 if something is worse than in the first run, beyond noise.
    #[arg(long)]
    pub no_worse: bool,
    /// Print every figure as JSON instead of the table.
    #[arg(long)]
    pub json: bool,
}

/// What `scenarios` can do.
#[derive(Debug, Subcommand)]
pub enum ScenariosCommand {
    /// List them.
    List,
    /// Print one in full, with all defaults filled in.
    Show {
        /// Its name, or the path of a file.
        scenario: String,
    },
}

/// What `kafka` can do.
#[derive(Debug, Subcommand)]
pub enum KafkaCommand {
    /// Say which Java and which Kafka were found, or what is missing.
    Status,
    /// Fetch Kafka's jars by Maven into the user's cache, once.
    Fetch,
}

/// How to run a game day.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The name of a scenario (see `leaderless scenarios`), or the path of a scenario file.
    #[arg(default_value = "frozen-controller", value_name = "NAME|FILE")]
    pub scenario: String,
    /// What the cluster is made of: Kafka's protocol in this process, or Apache Kafka as child processes (needs Java
    /// and Kafka's jars, see `leaderless kafka status`).
    #[arg(long, default_value_t = Backend::Embedded, value_name = "KIND", value_parser = backend())]
    pub cluster: Backend,
    /// The seed of arrivals, requests, prices and fault targets. The same seed gives the same run.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Requests per second instead of the scenario's, 0.1 to 20000. Two cores bear 200 with nine embedded brokers, and
    /// 20 with nine or three of Apache Kafka.
    #[arg(long, value_name = "PER_S", value_parser = rate)]
    pub rate: Option<f64>,
    /// Which arms to run, in this order; all of the scenario that are not optional when left out.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub arms: Vec<String>,
    /// The folder under which the run's own folder is made.
    #[arg(long, default_value = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// Print result.json on standard output instead of the table; progress goes to standard error.
    #[arg(long)]
    pub json: bool,
}

impl Default for RunArgs {
    fn default() -> Self {
        Self {
            scenario: "frozen-controller".into(),
            cluster: Backend::Embedded,
            seed: 7,
            rate: None,
            arms: Vec::new(),
            out: "out".into(),
            json: false,
        }
    }
}

/// A rate as scenario files allow it.
fn rate(text: &str) -> Result<f64, String> {
    let allowed = 0.1..=20_000.0;
    let rate = text.parse().ok().filter(|rate| allowed.contains(rate));
    rate.ok_or_else(|| format!("{text} requests per second; allowed is 0.1 to 20000"))
}

/// The names of all kinds of clusters, for errors and completions.
fn backend() -> impl TypedValueParser<Value = Backend> {
    PossibleValuesParser::new(Backend::ALL.map(Backend::name)).try_map(|name| name.parse::<Backend>())
}

/// The cluster to run alone.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Number of brokers.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub brokers: u32,
    /// Number of zones that the brokers are spread over.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub zones: u32,
    /// A topic to create at the start; may be repeated.
    #[arg(long = "topic", value_name = "NAME:PARTITIONS:RF", value_parser = parse_topic)]
    pub topics: Vec<TopicArg>,
    /// The first broker's port, the others follow; free ports when it is 0 or left out.
    #[arg(long, value_name = "BASE")]
    pub port: Option<u16>,
    /// Where the endpoint for faults and state listens.
    #[arg(long, default_value = "127.0.0.1:9080", value_name = "ADDRESS")]
    pub control: SocketAddr,
    /// The bearer token that the endpoint asks for. Required when --control is not a loopback address.
    #[arg(long, env = "LEADERLESS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The clock of elections and sessions: as Apache Kafka ships, or shortened for game days.
    #[arg(long, default_value = "apache", value_parser = ["apache", "compressed"])]
    pub clock: String,
    /// Bytes kept per partition; older batches are dropped.
    #[arg(long, default_value_t = 8 * 1024 * 1024, value_name = "BYTES")]
    pub retention_bytes: u64,
    /// Start Apache Kafka as child processes instead of the embedded cluster (see `leaderless kafka status`).
    #[arg(long)]
    pub apache: bool,
    /// Number of Apache Kafka's controllers: 1, or 3 to be able to lose their quorum.
    #[arg(long, default_value_t = 1, requires = "apache", value_parser = clap::value_parser!(u32).range(1..=3))]
    pub controllers: u32,
    /// Let every connection of Apache Kafka go through a relay, so that brokers can be black-holed and slowed down.
    #[arg(long, requires = "apache")]
    pub relay: bool,
    /// Keep Apache Kafka's settings, logs and data at the end.
    #[arg(long, requires = "apache")]
    pub keep: bool,
}

/// `NAME:PARTITIONS:RF`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicArg {
    /// The topic's name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas of each.
    pub replication_factor: i16,
}

fn parse_topic(text: &str) -> Result<TopicArg, String> {
    let wrong = || format!("`{text}` is not NAME:PARTITIONS:RF, e.g. orders:9:3");
    let mut parts = text.split(':');
    let (Some(name), Some(partitions), Some(rf), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    let topic = TopicArg {
        name: name.to_owned(),
        partitions: partitions.parse().map_err(|_| wrong())?,
        replication_factor: rf.parse().map_err(|_| wrong())?,
    };
    if topic.name.is_empty() || topic.partitions < 1 || topic.replication_factor < 1 {
        return Err(wrong());
    }
    Ok(topic)
}

/// The market to publish.
#[derive(Debug, Clone, Args)]
pub struct FeedArgs {
    /// Some brokers of the cluster, as HOST:PORT,HOST:PORT.
    #[arg(long, env = "LEADERLESS_BOOTSTRAP", default_value = "127.0.0.1:9092", value_name = "BROKERS")]
    pub bootstrap: String,
    /// First create the topics of the trading path with this many partitions and replicas; those that exist stay.
    #[arg(long, value_name = "PARTITIONS:RF", value_parser = parse_shape)]
    pub create_topics: Option<(u16, u16)>,
    /// The products to publish prices of.
    #[arg(long, value_delimiter = ',', default_values = ["BTC-USD", "ETH-USD", "SOL-USD"], value_name = "A,B")]
    pub products: Vec<String>,
    /// The same seed gives the same prices.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

fn parse_shape(text: &str) -> Result<(u16, u16), String> {
    let shape = text.split_once(':').and_then(|(p, rf)| Some((p.parse().ok()?, rf.parse().ok()?)));
    shape
        .filter(|(p, rf)| *p > 0 && *rf > 0)
        .ok_or_else(|| format!("`{text}` is not PARTITIONS:RF, e.g. 9:3"))
}

/// The fault to inject.
#[derive(Debug, Clone, Args)]
pub struct FaultArgs {
    /// Its kind, e.g. `kill_broker`; a list of all kinds when left out.
    pub kind: Option<String>,
    /// Its arguments, e.g. `broker=2`.
    #[arg(value_name = "NAME=VALUE")]
    pub args: Vec<String>,
    /// The control endpoint of the cluster.
    #[arg(long, default_value = "127.0.0.1:9080", value_name = "ADDRESS")]
    pub control: SocketAddr,
    /// The endpoint's bearer token.
    #[arg(long, env = "LEADERLESS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Take back every fault instead.
    #[arg(long, conflicts_with_all = ["kind", "args"])]
    pub heal_all: bool,
}

/// The settings to judge.
#[derive(Debug, Clone, Args)]
pub struct LintArgs {
    /// A properties file of librdkafka or of the Java client.
    #[arg(long, value_name = "FILE")]
    pub client: Option<PathBuf>,
    /// The settings of one of our own clients instead: what people ship, or what bounds everything.
    #[arg(long, default_value = "defaults", value_name = "NAME", conflicts_with = "client", value_parser = preset())]
    pub preset: Preset,
    /// Which client reads the file; recognised by its keys when left out.
    #[arg(long, value_name = "CLIENT", requires = "client", value_parser = dialect())]
    pub dialect: Option<Dialect>,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

fn preset() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(Preset::ALL.map(Preset::name)).try_map(|name| name.parse::<Preset>())
}

fn dialect() -> impl TypedValueParser<Value = Dialect> {
    PossibleValuesParser::new(Dialect::ALL.map(Dialect::name)).try_map(|name| name.parse::<Dialect>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_topic_is_a_name_a_partition_count_and_a_replication_factor() {
        let orders = TopicArg { name: "orders".into(), partitions: 9, replication_factor: 3 };
        assert_eq!(parse_topic("orders:9:3"), Ok(orders));
        for wrong in ["orders", "orders:9", "orders:x:3", ":9:3", "orders:0:3", "a:1:1:1"] {
            assert!(parse_topic(wrong).unwrap_err().contains("NAME:PARTITIONS:RF"), "{wrong}");
        }
    }

    #[test]
    fn without_a_command_the_default_game_day_runs() {
        let cli = Cli::try_parse_from(["leaderless"]).unwrap();
        assert!(cli.command.is_none());
        let Some(Command::Run(args)) = Cli::try_parse_from(["leaderless", "run"]).unwrap().command else {
            panic!()
        };
        assert_eq!((args.scenario, args.seed, args.json), (RunArgs::default().scenario, 7, false));
        assert_eq!(args.cluster, Backend::Embedded);
    }

    #[test]
    fn every_kind_of_cluster_can_be_named() {
        for kind in Backend::ALL {
            let cli = Cli::try_parse_from(["leaderless", "run", "--cluster", kind.name()]).unwrap();
            let Some(Command::Run(args)) = cli.command else { panic!() };
            assert_eq!(args.cluster, kind);
        }
    }
}
