//! Apache Kafka as the cluster of a game day. Without a JDK and Kafka's jars what needs them says so and passes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::apache::Kafka;
use serde_json::json;
use tempfile::TempDir;

use crate::kit::{Ended, Program, command, eventually, one_game_day_at_a_time};
use crate::scenarios::{FAULTS, Files, Tiny, faults, path_text, problems};

/// Three JVMs, ten rounds of warming up and a game day, on a machine that is shared by many.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whether this machine has no Kafka; said loudly.
fn skipped() -> bool {
    let missing = Kafka::find().err();
    if let Some(missing) = &missing {
        eprintln!("SKIPPED: nothing was tested on Apache Kafka: {missing}");
    }
    missing.is_some()
}

/// The program, which keeps what it makes in `folder`: a cluster's directory too.
fn in_folder(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = command(args);
    command.env("TMPDIR", folder.path());
    command
}

/// Processes whose command line names something in this folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let named = |entry: std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        // The program itself is told where to write.
        let is_left = line.contains(path_text(folder)) && !line.contains("leaderless run");
        is_left.then_some(line)
    };
    let processes = Path::new("/proc").read_dir().into_iter().flatten().flatten();
    processes.filter_map(named).collect()
}

fn nothing_is_left_in(folder: &TempDir) {
    let left = processes_of(folder.path());
    assert!(left.is_empty(), "{left:?}");
    let left: Vec<_> = folder.path().read_dir().expect("a folder").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_game_day_on_apache_kafka_ends_with_a_verdict_and_leaves_nothing_behind() {
    if skipped() {
        return;
    }
    let (out, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = Tiny::default().file(out.path());
    let args = ["run", &file, "--cluster", "apache", "--arms", "degrade", "--out", path_text(out.path())];
    let _alone = one_game_day_at_a_time();
    let Ended { code, out: said, err } = Program::spawn(in_folder(&temporary, &args)).ended_within(PATIENCE);
    // Fresh brokers on a busy machine may miss any expectation; there is a verdict all the same.
    assert!(matches!(code, Some(0 | 3 | 4)), "{code:?}\n{said}\n{err}");
    assert!(err.contains("\ncluster: apache ") && err.contains("degrade, outage, "), "{err}");
    assert!(said.contains("\ncluster: apache ") && said.contains("tiny-7-apache/result.json"), "{said}");
    let result = Files::on_apache(out.path(), 7).result();
    assert_eq!(problems(&result), [""; 0]);
    assert_eq!(result["cluster"]["backend"], "apache");
    assert!(result["machine"]["versions"]["kafka"].is_string(), "{}", result["machine"]);
    let arm = &result["arms"]["degrade"];
    assert_eq!(faults(arm).iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), FAULTS);
    assert_eq!(
        (&arm["conservation"]["holds"], &arm["ledger"]["violations_total"]),
        (&json!(true), &json!(0))
    );
    nothing_is_left_in(&temporary);
}

#[test]
fn ctrl_c_while_the_brokers_start_leaves_nothing_behind() {
    if skipped() {
        return;
    }
    let (out, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = Tiny::default().file(out.path());
    let args = ["run", &file, "--cluster", "apache", "--out", path_text(out.path())];
    let _alone = one_game_day_at_a_time();
    let program = Program::spawn(in_folder(&temporary, &args));
    eventually("a broker's process", || {
        processes_of(temporary.path()).iter().any(|line| line.contains("kafka.Kafka")).then_some(())
    });
    program.interrupt();
    let ended = program.ended();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    nothing_is_left_in(&temporary);
}

#[test]
fn without_java_and_kafka_the_program_says_what_is_missing_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for args in [
        &["run", "total-stall", "--cluster", "apache", "--out", path_text(&out)][..],
        &["cluster", "--apache", "--control", "127.0.0.1:0"],
        &["kafka", "status"],
    ] {
        let mut command = in_folder(&folder, args);
        command.env("PATH", folder.path()).env("KAFKA_HOME", folder.path()).env_remove("JAVA_HOME");
        let ended = Program::spawn(command).ended();
        assert_eq!((ended.code, ended.out.as_str()), (Some(64), ""), "{args:?}: {ended:?}");
        for words in ["install a JDK", "KAFKA_HOME", "leaderless kafka fetch"] {
            assert!(ended.err.contains(words), "{args:?} does not say {words:?}: {}", ended.err);
        }
    }
    nothing_is_left_in(&folder);
}
