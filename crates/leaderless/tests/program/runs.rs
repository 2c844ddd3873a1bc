//! Whole game days, as small as they can be: verdicts, files, and the promise of a seed.

use report::{EntryKind, TimelineEntry};
use serde_json::{Value, json};

use crate::kit::{command, one_game_day_at_a_time, valid_run};
use crate::scenarios::{FAULTS, Files, Tiny, faults, path_text, problems};

#[test]
fn a_run_whose_expectations_hold_exits_0_and_prints_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let file = Tiny::default().file(folder.path());
    let ended = valid_run(&[&file, "--arms", "degrade", "--out", path_text(folder.path())]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in
        ["tiny, seed 7", "p99.9", "ok_kafka", "ledger = balanced", "\nPassed: ", "tiny-7/result.json"]
    {
        assert!(ended.out.contains(words), "{words:?} is not in\n{}", ended.out);
    }
    assert!(!ended.out.contains('\x1b') && !ended.err.contains('\x1b'), "colours in a pipe: {ended:?}");
    for phase in ["before", "outage", "recovery"] {
        assert!(ended.err.contains(&format!("degrade, {phase}, ")), "{phase} is not in\n{}", ended.err);
    }
    let result = Files::of(folder.path(), 7).result();
    let arms: Vec<&String> = result["arms"].as_object().unwrap().keys().collect();
    assert_eq!(arms, ["degrade"]);
}

#[test]
fn a_run_whose_expectation_cannot_hold_exits_3_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = Tiny { expect: "count{outcome=ok_kafka} = 0", ..Tiny::default() };
    let file = tiny.file(folder.path());
    let ended = valid_run(&[&file, "--arms", "hang", "--out", path_text(folder.path())]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for words in ["NOT met", tiny.expect, "\nFailed: 1 expectation of hang not met"] {
        assert!(ended.out.contains(words), "{words:?} is not in\n{}", ended.out);
    }
    assert_eq!(Files::of(folder.path(), 7).result()["verdict"]["status"], "failed");
}

#[test]
fn json_is_the_result_file_and_matches_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let file = Tiny::default().file(folder.path());
    let ended = valid_run(&[&file, "--json", "--seed", "11", "--out", path_text(folder.path())]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    let files = Files::of(folder.path(), 11);
    assert_eq!(printed, files.result());
    assert_eq!(problems(&printed), [""; 0]);
    assert_eq!((&printed["scenario"], &printed["seed"]), (&json!("tiny"), &json!(11)));
    assert_eq!((&printed["partial"], &printed["verdict"]["status"]), (&json!(false), &json!("passed")));
    let timeline = files.timeline();
    for (name, arm) in printed["arms"].as_object().unwrap() {
        let accounts = &arm["conservation"];
        assert!(accounts["intended"].as_u64().unwrap() > 0, "{name}");
        assert_eq!(accounts["intended"], accounts["accounted"], "{name}");
        assert_eq!(accounts["holds"], true, "{name}");
        the_timeline_has_the_faults_in_order(&timeline, name, arm);
    }
}

fn the_timeline_has_the_faults_in_order(timeline: &[TimelineEntry], name: &str, arm: &Value) {
    let of_arm: Vec<&TimelineEntry> = timeline.iter().filter(|entry| entry.arm == name).collect();
    assert!(of_arm.is_sorted_by(|a, b| a.at_ms <= b.at_ms), "{of_arm:?}");
    let of_faults = of_arm.iter().filter(|entry| entry.kind == EntryKind::Fault);
    let seen: Vec<(String, Value)> = of_faults
        .map(|entry| (entry.message.split(':').next().unwrap_or_default().to_owned(), entry.detail.clone()))
        .collect();
    assert_eq!(seen, faults(arm), "{name}");
    assert_eq!(seen.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), FAULTS, "{name}");
}

#[test]
fn the_same_seed_asks_for_the_same_again_and_another_seed_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = Tiny { outage_s: 0.4, ..Tiny::default() }.file(folder.path());
    let run = |seed: &str| -> (Value, Vec<(String, Value)>) {
        let out = path_text(folder.path());
        let ended = valid_run(&[&file, "--json", "--arms", "hang", "--seed", seed, "--out", out]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let result: Value = serde_json::from_str(&ended.out).unwrap();
        (result["schedule_hash"].clone(), faults(&result["arms"]["hang"]))
    };
    let (first, again, other) = (run("1"), run("1"), run("2"));
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    let killed = ("kill_broker".to_owned(), json!({"broker": 2}));
    assert_eq!((first.1.len(), &first.1[1]), (FAULTS.len(), &killed));
}

#[test]
fn a_run_that_nobody_listens_to_is_run_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = Tiny { outage_s: 0.4, ..Tiny::default() }.file(folder.path());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut run = command(&["run", &file, "--arms", "hang", "--out", path_text(folder.path())]);
    let _alone = one_game_day_at_a_time();
    let status = run.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
    // A busy machine makes it invalid, and nobody would be told.
    assert!(matches!(status.code(), Some(0 | 4)), "{status}");
    assert_eq!(Files::of(folder.path(), 7).result()["partial"], false);
}
