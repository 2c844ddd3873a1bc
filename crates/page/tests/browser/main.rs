//! The pages in a real browser: every section has its place below the one before, every picture has something drawn,
//! nothing is cut off, nothing scrolls sideways on a phone, the cursor reads, no head is left behind on paper of any height,
//! and axe-core finds nothing (contrast among it), in light and in dark. Boxes are compared and no pixels, which differ from one browser to the next; the
//! screenshots are left in `target/pages` for people.
//!
//! Needs Chromium (Debian's `chromium`, or `$CHROMIUM`) and axe-core (`crates/page/tests/fetch-axe.sh`); says loudly
//! where they are not.

#[path = "../sample/mod.rs"]
mod sample;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use page::Run;
use page::compare::{Entrant, compare};
use serde_json::Value;

use crate::sample::Sample;

const DESK: u32 = 1200;
const PHONE: u32 = 390;

struct Browser {
    chromium: PathBuf,
    axe: String,
    /// Where pages and screenshots are left.
    folder: PathBuf,
}

/// What a page is looked at in.
#[derive(Clone, Copy)]
struct Look {
    width: u32,
    dark: bool,
}

impl Browser {
    fn find() -> Option<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
        let axe = fs::read_to_string(target.join("axe-core/axe.min.js")).ok();
        let folder = target.join("pages");
        let found = chromium().zip(axe).map(|(chromium, axe)| Self { chromium, axe, folder });
        if found.is_none() {
            println!(
                "*** SKIPPED: no Chromium, or no axe-core (crates/page/tests/fetch-axe.sh): NO PAGE WAS LOOKED AT"
            );
        }
        found
    }

    fn run(&self, look: Look, args: &[String], page: &Path) -> Vec<u8> {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(&self.chromium);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!look.dark)))
            .args(args)
            .arg(format!("file://{}", page.display()));
        let ended = command.output().expect("Chromium starts");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        ended.stdout
    }

    /// What the probe found on `page`, looked at in a frame of the right width: a window cannot be as narrow as a phone.
    fn probe(&self, look: Look, name: &str, page: &str) -> Value {
        let probe = include_str!("probe.js");
        let scripts = format!("<script>{}</script><script>{probe}</script></body>", self.axe);
        let file = |what: &str| self.folder.join(format!("{name}-{}-{}-{what}.html", look.width, look.dark));
        let (inner, outer) = (file("probed"), file("frame"));
        fs::write(&inner, page.replace("</body>", &scripts)).expect("the target folder can be written to");
        let frame = include_str!("frame.html").replace("WIDTH", &look.width.to_string());
        let frame = frame.replace("PAGE", &inner.display().to_string());
        fs::write(&outer, frame).expect("the target folder can be written to");
        let size = "--window-size=1400,1000".to_owned();
        let args = ["--dump-dom".to_owned(), "--virtual-time-budget=60000".to_owned(), size];
        let dom = String::from_utf8(self.run(look, &args, &outer)).expect("pages are UTF-8");
        let note = dom.rsplit_once("PROBE(").and_then(|(_, rest)| rest.split_once(")EBORP"));
        let note = note.unwrap_or_else(|| panic!("the probe did not end on {}", inner.display())).0;
        serde_json::from_str(&decoded(note)).expect("the probe leaves JSON")
    }

    fn screenshot(&self, look: Look, name: &str, page: &str) {
        let path = self.folder.join(format!("{name}.html"));
        fs::write(&path, page).expect("the target folder can be written to");
        let png = self.folder.join(format!("{name}.png"));
        let args = [format!("--screenshot={}", png.display()), format!("--window-size={},6000", look.width)];
        self.run(look, &args, &path);
        let size = fs::metadata(&png).expect("a screenshot was made").len();
        assert!(size > 50_000, "{} is nearly empty: {size} bytes", png.display());
    }

    fn check(&self, name: &str, page: &str, pictures: u64, landmarks: &[&str]) {
        fs::create_dir_all(&self.folder).expect("the target folder can be written to");
        for dark in [false, true] {
            for width in [DESK, PHONE] {
                let look = Look { width, dark };
                let found = self.probe(look, name, page);
                let shown = format!("{name}, {width} wide, dark {dark}: {found:#}");
                assert_eq!((&found["dark"], &found["width"]), (&dark.into(), &width.into()), "{shown}");
                assert_eq!(found["pictures"], pictures, "{shown}");
                assert_eq!(found["landmarks"], serde_json::json!(landmarks), "{shown}");
                assert_eq!(found["overflow"], 0, "{shown}");
                for list in ["astray", "empty", "cut", "violations", "unread", "parted"] {
                    assert_eq!(found[list], Value::Array(Vec::new()), "{list} of {shown}");
                }
            }
            let word = if dark { "dark" } else { "light" };
            self.screenshot(Look { width: DESK, dark }, &format!("{name}-{word}"), page);
        }
    }
}

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let folders: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let on_path = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file());
    named.or(on_path)
}

/// What `encodeURIComponent` made of a text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let hex = (*first == b'%').then(|| std::str::from_utf8(&more[..2]).expect("two digits"));
        bytes.push(hex.map_or(*first, |hex| u8::from_str_radix(hex, 16).expect("two digits")));
        rest = if hex.is_some() { &more[2..] } else { more };
    }
    String::from_utf8(bytes).expect("it was text")
}

fn sample(slower: f64) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Sample { seconds: 21, rate_per_s: 200, slower }.write(folder.path());
    Run::read(folder.path()).expect("a sample can be read")
}

#[test]
fn a_report_is_whole_and_accessible_in_every_light_and_width() {
    let Some(browser) = Browser::find() else { return };
    let landmarks = [
        "The designs side by side",
        "How long customers waited",
        "How requests ended",
        "How many waited how long",
        "Where the requests are",
        "Who noticed first",
        "The ledger's account",
        "What was expected",
        "All numbers",
        "Settings, and how to repeat it",
    ];
    browser.check("report", &sample(1.0).page(), 8, &landmarks);
}

#[test]
fn a_comparison_is_whole_and_accessible_in_every_light_and_width() {
    let Some(browser) = Browser::find() else { return };
    let entrants = [("one", 1.0), ("another", 1.4)]
        .map(|(from, slower)| Entrant { from: from.to_owned(), run: sample(slower) })
        .to_vec();
    let comparison = compare(entrants, false).expect("they have the same schedule");
    let landmarks = ["hang", "degrade", "Every figure", "How to read it"];
    browser.check("compare", &comparison.page(), 4, &landmarks);
}
