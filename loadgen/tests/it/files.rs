//! The files that a run leaves, read back by their own schema and by foreign readers.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::mixes::mix;
use crate::program::{checked, loadgen, output, text, url};
use crate::scripted::{Raw, RawAnswer, Scripted, eventually};
use serde_json::Value;

/// The files of a run of two seconds with an outage in the second, and its result.
fn files(folder: &Path) -> Value {
    let http = Scripted::start();
    let file = mix(http.address, folder, "");
    let (out, junit) = (folder.join("out"), folder.join("junit/report.xml"));
    let (out, junit) = (out.to_str().unwrap(), junit.to_str().unwrap());
    let args = [&file, "--quiet", "--workers", "2", "--out", out, "--junit", junit, "--expect", "count = 0"];
    let output = output(&args);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    checked(&read(folder, "result.json"))
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join("out").join(file)).expect(file)
}

#[test]
fn files_agree_with_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let result = files(folder.path());
    let lines = |file: &str| -> Vec<Value> {
        read(folder.path(), file).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let intervals = lines("intervals.ndjson");
    assert_eq!(intervals.iter().map(|it| it["at_ms"].as_u64()).collect::<Vec<_>>(), [Some(0), Some(1000)]);
    let intended: u64 = intervals.iter().map(|it| it["intended"].as_u64().unwrap()).sum();
    let warm_up = result["warm_up_requests"].as_u64().unwrap();
    assert_eq!(Some(intended + warm_up), result["conservation"]["intended"].as_u64());
    assert!(warm_up > 0);

    let events: Vec<Value> = lines("events.ndjson");
    let names: Vec<&str> = events.iter().map(|it| it["event"].as_str().unwrap()).collect();
    assert_eq!((names[0], *names.last().unwrap()), ("started", "verdict"));
    for name in ["measuring", "phase", "first", "ended", "gate"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let times: Vec<f64> = events.iter().map(|it| it["at_ms"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");

    let report = std::fs::read_to_string(folder.path().join("junit/report.xml")).unwrap();
    assert!(report.contains(r#"tests="5" failures="1" errors="0""#), "{report}");
    assert!(report.contains(r#"<failure message="expected count = 0: NOT met, measured "#), "{report}");
    let left = std::fs::read_dir(folder.path().join("out")).unwrap().count();
    assert_eq!(left, 6, "no half-written file is left behind");

    let command = result["command"].as_str().unwrap();
    assert!(command.contains("--workers 2 ") && command.ends_with(" --expect 'count = 0'"), "{command}");
    let page = read(folder.path(), "report.html");
    assert!(page.contains(command), "{command}");
}

/// Every tag of a log by an independent reader: `[tag, count, p50, p90, p99, p999, max]` in microseconds.
const PYTHON: &str = r#"
import json, math, sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
tags = sorted({line[4:line.index(",")] for line in open(sys.argv[1]) if line.startswith("Tag=")})
rows = []
for tag in tags:
    reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3600 * 1000 * 1000, 3))
    total = HdrHistogram(1, 3600 * 1000 * 1000, 3)
    while True:
        histogram = reader.get_next_interval_histogram()
        if histogram is None:
            break
        if histogram.get_tag() == tag:
            total.add(histogram)
    # Its own get_value_at_percentile rounds the rank to the nearest, where the other implementations round up.
    values = [(it.value_iterated_to, it.count_added_in_this_iter_step) for it in total.get_recorded_iterator()]
    def at(percentile):
        left = max(math.ceil(percentile * total.get_total_count() / 100), 1)
        for value, count in values:
            left -= count
            if left <= 0:
                return value
    rows.append([tag, total.get_total_count()] + [at(p) for p in (50, 90, 99, 99.9)] + [total.get_max_value()])
print(json.dumps(rows))
"#;

/// What `result.json` says of a tag, in the same form; `times` is `response_ms` or `service_ms`.
fn told(result: &Value, tag: &str, times: &str) -> (Value, Vec<u64>) {
    let (outcome, phase) = tag.split_once('.').expect("OUTCOME.PHASE");
    let summary = &result["phases"][phase][outcome];
    let us = |point| (summary[times][point].as_f64().expect(tag) * 1e3).round() as u64;
    (summary["count"].clone(), ["p50", "p90", "p99", "p999", "max"].map(us).to_vec())
}

/// Past the test harness, which keeps to itself what a passing test prints.
fn skipped(why: &str) {
    writeln!(std::io::stderr(), "*** NOT READ BACK: {why}").expect("standard error is there");
}

/// The interpreter that has `hdrhistogram`: `HDRHISTOGRAM_PYTHON`, else the one on the path.
fn python() -> Option<OsString> {
    let python = std::env::var_os("HDRHISTOGRAM_PYTHON").unwrap_or_else(|| "python3".into());
    let has = Command::new(&python).args(["-c", "import hdrh"]).output();
    has.is_ok_and(|it| it.status.success()).then_some(python)
}

#[test]
fn pythons_reader_of_interval_logs_finds_the_same_numbers() {
    let Some(python) = python() else {
        return skipped("Python's hdrhistogram is not there (pip install hdrhistogram; HDRHISTOGRAM_PYTHON)");
    };
    let folder = tempfile::tempdir().unwrap();
    let result = files(folder.path());
    for (file, times) in [("latency.hlog", "response_ms"), ("service.hlog", "service_ms")] {
        let log = folder.path().join("out").join(file);
        let output = Command::new(&python).args(["-c", PYTHON]).arg(log).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let rows: Vec<Vec<Value>> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(rows.len(), 4, "two outcomes in two phases: {rows:?}");
        for row in rows {
            let (count, points) = told(&result, row[0].as_str().unwrap(), times);
            assert_eq!(row[1], count, "{row:?}");
            let read: Vec<u64> = row[2..].iter().map(|it| it.as_u64().unwrap()).collect();
            assert_eq!(read, points, "{file} {}", row[0]);
        }
    }
}

/// Where Maven keeps the Java implementation, unless `HDRHISTOGRAM_JAR` says otherwise.
fn jar() -> Option<std::path::PathBuf> {
    if let Some(jar) = std::env::var_os("HDRHISTOGRAM_JAR") {
        return Some(jar.into());
    }
    let versions = Path::new(&std::env::var_os("HOME")?).join(".m2/repository/org/hdrhistogram/HdrHistogram");
    let jars = std::fs::read_dir(versions).ok()?.flatten().flat_map(|it| std::fs::read_dir(it.path()));
    jars.flatten().flatten().map(|it| it.path()).find(|it| it.extension().is_some_and(|it| it == "jar"))
}

#[test]
fn javas_log_processor_finds_the_same_numbers() {
    let Some(jar) = jar().filter(|_| Command::new("java").arg("-version").output().is_ok()) else {
        return skipped("java or HdrHistogram's jar is not there (HDRHISTOGRAM_JAR, or Maven's cache)");
    };
    let folder = tempfile::tempdir().unwrap();
    let result = files(folder.path());
    for tag in ["ok_degraded.before", "ok_degraded.outage", "error_status.outage"] {
        let output = Command::new("java")
            .arg("-cp")
            .arg(&jar)
            .args(["org.HdrHistogram.HistogramLogProcessor", "-outputValueUnitRatio", "1", "-tag", tag, "-i"])
            .arg(folder.path().join("out/latency.hlog"))
            .output()
            .unwrap();
        let printed = text(&output.stdout);
        let (count, points) = told(&result, tag, "response_ms");
        let footer = |name: &str| {
            let at = printed.rfind(name).unwrap_or_else(|| panic!("{name}: {printed}")) + name.len();
            let number = printed[at..].trim_start_matches([' ', '=']);
            let end = number.find([',', ']']).expect("the footer ends so");
            number[..end].trim().parse::<f64>().expect("a number")
        };
        assert_eq!(Some(footer("Total count") as u64), count.as_u64(), "{printed}");
        assert_eq!(footer("Max") as u64, points[4], "{printed}");
        let at = |percentile: &str| {
            let row = printed.lines().find(|line| line.split_whitespace().nth(1) == Some(percentile));
            row.and_then(|row| row.split_whitespace().next()?.parse::<f64>().ok()).map(|it| it as u64)
        };
        assert_eq!(at("0.500000000000"), Some(points[0]), "{printed}");
        assert_eq!(at("0.900000000000"), Some(points[1]), "{printed}");
    }
}

#[test]
fn an_interrupted_run_is_told_of_like_a_whole_one() {
    let silent = Raw::start(RawAnswer::Silence);
    let url = url(silent.address, "");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut run =
        loadgen(&[&url, "--duration", "600s", "--deadline", "600s", "--lag-limit", "20s", "--json"])
            .args(["--out", out.to_str().unwrap(), "--in-flight", "40"])
            .args(["--outage", "0s..500s", "--expect", "recover < 5s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
    // More than are opened before the first arrival.
    eventually("forty requests are in flight", || silent.open() >= 40);
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut printed = String::new();
    run.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let result = checked(&printed);
    assert_eq!((&result["status"], &result["partial"]), (&"partial".into(), &true.into()));
    assert_eq!(result["counts"]["unfinished"], 40, "{printed}");
    assert_eq!(checked(&read(folder.path(), "result.json")), result);
    let events = read(folder.path(), "events.ndjson");
    assert!(events.contains(r#""event":"interrupted""#));
    assert!(
        events.contains(r#""detail":"outage""#) && !events.contains(r#""detail":"recovery""#),
        "{events}"
    );
    assert_eq!(result["gates"][0]["decision"], "not_met", "nobody came after the heal: {printed}");
    let page = read(folder.path(), "report.html");
    assert!(page.contains("the outage begins") && !page.contains("it ends (heals)"));
}
