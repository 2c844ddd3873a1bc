//! A mistake in the settings ends the program before it listens, with the exit code of bad usage and the setting's name.

use std::process::Command;

const EXIT_USAGE: i32 = 64;

fn refused(args: &[&str], named: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_trade-service")).args(args).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(EXIT_USAGE), "{args:?}: {said}");
    assert!(said.contains(named), "{args:?}: {said}");
}

#[test]
fn a_mistake_in_the_settings_exits_64_and_is_named() {
    refused(&["--deadline-ms", "5"], "--deadline-ms");
    refused(&["--strategy", "hope"], "--strategy");
    refused(&["--kafka-set", "no.such.key=1"], "no.such.key");
    refused(&["--instance", "two words"], "--instance");
    refused(&["--listen", "0.0.0.0:0"], "--allow-remote");
    refused(&["--no-such-flag"], "--no-such-flag");
}
