//! The program as people and CI call it: what it prints, writes and exits with.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use crate::scripted::{Raw, RawAnswer, Scripted, eventually, refusing};
use serde_json::Value;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../schema/result.schema.json")).expect("the schema is JSON")
});

pub(crate) fn loadgen(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(args).stdin(Stdio::null());
    command
}

pub(crate) fn output(args: &[&str]) -> Output {
    loadgen(args).output().expect("the program starts")
}

pub(crate) fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}/{path}")
}

pub(crate) fn text(bytes: &[u8]) -> String {
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

pub(crate) fn exits(args: &[&str], code: i32, says: &str) {
    let output = output(args);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}");
    assert!(said.contains(says), "{args:?} does not say {says:?}:\n{said}");
}

/// The document, checked against its schema.
pub(crate) fn valid(document: &str) -> Value {
    let result: Value = serde_json::from_str(document).expect("JSON");
    let validator = jsonschema::validator_for(&SCHEMA).expect("the schema is one");
    let errors: Vec<String> = validator.iter_errors(&result).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document}");
    result
}

/// The document, checked against its schema and its own account.
pub(crate) fn checked(document: &str) -> Value {
    let result = valid(document);
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
    for said in ["ok_kafka", "intended = ", " in the warm-up", "own lag", "valid; nothing was expected of it"]
    {
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
    exits(&["ftp://127.0.0.1/"], 64, "expected an http:// or https:// URL");
    exits(&["nowhere.toml"], 64, "neither an http:// or https:// URL nor a file");
    exits(&[dead, "--duration", "5"], 64, "expected a time with its unit");
    exits(&[dead, "--arrivals", "ramp"], 64, "needs --rate-to");
    exits(&[dead, "--spike", "1s..2s"], 64, "--spike says nothing about these arrivals");
    exits(&[dead, "--in-flight", "0"], 64, "in_flight_max is 0: allowed is 1 to 1000000");
    exits(&[dead, "--closed", "--rate", "5"], 64, "--rate says nothing in a closed loop");
    exits(&[dead, "--closed", "--in-flight", "5"], 64, "--connections are its users");
    exits(&[dead, "--streams", "5"], 64, "--streams says nothing without --http2");
    exits(&[dead, "--insecure"], 64, "--insecure says nothing without an https:// target");
    exits(&[dead, "--outage", "4s..8s", "--duration", "8s"], 64, "within the run, which is of 8s");
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
    exits(&[&url, "--duration", "300ms", "--lag-limit", "20s"], 0, "answers   none, to any request");
}

#[test]
fn why_the_first_exchange_broke_is_told() {
    let half = Raw::start(RawAnswer::Half);
    let url = url(half.address, "");
    exits(
        &short(&url, &["--quiet"]),
        0,
        "the first error_io: error reading a body from connection: end of file before message length",
    );
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
