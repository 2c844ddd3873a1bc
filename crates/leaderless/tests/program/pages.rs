//! Pages: written with every run, drawn again from files, and runs compared.

use std::fs;

use serde_json::Value;

use crate::kit::{leaderless, valid_run};
use crate::scenarios::{Tiny, path_text};

#[test]
fn every_run_leaves_a_page_that_can_be_drawn_again_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let file = Tiny { outage_s: 0.4, ..Tiny::default() }.file(folder.path());
    for (name, seed) in [("one", "7"), ("again", "7"), ("other", "8")] {
        let ended = valid_run(&[&file, "--seed", seed, "--out", path_text(&out(name))]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.contains("report.html"), "{}", ended.out);
    }
    let (one, again, other) = (out("one/tiny-7"), out("again/tiny-7"), out("other/tiny-8"));

    let page = fs::read_to_string(one.join("report.html")).unwrap();
    for words in ["A broker lost for a second", "<svg", "kill_broker", "ledger = balanced", "leaderless run"]
    {
        assert!(page.contains(words), "{words} is not on the page");
    }
    fs::remove_file(one.join("report.html")).unwrap();
    let drawn = leaderless(&["report", path_text(&one)]);
    assert_eq!(
        (drawn.code, drawn.out.trim_end()),
        (Some(0), path_text(&one.join("report.html"))),
        "{drawn:?}"
    );
    assert_eq!(fs::read_to_string(one.join("report.html")).unwrap(), page);

    let html = out("compare.html");
    let compare = |args: &[&str]| leaderless(&[&["compare", "--html", path_text(&html)], args].concat());
    let compared = compare(&[path_text(&one), path_text(&again)]);
    assert_eq!(compared.code, Some(0), "{compared:?}");
    assert!(
        compared.out.contains("The same schedule") && compared.out.contains("degrade, before"),
        "{}",
        compared.out
    );
    assert!(fs::read_to_string(&html).unwrap().contains("percentile curves"));

    let arm = |arm: &str| format!("{}:{arm}", path_text(&one));
    let designs = compare(&[&arm("hang"), &arm("degrade")]);
    assert!(designs.code == Some(0) && designs.out.contains("hang, degrade, before"), "{designs:?}");
    let unknown = compare(&[&arm("hang"), &arm("hung")]);
    assert!(unknown.code == Some(64) && unknown.err.contains("it has: hang, degrade"), "{unknown:?}");

    let refused = compare(&[path_text(&one), path_text(&other)]);
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.err.contains("--different-schedules"), "{}", refused.err);
    let forced = compare(&[path_text(&one), path_text(&other), "--different-schedules", "--json"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    let told: Value = serde_json::from_str(&forced.out).unwrap();
    assert_eq!((&told["same_schedule"], &told["runs"][1]["letter"]), (&false.into(), &"B".into()));
    assert!(told["rows"].as_array().is_some_and(|rows| !rows.is_empty()));
}

#[test]
fn a_folder_without_a_run_is_bad_usage() {
    let folder = tempfile::tempdir().unwrap();
    let ended = leaderless(&["report", path_text(folder.path())]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.err.contains("result.json"), "{}", ended.err);
    fs::write(folder.path().join("result.json"), r#"{"schema_version": 99}"#).unwrap();
    let ended = leaderless(&["report", path_text(folder.path())]);
    assert!(ended.code == Some(64) && ended.err.contains("version 99"), "{ended:?}");
}
