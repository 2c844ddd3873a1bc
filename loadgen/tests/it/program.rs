//! The program as people and CI call it: what it prints, writes and exits with.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use crate::scripted::{Raw, RawAnswer, Scripted, eventually, refusing};
use serde_json::Value;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../schema/result.schema.json")).expect("the schema is JSON")
});

fn loadgen(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(args).stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> Output {
    loadgen(args).output().expect("the program starts")
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}/{path}")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints text")
}

/// A short run on a machine that may be busy: deadline and lag limit far away.
fn short<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        url,
        "--method",
        "POST",
        "--rate",
        "200",
        "--duration",
        "1s",
        "--deadline",
        "20s",
        "--lag-limit",
        "20s",
    ];
    args.extend(more);
    args
}

fn exits(args: &[&str], code: i32, says: &str) {
    let output = output(args);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}");
    assert!(said.contains(says), "{args:?} does not say {says:?}:\n{said}");
}

/// The document, checked against its schema and its own account.
fn checked(document: &str) -> Value {
    let result: Value = serde_json::from_str(document).expect("JSON");
    let validator = jsonschema::validator_for(&SCHEMA).expect("the schema is one");
    let errors: Vec<String> = validator.iter_errors(&result).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document}");
    let sum = |value: &Value| -> u64 { value.as_object().unwrap().values().filter_map(Value::as_u64).sum() };
    let told = result["warm_up_requests"].as_u64().unwrap() + sum(&result["counts"]);
    assert_eq!(Some(told), result["conservation"]["intended"].as_u64());
    let in_phases: u64 = result["phases"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|outcomes| outcomes.as_object().unwrap().values())
        .map(|summary| summary["count"].as_u64().unwrap())
        .sum();
    assert_eq!(in_phases, sum(&result["counts"]));
    result
}

#[test]
fn a_run_prints_its_account_and_exits_with_0() {
    let http = Scripted::start();
    let url = url(http.address, "kafka");
    let output = output(&short(&url, &["--warm-up", "200ms", "--workers", "2"]));
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for said in ["ok_kafka", "intended = ", " in the warm-up", "own lag", "passed"] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
    assert!(!printed.contains('\x1b'), "no colours in a pipe: {printed}");
}

#[test]
fn a_quiet_run_says_nothing_but_its_answer() {
    let http = Scripted::start();
    let url = url(http.address, "sync");
    let output = output(&short(&url, &["--quiet", "--json"]));
    assert_eq!(text(&output.stderr), "");
    let result = checked(&text(&output.stdout));
    assert_eq!(result["status"], "passed");
    assert!(result["counts"]["ok_degraded"].as_u64() > Some(0));
}

#[test]
fn a_closed_loop_warns_of_coordinated_omission() {
    let http = Scripted::start();
    let url = url(http.address, "kafka");
    let more = ["--closed", "--connections", "3", "--duration", "300ms"];
    let args: Vec<&str> = [&[url.as_str(), "--method", "POST"][..], &more].concat();
    let output = output(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("coordinated omission"));
    assert!(text(&output.stderr).contains("coordinated omission"), "it is said before the run too");
}

#[test]
fn gates_decide_the_exit_code() {
    let http = Scripted::start();
    let url = url(http.address, "kafka");
    exits(&short(&url, &["--expect", "count{timeout} = 0"]), 0, "met, measured 0");
    exits(&short(&url, &["--expect", "count > 100000"]), 3, "NOT met, measured");
    exits(&short(&url, &["--expect", "rate{unsent_cap} < 0.01%"]), 5, "undecided");
    exits(&short(&url, &["--expect", "rate{unsent_cap} < 0.01%", "--expect", "count = 0"]), 3, "NOT met");
}

#[test]
fn a_run_that_could_not_keep_its_schedule_is_invalid() {
    let http = Scripted::start();
    let url = url(http.address, "kafka");
    let args = [url.as_str(), "--duration", "300ms", "--lag-limit", "0s", "--expect", "count = 0"];
    exits(&args, 4, "invalid: the generator could not keep its schedule");
}

#[test]
fn mistakes_are_told_with_what_is_allowed_and_exit_with_64() {
    let dead = url(refusing(), "");
    let dead = dead.as_str();
    exits(&[], 64, "URL|FILE.toml");
    exits(&["https://127.0.0.1/"], 64, "there is no TLS yet");
    exits(&["nowhere.toml"], 64, "neither an http:// URL nor a file");
    exits(&[dead, "--duration", "5"], 64, "expected a time with its unit");
    exits(&[dead, "--arrivals", "ramp"], 64, "needs --rate-to");
    exits(&[dead, "--spike", "1s..2s"], 64, "--spike says nothing about these arrivals");
    exits(&[dead, "--in-flight", "0"], 64, "in_flight_max is 0: allowed is 1 to 1000000");
    exits(&[dead, "--expect", "p95 < 5ms"], 64, "column 1: unknown measure `p95`; did you mean `p99`?");
    exits(&[dead, "--expect", "recover < 5s"], 64, "when the outage ends must be said");
    exits(&[dead, "--expect", "ledger = balanced"], 64, "only a game day can measure this");
    exits(&[dead, "--expect", "p99{label=x} < 5ms"], 64, "no request has the label `x` (labels: request)");
    exits(&[dead, "--header", "nonsense"], 64, "expected `name: value`");
    exits(&[dead, "--body", "{acount}"], 64, "unknown placeholder {acount}");
    exits(&[dead, "--metrics", "0.0.0.0:0"], 64, "only loopback addresses");
    exits(&["--completions", "bash"], 0, "_loadgen");
}

#[test]
fn a_target_that_is_down_is_errors_and_not_silence() {
    let url = url(refusing(), "");
    let output = output(&[&url, "--duration", "300ms", "--quiet", "--json", "--lag-limit", "20s"]);
    let result = checked(&text(&output.stdout));
    assert_eq!(result["counts"]["error_connect"], result["conservation"]["intended"]);
}

fn mix(address: SocketAddr, folder: &Path, more: &str) -> String {
    let path = folder.join("mix.toml");
    let text = format!(
        r#"
target = "http://{address}"
expect = ["count{{label=quote}} > 0"]

[load]
rate_per_s = 200
duration = "2s"
warm_up = "300ms"
deadline = "20s"
lag_limit = "20s"
outage = "1s.."

[choices]
account_count = 3
products = [{{ name = "BTC-USD", units_min = 1, units_max = 9, decimals = 2 }}]

[[request]]
label = "quote"
weight = 3
method = "POST"
path = "/sync"
headers = {{ x-account = "{{account}}" }}
body = '{{"id":"{{run}}-{{seq}}","product":"{{product}}","quantity":"{{quantity}}"}}'

[[request]]
label = "order"
method = "POST"
path = "/teapot"
{more}"#
    );
    std::fs::write(&path, text).expect("a file in a new folder");
    path.to_str().expect("a plain path").to_owned()
}

#[test]
fn a_mix_from_a_file_is_sent_and_told_by_label() {
    let http = Scripted::start();
    let folder = tempfile::tempdir().unwrap();
    let rules = "[outcomes]\nrule = [\n  { status = 418, outcome = \"rejected_fast\" },\n  \
                 { status = \"2xx\", path = \"sync\", outcome = \"ok\" },\n]\n";
    let file = mix(http.address, folder.path(), rules);
    let output = output(&[&file, "--quiet", "--json", "--run", "r1"]);
    let result = checked(&text(&output.stdout));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let count = |label: &str, outcome: &str| {
        ["before", "outage"]
            .map(|phase| result["labels"][label][phase][outcome]["count"].as_u64().unwrap_or(0))
    };
    assert!(count("quote", "ok").iter().all(|count| *count > 0));
    assert!(count("order", "rejected_fast").iter().all(|count| *count > 0));
    let bodies = http.bodies();
    assert!(bodies.iter().any(|body| body.starts_with(r#"{"id":"r1-"#) && body.contains("BTC-USD")));
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |more: &str, says: &[&str]| {
        let file = mix(refusing(), folder.path(), more);
        for says in says {
            exits(&[&file], 64, says);
        }
    };
    wrong("wieght = 2\n", &["unknown field `wieght`", "`weight`", "line 29"]);
    wrong("target = \"nowhere\"\n", &["there is no target `nowhere` (targets: target)"]);
    wrong(
        "[outcomes]\nrule = [{ status = 1, outcome = \"ok\" }]\n",
        &["expected a status from 100 to 999", "line 30"],
    );
    wrong(
        "[outcomes]\nrule = [{ status = 200, outcome = \"fine\" }]\n",
        &["unknown variant `fine`", "ok_kafka"],
    );
    wrong(
        "[outcomes]\nrule = [{ status = 200, outcome = \"timeout\" }]\n",
        &["`timeout` cannot be an answer's (allowed: ok, ok_kafka"],
    );
    let file = mix(refusing(), folder.path(), "");
    exits(&[&file, "--body", "x"], 64, "--body is for a URL");
}

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
    assert_eq!(left, 5, "no half-written file is left behind");
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

#[test]
fn pythons_reader_of_interval_logs_finds_the_same_numbers() {
    let has = Command::new("python3").args(["-c", "import hdrh"]).output();
    if !has.is_ok_and(|it| it.status.success()) {
        eprintln!("SKIPPED: python3 with hdrhistogram (pip install hdrhistogram) is not there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let result = files(folder.path());
    for (file, times) in [("latency.hlog", "response_ms"), ("service.hlog", "service_ms")] {
        let log = folder.path().join("out").join(file);
        let output = Command::new("python3").args(["-c", PYTHON]).arg(log).output().unwrap();
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
        eprintln!("SKIPPED: java or the HdrHistogram jar (HDRHISTOGRAM_JAR, or Maven's cache) is not there");
        return;
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
    assert!(read(folder.path(), "events.ndjson").contains(r#""event":"interrupted""#));
}

#[test]
fn metrics_are_there_while_the_run_goes_on() {
    let silent = Raw::start(RawAnswer::Silence);
    let url = url(silent.address, "");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut run = loadgen(&[&url, "--duration", "600s", "--deadline", "600s", "--in-flight", "5"])
        .args(["--metrics", &free, "--quiet", "--json"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let scrape = |path: &str| -> Option<String> {
        let mut stream = TcpStream::connect(&free).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    };
    eventually("requests beyond the cap are counted", || {
        let series = "loadgen_ended_total{outcome=\"unsent_cap\"} ";
        let answer = scrape("/metrics").unwrap_or_default();
        answer.contains("loadgen_in_flight 5\n")
            && answer.lines().any(|line| line.strip_prefix(series).is_some_and(|count| count != "0"))
    });
    assert!(scrape("/elsewhere").unwrap().starts_with("HTTP/1.1 404"));
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(130));
}
