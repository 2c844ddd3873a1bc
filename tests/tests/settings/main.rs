//! What `bus::lint` predicts, measured: how long a send, a consume, a join and a commit block on a cluster that is
//! stuck, for both presets of the bus and for the Java client.
//!
//! It reads the clock, so it is run by hand: `cargo test -p story-tests --test settings -- --ignored`, with
//! `UPDATE_DOCS=1` to write the table of `docs/client-settings.md`. A call that is predicted to end must end within the
//! client's own granularity; one that is predicted never to end is watched for a while. The Java client is measured where
//! `leaderless kafka fetch` was run; the table says it where it was not.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod calls;
mod java;
mod stuck;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bus::lint::{Call, Case, Dialect, Properties, lint};
use bus::{Preset, Settings};
use futures::future::{BoxFuture, FutureExt as _, join, join_all};
use lab::Lab as _;
use lab::apache::kafka_home::Kafka;

use stuck::Fault;

/// librdkafka looks for what has expired once a second, so a prediction is no better than that.
const GRANULARITY: Duration = Duration::from_secs(1);
/// The Java client is exact to milliseconds; this is for what a tool does before and after the call.
const JAVA_GRANULARITY: Duration = Duration::from_millis(500);
/// Clients count from when they were handed the record, in whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(100);
/// A call that a busy machine has let end late is tried again.
const TRIES: u32 = 3;
/// How long a call is watched that should never end.
const WATCHED: Duration = Duration::from_secs(12);

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

/// A call, made to wait.
#[derive(Clone, Copy, Debug)]
struct Wait {
    call: Call,
    /// The case of the report that this is, by a part of its words.
    case: &'static str,
    fault: Fault,
}

const WAITS: &[Wait] = &[
    Wait { call: Call::Send, case: "lost, or frozen", fault: Fault::Leaderless },
    Wait { call: Call::Send, case: "lost, or frozen", fault: Fault::FrozenLeader },
    Wait { call: Call::Send, case: "broker is dead", fault: Fault::DeadLeader },
    Wait { call: Call::Consume, case: "lost or frozen", fault: Fault::Leaderless },
    Wait { call: Call::Join, case: "no coordinator", fault: Fault::NoCoordinator },
    Wait { call: Call::Commit, case: "first to find out", fault: Fault::NoCoordinator },
    Wait { call: Call::Commit, case: "knows that there is no", fault: Fault::NoCoordinatorKnown },
];

const JAVA_WAITS: &[Wait] = &[
    Wait { call: Call::Send, case: "alone", fault: Fault::NoBroker },
    Wait { call: Call::Send, case: "frozen or dead", fault: Fault::Leaderless },
    Wait { call: Call::Send, case: "frozen or dead", fault: Fault::FrozenLeader },
    Wait { call: Call::Send, case: "frozen or dead", fault: Fault::DeadLeader },
    Wait { call: Call::Send, case: "and then no leader", fault: Fault::LateBrokers },
    Wait { call: Call::Consume, case: "lost or frozen", fault: Fault::Leaderless },
    Wait { call: Call::Consume, case: "no coordinator", fault: Fault::NoCoordinatorKnown },
    Wait { call: Call::Join, case: "no coordinator", fault: Fault::NoCoordinator },
    Wait { call: Call::Join, case: "has died", fault: Fault::Died },
    Wait { call: Call::Commit, case: "no coordinator", fault: Fault::NoCoordinator },
];

/// With the Java client's own defaults: what needs minutes, and once for each setting.
const JAVA_DEFAULTS: &[Wait] = &[JAVA_WAITS[0], JAVA_WAITS[1], JAVA_WAITS[9]];

/// What lasts minutes, shortened.
const JAVA_SHORTENED: Overrides = &[
    ("max.block.ms", "2000"),
    ("delivery.timeout.ms", "3000"),
    ("request.timeout.ms", "1000"),
    ("default.api.timeout.ms", "4000"),
    // The least that brokers allow.
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "1000"),
];

/// How a call ended.
#[derive(Clone, Debug)]
struct Ended {
    /// `None`: not while it was watched.
    after: Option<Duration>,
    how: String,
}

/// One line of the table.
struct Measured {
    settings: &'static str,
    wait: Wait,
    predicted: Predicted,
    granularity: Duration,
    ended: Ended,
}

type Overrides = &'static [(&'static str, &'static str)];

/// Both presets with what lasts minutes shortened; for the document `fail_fast` as it is.
fn clients() -> [(&'static str, Preset, Overrides); 2] {
    let defaults: Overrides =
        &[("message.timeout.ms", "3000"), ("session.timeout.ms", "4000"), ("heartbeat.interval.ms", "1000")];
    let fail_fast: (_, Overrides) = match updates_docs() {
        true => ("`fail_fast`", &[]),
        false => ("`fail_fast`, shortened", &[("message.timeout.ms", "3000")]),
    };
    [("`defaults`, shortened", Preset::Defaults, defaults), (fail_fast.0, Preset::FailFast, fail_fast.1)]
}

fn updates_docs() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

fn settings(bootstrap: String, preset: Preset, overrides: &[(&str, &str)]) -> Settings {
    let start = Settings::new(bootstrap, "measured", preset);
    overrides.iter().fold(start, |settings, (key, value)| settings.with(*key, *value))
}

/// What the linter says of the call.
#[derive(Clone, Copy, Debug)]
enum Predicted {
    Never,
    /// The worst case, and how much of it is sure: the rest is the luck of when the client looks.
    Ends {
        least: Duration,
        worst: Duration,
    },
}

/// A setting of these.
fn set(overrides: Overrides, key: &str) -> Duration {
    let (_, ms) = overrides.iter().find(|(name, _)| *name == key).expect("it is set");
    Duration::from_millis(ms.parse().unwrap())
}

/// The linter's case of this call. A dead broker is one of its own only if it makes a difference.
fn case(properties: &Properties, wait: Wait) -> Case {
    let report = lint(properties);
    let cases = &report.bound(wait.call).unwrap().cases;
    cases.iter().find(|case| case.when.contains(wait.case)).unwrap_or(&cases[0]).clone()
}

fn predicted(settings: &Settings, wait: Wait) -> Predicted {
    let case = case(&Properties::of(settings), wait);
    case.worst_ms.map_or(Predicted::Never, |worst| Predicted::Ends {
        least: Duration::from_millis(case.steps[0].ms),
        worst: Duration::from_millis(worst),
    })
}

/// What is luck is when the dead member was last heard of, and when the brokers are found again.
fn predicted_of_java(overrides: Overrides, wait: Wait) -> Predicted {
    let text: String = overrides.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    let case = case(&Properties::parse(&text, Some(Dialect::Java)).unwrap(), wait);
    let luck = match wait.fault {
        Fault::Died => set(overrides, "heartbeat.interval.ms"),
        Fault::LateBrokers => java::BACK_EARLY,
        _ => Duration::ZERO,
    };
    case.worst_ms
        .map(Duration::from_millis)
        .map_or(Predicted::Never, |worst| Predicted::Ends { least: worst - luck, worst })
}

impl Predicted {
    /// How long the call is watched.
    fn patience(self) -> Duration {
        match self {
            Self::Never => WATCHED,
            Self::Ends { worst, .. } => worst * 2,
        }
    }

    fn agrees(self, measured: Option<Duration>, granularity: Duration) -> bool {
        match (self, measured) {
            (Self::Never, None) => true,
            (Self::Ends { least, worst }, Some(measured)) => {
                measured + ROUNDING >= least && measured <= worst + granularity
            }
            _ => false,
        }
    }

    /// The only way to disagree that a busy machine can be blamed for.
    fn late(self, measured: Option<Duration>, granularity: Duration) -> bool {
        match self {
            Self::Never => false,
            Self::Ends { worst, .. } => measured.is_none_or(|measured| measured > worst + granularity),
        }
    }
}

async fn measured(name: &'static str, preset: Preset, overrides: Overrides, wait: Wait) -> Measured {
    let mut tries = 0;
    loop {
        tries += 1;
        let cluster = stuck::cluster().await;
        let settings = settings(cluster.bootstrap(), preset, overrides);
        let predicted = predicted(&settings, wait);
        let ended = calls::blocked(&cluster, &settings, wait, predicted.patience()).await;
        if tries == TRIES || !predicted.late(ended.after, GRANULARITY) {
            return Measured { settings: name, wait, predicted, granularity: GRANULARITY, ended };
        }
    }
}

async fn measured_of_java(kafka: &Kafka, name: &'static str, overrides: Overrides, wait: Wait) -> Measured {
    let predicted = predicted_of_java(overrides, wait);
    let mut tries = 0;
    loop {
        tries += 1;
        let cluster = stuck::cluster().await;
        let client = java::Client { kafka, cluster: &cluster, overrides };
        let ended = java::blocked(client, wait, predicted.patience()).await;
        if tries == TRIES || !predicted.late(ended.after, JAVA_GRANULARITY) {
            return Measured { settings: name, wait, predicted, granularity: JAVA_GRANULARITY, ended };
        }
    }
}

/// The Java client's rows, or why there are none.
async fn rows_of_java() -> Result<Vec<Measured>, String> {
    let kafka = Kafka::find().map_err(|missing| missing.to_string())?;
    if !kafka.has_tools() {
        return Err(format!(
            "{} has no kafka-tools-*.jar: run `leaderless kafka fetch`",
            kafka.libs.display()
        ));
    }
    let shortened = JAVA_WAITS.iter().map(|wait| ("Java, shortened", JAVA_SHORTENED, *wait));
    let defaults =
        JAVA_DEFAULTS.iter().filter(|_| updates_docs()).map(|wait| ("Java, its defaults", &[][..], *wait));
    let each = shortened.chain(defaults).map(|(name, overrides, wait)| -> BoxFuture<'_, _> {
        measured_of_java(&kafka, name, overrides, wait).boxed()
    });
    Ok(join_all(each).await)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn table(rows: &[Measured]) -> String {
    let mut table =
        String::from("| settings | call | what is wrong | predicted | measured | how it ended |\n");
    table += "|---|---|---|---|---|---|\n";
    for Measured { settings, wait, predicted, ended, .. } in rows {
        let predicted = match *predicted {
            Predicted::Never => "for ever".to_owned(),
            Predicted::Ends { least, worst } if least == worst => seconds(worst),
            Predicted::Ends { least, worst } => format!("{} to {}", seconds(least), seconds(worst)),
        };
        let after = ended.after.map_or(format!("not within {}", WATCHED.as_secs()) + " s", seconds);
        let (call, fault, how) = (wait.call.name(), wait.fault.name(), &ended.how);
        writeln!(table, "| {settings} | {call} | {fault} | {predicted} | {after} | {how} |").unwrap();
    }
    table
}

/// Writes `table` between the two marks of the document.
fn write_down(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/client-settings.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the mark of the beginning");
    let (_, after) = rest.split_once(END).expect("the mark of the end");
    std::fs::write(&path, [before, BEGIN, table, END, after].concat()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it reads the clock: run by hand, see the docs"]
async fn what_is_predicted_is_what_is_measured() {
    let each = clients().into_iter().flat_map(|(name, preset, overrides)| {
        WAITS.iter().map(move |wait| -> BoxFuture<'_, _> { measured(name, preset, overrides, *wait).boxed() })
    });
    let (mut rows, of_java) = join(join_all(each), rows_of_java()).await;
    let not_measured = of_java.map(|of_java| rows.extend(of_java)).err();
    let mut table = table(&rows);
    if let Some(why) = not_measured {
        eprintln!("THE JAVA CLIENT IS NOT MEASURED: {why}");
        table += "| Java | **not measured**: no Java, no Kafka, or none of its tools | | | | |\n";
    }
    println!("{table}");
    for row in &rows {
        let agrees = row.predicted.agrees(row.ended.after, row.granularity);
        assert!(agrees, "{}: {:?} {:?} {:?}", row.settings, row.wait, row.predicted, row.ended);
    }
    if updates_docs() {
        write_down(&table);
    }
}
