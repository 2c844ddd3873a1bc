//! What `bus::lint` predicts, measured: how long a send, a consume, a join and a commit block on a cluster that is
//! stuck, for both presets.
//!
//! It reads the clock, so it is run by hand: `cargo test -p story-tests --test settings -- --ignored`, with
//! `UPDATE_DOCS=1` to write the table of `docs/client-settings.md`. A call that is predicted to end must end within the
//! second in which the client looks for what has expired; one that is predicted never to end is watched for a while.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod calls;
mod stuck;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bus::lint::{Call, Properties, lint};
use bus::{Preset, Settings};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use lab::Lab as _;

use stuck::Fault;

/// The client looks for what has expired once a second, so a prediction is no better than that.
const GRANULARITY: Duration = Duration::from_secs(1);
/// The client counts from when it was handed the record, in whole milliseconds.
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

/// A dead broker is a case of its own only if it makes a difference.
fn predicted(settings: &Settings, wait: Wait) -> Predicted {
    let report = lint(&Properties::of(settings));
    let cases = &report.bound(wait.call).unwrap().cases;
    let case = cases.iter().find(|case| case.when.contains(wait.case)).unwrap_or(&cases[0]);
    match case.worst_ms.map(Duration::from_millis) {
        None => Predicted::Never,
        Some(worst) => Predicted::Ends { least: Duration::from_millis(case.steps[0].ms), worst },
    }
}

fn agrees(predicted: Predicted, measured: Option<Duration>) -> bool {
    match (predicted, measured) {
        (Predicted::Never, None) => true,
        (Predicted::Ends { least, worst }, Some(measured)) => {
            measured + ROUNDING >= least && measured <= worst + GRANULARITY
        }
        _ => false,
    }
}

/// The only way to disagree that a busy machine can be blamed for.
fn late(predicted: Predicted, measured: Option<Duration>) -> bool {
    match predicted {
        Predicted::Never => false,
        Predicted::Ends { worst, .. } => measured.is_none_or(|measured| measured > worst + GRANULARITY),
    }
}

async fn measured(name: &'static str, preset: Preset, overrides: Overrides, wait: Wait) -> Measured {
    let mut tries = 0;
    loop {
        tries += 1;
        let cluster = stuck::cluster().await;
        let settings = settings(cluster.bootstrap(), preset, overrides);
        let predicted = predicted(&settings, wait);
        let patience = match predicted {
            Predicted::Never => WATCHED,
            Predicted::Ends { worst, .. } => worst * 2,
        };
        let ended = calls::blocked(&cluster, &settings, wait, patience).await;
        if tries == TRIES || !late(predicted, ended.after) {
            return Measured { settings: name, wait, predicted, ended };
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn table(rows: &[Measured]) -> String {
    let mut table =
        String::from("| settings | call | what is wrong | predicted | measured | how it ended |\n");
    table += "|---|---|---|---|---|---|\n";
    for Measured { settings, wait, predicted, ended } in rows {
        let predicted = match *predicted {
            Predicted::Never => "for ever".to_owned(),
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
    let rows = join_all(each).await;
    let table = table(&rows);
    println!("{table}");
    for row in &rows {
        assert!(agrees(row.predicted, row.ended.after), "{}: {:?} {:?}", row.settings, row.wait, row.ended);
    }
    if updates_docs() {
        write_down(&table);
    }
}
