//! `leaderless lint`: its exit codes, its JSON, and files that are none.

use serde_json::Value;

use crate::kit::leaderless;

/// A properties file of its own; it lives as long as what is returned.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("client.properties");
    std::fs::write(&path, text).expect("a file");
    let path = path.to_str().expect("a path in UTF-8").to_owned();
    (folder, path)
}

#[test]
fn a_preset_without_errors_exits_with_0() {
    for preset in ["defaults", "fail_fast"] {
        let ended = leaderless(&["lint", "--preset", preset]);
        assert_eq!(ended.code, Some(0), "{preset}");
        assert!(ended.out.contains("\nsend  "), "{}", ended.out);
    }
}

#[test]
fn an_error_exits_with_3_and_names_its_line() {
    let (_folder, path) = file("message.timeout.ms=1000\nlinger.ms=2000\n");
    let ended = leaderless(&["lint", "--client", &path]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.out.contains("error [expiry-below-linger] line 2"), "{}", ended.out);
}

#[test]
fn a_file_of_the_java_client_is_recognised_and_told_as_json() {
    let (_folder, path) = file("max.block.ms=500\nrequest.timeout.ms=1000\ndelivery.timeout.ms=2000\n");
    let ended = leaderless(&["lint", "--client", &path, "--json"]);
    assert_eq!(ended.code, Some(0));
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["dialect"], "java");
    assert_eq!(
        (&report["bounds"][0]["call"], &report["bounds"][0]["worst_ms"]),
        (&"send".into(), &2500.into())
    );
}

#[test]
fn a_file_that_no_client_could_read_is_bad_usage() {
    let (_folder, path) = file("acks=all\nlinger.ms\n");
    let ended = leaderless(&["lint", "--client", &path, "--dialect", "java"]);
    assert_eq!(ended.code, Some(64));
    assert!(ended.err.contains("line 2: `linger.ms` has no value"), "{}", ended.err);

    let (_folder, path) = file("acks=all\n");
    let ended = leaderless(&["lint", "--client", &path]);
    assert_eq!(ended.code, Some(64));
    assert!(ended.err.contains("--dialect"), "{}", ended.err);
    assert_eq!(leaderless(&["lint", "--client", "no.such.file"]).code, Some(64));
}
