//! Ctrl-C in the middle of an outage.

use std::time::{Duration, Instant};

use crate::kit::{Program, one_game_day_at_a_time};
use crate::scenarios::{Files, Tiny, path_text, problems};

/// The promise is two seconds; the machine may be shared by many.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Interrupts `arm` once its outage has lasted long enough for requests to be stuck.
fn interrupt_in_the_outage_of(arm: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = Tiny { outage_s: 30.0, ..Tiny::default() }.file(folder.path());
    let _alone = one_game_day_at_a_time();
    let program = Program::start(&["run", &file, "--arms", arm, "--out", path_text(folder.path())]);
    program.err_line("the outage", |line| line.starts_with(&format!("{arm}, outage, ")).then_some(()));
    program.err_line("the dead broker", |line| line.ends_with("broker 2 is dead").then_some(()));
    assert!(program.children().is_none_or(|count| count == 0), "it has started other programs");
    let since = Instant::now();
    program.interrupt();
    let ended = program.ended();
    let took = since.elapsed();
    println!("{arm}: gone {took:?} after Ctrl-C");
    assert!(took < GONE_WITHIN, "gone only after {took:?}");
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.err.contains("interrupted: stopping"), "{}", ended.err);
    assert!(!ended.err.contains("while stopping"), "something did not end: {}", ended.err);
    assert!(ended.out.contains("\nPartial: in the outage ") && ended.out.contains("before"), "{}", ended.out);

    let result = Files::of(folder.path(), 7).result();
    assert_eq!(problems(&result), [""; 0]);
    assert_eq!((&result["partial"], &result["verdict"]["status"]), (&true.into(), &"partial".into()));
    let accounts = &result["arms"][arm]["conservation"];
    assert_eq!(accounts["holds"], true, "{accounts}");
    // Half of a record must not accuse anybody.
    let ledger = &result["arms"][arm]["ledger"];
    assert_eq!(ledger["violations_total"], 0, "{ledger}");
}

#[test]
fn ctrl_c_ends_a_run_that_degrades_with_what_was_measured_so_far() {
    interrupt_in_the_outage_of("degrade");
}

#[test]
fn ctrl_c_ends_a_run_that_hangs_with_what_was_measured_so_far() {
    interrupt_in_the_outage_of("hang");
}
