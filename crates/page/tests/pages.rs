//! The page as a text: what is on it, what is not, and how large it becomes.

mod sample;

use page::Run;
use sample::Sample;

fn page(seconds: u64, rate_per_s: u64) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Sample { seconds, rate_per_s, slower: 1.0 }.write(folder.path());
    Run::read(folder.path()).expect("a sample can be read").page()
}

#[test]
fn a_page_has_everything_that_a_meeting_asks_for() {
    let page = page(21, 100);
    for words in [
        "The controller freezes, one broker dies, and nobody can elect",
        "hang left 96 requests unanswered",
        "The designs side by side",
        "hang: response times over time",
        "degrade: how requests ended, over time",
        "degrade: percentile curves by phase and outcome",
        "hang: heatmap of response times over time",
        "Who noticed first",
        "in-flight age",
        "The ledger's account",
        "What was expected",
        "All numbers",
        "leaderless run made-up --seed 7 --rate 100 --arms hang,degrade",
        "quote, at most 3 circuits at a time, between 5.5 s and 15.8 s",
    ] {
        assert!(page.contains(words), "{words:?} is not on the page");
    }
}

#[test]
fn a_page_fetches_nothing_and_takes_no_text_for_markup() {
    let page = page(21, 100);
    for outside in ["http://", "https://", "src=", "@import", "url(\"", "<link"] {
        assert!(!page.contains(outside), "{outside:?} is on the page");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("order &lt;7&gt; was told no"));
}

#[test]
fn the_page_of_a_long_run_with_many_requests_is_below_a_megabyte() {
    let size = page(600, 1000).len();
    assert!(size < 1_000_000, "{size} bytes");
}

#[test]
fn a_run_of_an_older_program_has_a_page_without_pictures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Sample { seconds: 21, rate_per_s: 50, slower: 1.0 }.write(folder.path());
    for arm in ["hang", "degrade"] {
        std::fs::remove_file(folder.path().join(page::log_file(arm))).expect("it was written");
    }
    std::fs::remove_file(folder.path().join("timeline.jsonl")).expect("it was written");
    let page = Run::read(folder.path()).expect("what is left can be read").page();
    assert!(
        page.contains("No pictures") && page.contains("All numbers") && !page.contains("svg class=\"chart")
    );
}

#[test]
fn a_damaged_log_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Sample { seconds: 2, rate_per_s: 20, slower: 1.0 }.write(folder.path());
    let log = folder.path().join(page::log_file("hang"));
    std::fs::write(&log, "\"Tag=ok.before,0.000,1.000,1.0,HISTFA").expect("it can be written");
    let error = Run::read(folder.path()).expect_err("a damaged log").to_string();
    assert!(error.starts_with(&log.display().to_string()), "{error}");
}
