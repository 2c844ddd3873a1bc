//! What is answered at once: help, lists, and everything that is refused with exit code 64.

use std::process::Stdio;

use scenario::{Catalogue, Scenario};

use crate::kit::{command, leaderless};
use crate::scenarios::{Tiny, path_text, write};

/// The program must refuse these arguments as bad usage, say all of `told`, and print nothing on standard output.
fn refused(args: &[&str], told: &[&str]) {
    let ended = leaderless(args);
    assert_eq!(ended.code, Some(64), "{args:?}: {ended:?}");
    assert_eq!(ended.out, "", "{args:?}");
    for words in told {
        assert!(ended.err.contains(words), "{args:?} does not say {words:?}: {}", ended.err);
    }
}

#[test]
fn an_unknown_scenario_is_refused_with_those_that_there_are() {
    refused(
        &["run", "frozen-controler"],
        &["`frozen-controler`", "did you mean", "total-stall", "no such file"],
    );
    refused(&["scenarios", "show", "nope"], &["`nope`", "frozen-controller"]);
}

#[test]
fn an_unknown_arm_is_refused_with_those_that_there_are() {
    refused(
        &["run", "--arms", "hang,hung"],
        &["--arms", "`hung`", "allowed: hang, timeout, breaker, degrade"],
    );
    refused(&["run", "--arms", "hang,hang"], &["`hang` is named twice"]);
}

#[test]
fn a_bad_flag_or_value_is_refused() {
    refused(&["run", "--sed", "7"], &["--sed", "--seed"]);
    refused(&["run", "--seed", "seven"], &["--seed", "seven"]);
    refused(&["run", "--cluster", "redpanda"], &["--cluster", "redpanda", "embedded, apache"]);
    refused(&["rehearse"], &["rehearse"]);
    refused(&["kafka", "fetsch"], &["fetsch", "fetch"]);
    refused(&["completions", "tcsh"], &["tcsh", "zsh"]);
    refused(&["feed", "--create-topics", "9"], &["`9`", "PARTITIONS:RF"]);
    refused(&["cluster", "--topic", "orders:9"], &["orders:9", "NAME:PARTITIONS:RF"]);
}

#[test]
fn a_bad_file_is_refused_with_line_key_value_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let text = Tiny::default().text().replace("brokers = 3", "brokers = 0").replace("accounts", "acounts");
    let file = write(folder.path(), &text);
    let line = |wanted: &str| 1 + text.lines().position(|line| line.starts_with(wanted)).unwrap();
    let at = |wanted: &str| format!("{file}:{}:", line(wanted));
    refused(
        &["run", &file],
        &[
            &at("brokers"),
            "cluster.brokers = 0: must be a whole number from 1 to 100",
            &at("acounts"),
            "load.acounts = 9: unknown key; did you mean `accounts`?",
        ],
    );
}

#[test]
fn a_file_that_is_not_toml_or_cannot_be_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "[incident\n");
    refused(&["run", &file], &[&format!("{file}:1:")]);
    refused(&["run", path_text(folder.path())], &[path_text(folder.path())]);
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = Tiny::default().file(folder.path());
    let out = format!("{file}/out");
    refused(&["run", &file, "--out", &out], &["--out", &out]);
}

#[test]
fn a_cluster_that_cannot_be_is_refused() {
    let refuse = |args: &[&str], told: &[&str]| {
        refused(&[&["cluster", "--control", "127.0.0.1:0"], args].concat(), told);
    };
    refuse(&["--brokers", "0"], &["--brokers"]);
    refuse(&["--topic", "orders:9:4"], &["--topic orders", "allowed is 1 to 3"]);
    refuse(&["--topic", "or ders:9:3"], &["--topic", "or ders"]);
    refuse(&["--topic", "orders:1:1", "--topic", "orders:2:1"], &["--topic", "more than once"]);
    refuse(&["--port", "65534"], &["--port 65534", "1 to 65533"]);
    refuse(&["--retention-bytes", "0"], &["retention_bytes"]);
    refuse(&["--relay"], &["--apache"]);
    refuse(&["--apache", "--controllers", "4"], &["--controllers", "1..=3"]);
    refuse(&["--apache", "--controllers", "2"], &["controllers", "1 or 3"]);
    refuse(&["--apache", "--brokers", "31"], &["brokers", "1 to 30"]);
    refused(&["cluster", "--control", "0.0.0.0:0"], &["--control", "--token"]);
}

#[test]
fn a_fault_that_cannot_be_is_refused_before_it_is_sent() {
    refused(&["fault", "kill_brokr"], &["`kill_brokr`", "kill_broker"]);
    refused(&["fault", "kill_broker"], &["broker"]);
    refused(&["fault", "kill_broker", "broker=two"], &["broker=two", "whole number"]);
    refused(&["fault", "kill_broker", "broken=2"], &["`broken`", "allowed: broker"]);
    refused(&["fault", "kill_broker", "2"], &["`2`", "NAME=VALUE"]);
    refused(&["fault", "kill_broker", "--heal-all"], &["--heal-all"]);
}

#[test]
fn help_tells_every_command_and_exit_code() {
    let ended = leaderless(&["--help"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    for word in ["run", "scenarios", "cluster", "kafka", "feed", "fault", "completions", "64", "130"] {
        assert!(ended.out.contains(&format!("\n  {word} ")), "{word} is not in\n{}", ended.out);
    }
    assert!(ended.out.lines().all(|line| line.chars().count() <= 100), "{}", ended.out);
}

#[test]
fn the_version_is_that_of_the_package() {
    let ended = leaderless(&["--version"]);
    assert_eq!((ended.code, ended.out), (Some(0), format!("leaderless {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn shells_get_scripts_that_complete_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = leaderless(&["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{shell}");
        for word in ["leaderless", "scenarios", "completions", "heal-all"] {
            assert!(ended.out.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn every_shipped_scenario_is_listed_once() {
    let ended = leaderless(&["scenarios"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let names: Vec<&str> = ended.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, Catalogue::names().collect::<Vec<_>>());
    assert_eq!(leaderless(&["scenarios", "list"]).out, ended.out);
}

#[test]
fn a_scenario_that_is_shown_is_read_back_as_the_same() {
    for name in Catalogue::names() {
        let ended = leaderless(&["scenarios", "show", name]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{name}");
        assert!(
            ended.out.starts_with("# Clusters that it can be run on: embedded, apache\n"),
            "{}",
            ended.out
        );
        let read = Scenario::parse(&format!("{name}.toml"), &ended.out, lab::faults::kinds());
        assert_eq!(read.unwrap(), Catalogue::get(name, lab::faults::kinds()).unwrap());
    }
}

#[test]
fn every_fault_is_listed_with_its_arguments() {
    let ended = leaderless(&["fault"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.out.lines().collect();
    for kind in lab::faults::kinds() {
        let at = lines.iter().position(|line| line.split(' ').next() == Some(kind.name));
        let at = at.unwrap_or_else(|| panic!("{} is not in\n{}", kind.name, ended.out));
        assert_eq!(lines[at + 1].trim_start(), kind.help);
        assert_eq!(lines[at + 2].trim_start(), "clusters: embedded, apache");
    }
    assert!(
        lines.contains(&"strip_leader topic=TOPIC [partitions=PARTITIONS] [share=SHARE]"),
        "{}",
        ended.out
    );
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    for args in
        [&["scenarios"][..], &["scenarios", "show", "total-stall"], &["fault"], &["completions", "zsh"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), said.as_ref()), (Some(0), ""), "{args:?}");
    }
}
