//! One run from several processes: what each sends, what becomes of it when one is lost, who may give orders.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

use crate::program::{checked, exits, loadgen, output, text, url, valid};
use crate::scripted::{Raw, RawAnswer, Scripted, eventually};
use serde_json::Value;

/// A worker in a process of its own, ended with the test.
struct Worker {
    process: Child,
    address: String,
}

impl Worker {
    fn start(more: &[&str]) -> Self {
        let mut process = loadgen(&["worker", "--listen", "127.0.0.1:0"])
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut said = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it says where it listens");
        // Nobody reads on, but a closed pipe must not be what ends it.
        std::thread::spawn(move || said.read_to_string(&mut String::new()));
        let address = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { process, address }
    }

    fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is ours");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A run over these workers, of two seconds unless more is said, on a machine that may be busy.
fn over(workers: &[&Worker], url: &str, more: &[&str]) -> Command {
    let places: Vec<&str> = workers.iter().map(|worker| worker.address.as_str()).collect();
    let mut command = loadgen(&[url, "--method", "POST", "--rate", "300", "--lag-limit", "20s"]);
    command.args(["--workers-at", &places.join(",")]).args(more);
    for (flag, value) in [("--duration", "2s"), ("--deadline", "20s")] {
        if !more.contains(&flag) {
            command.args([flag, value]);
        }
    }
    command
}

fn machine<'a>(result: &'a Value, worker: &Worker) -> &'a Value {
    let machines = result["machines"].as_array().expect("machines");
    machines.iter().find(|it| it["worker"] == worker.address.as_str()).expect("it is among them")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_run_over_two_workers_is_the_same_run_and_leaves_nothing_over() {
    let http = Scripted::start();
    let url = url(http.address, "kafka");
    let workers = [Worker::start(&[]), Worker::start(&[])];
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let more = ["--json", "--workers", "4", "--warm-up", "300ms", "--out", out];
    let run = over(&[&workers[0], &workers[1]], &url, &more).output().unwrap();
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{said}");
    let result = checked(&text(&run.stdout));
    let sum: u64 = workers.iter().map(|it| number(&machine(&result, it)["accounted"])).sum();
    assert_eq!(Some(sum), result["conservation"]["intended"].as_u64());
    for worker in &workers {
        let part = machine(&result, worker);
        assert_eq!(part["accounted"], part["intended"]);
        assert!(part["clock_moved_ms"].is_number() && part.get("lost").is_none(), "{part}");
        assert!(said.contains(&format!("worker {}: its clock is ", worker.address)), "{said}");
    }
    let intervals = std::fs::read_to_string(folder.path().join("intervals.ndjson")).unwrap();
    let intervals = intervals.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let in_intervals: u64 = intervals.map(|it| number(&it["intended"])).sum();
    assert_eq!(in_intervals + number(&result["warm_up_requests"]), sum);

    let alone = output(&[
        &url,
        "--method",
        "POST",
        "--rate",
        "300",
        "--duration",
        "2s",
        "--warm-up",
        "300ms",
        "--json",
        "--quiet",
        "--lag-limit",
        "20s",
    ]);
    let alone = checked(&text(&alone.stdout));
    assert_eq!(alone["schedule_hash"], result["schedule_hash"]);
    assert_eq!(alone["conservation"]["intended"], result["conservation"]["intended"]);
}

#[test]
fn a_worker_that_is_killed_in_the_middle_is_accounted_for_as_lost() {
    let http = Scripted::start();
    let url = url(http.address, "kafka");
    let mut workers = [Worker::start(&[]), Worker::start(&[])];
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let mut run = over(&[&workers[0], &workers[1]], &url, &["--quiet", "--duration", "4s", "--out", out])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("requests come", || http.bodies().len() > 150);
    workers[1].kill();
    let mut printed = String::new();
    run.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(4), "{printed}");
    let said = format!("invalid: worker {} was lost: ", workers[1].address);
    assert!(printed.contains(&said), "{printed}");
    assert!(printed.contains(&format!(" lost with worker {}", workers[1].address)), "{printed}");

    let result = valid(&std::fs::read_to_string(folder.path().join("result.json")).unwrap());
    assert_eq!(result["status"], "invalid");
    let (kept, lost) = (machine(&result, &workers[0]), machine(&result, &workers[1]));
    assert_eq!(kept["accounted"], kept["intended"]);
    assert!(lost["lost"].is_string() && number(&lost["accounted"]) < number(&lost["intended"]), "{lost}");
    assert!(number(&lost["accounted"]) > 0, "what it had told of is kept: {lost}");
    let conservation = &result["conservation"];
    assert_eq!(conservation["holds"], false);
    assert_eq!(number(&conservation["intended"]), number(&kept["intended"]) + number(&lost["intended"]));
    assert_eq!(number(&conservation["accounted"]), number(&kept["accounted"]) + number(&lost["accounted"]));
    let counts: u64 = result["counts"].as_object().unwrap().values().map(number).sum();
    assert_eq!(counts, number(&conservation["accounted"]));
}

#[test]
fn a_worker_that_says_nothing_any_more_is_lost_too() {
    let http = Scripted::start();
    let url = url(http.address, "kafka");
    let workers = [Worker::start(&[]), Worker::start(&[])];
    let mut run = over(&[&workers[0], &workers[1]], &url, &["--quiet", "--duration", "4s"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("requests come", || http.bodies().len() > 150);
    let id = workers[0].process.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    let mut printed = String::new();
    run.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(4), "{printed}");
    let said = format!("worker {} was lost: nothing was heard of it for 5s", workers[0].address);
    assert!(printed.contains(&said), "{printed}");
}

#[test]
fn workers_stop_when_the_run_has_gone_away_and_serve_the_next() {
    let silent = Raw::start(RawAnswer::Silence);
    let worker = Worker::start(&[]);
    let long = ["--quiet", "--duration", "600s", "--deadline", "600s", "--in-flight", "40"];
    let mut run = over(&[&worker], &url(silent.address, ""), &long).stdout(Stdio::null()).spawn().unwrap();
    eventually("forty requests are in flight", || silent.open() >= 40);
    run.kill().unwrap();
    run.wait().unwrap();
    eventually("every connection is closed", || silent.open() == 0);

    let http = Scripted::start();
    let next = over(&[&worker], &url(http.address, "kafka"), &["--json"]).output().unwrap();
    assert_eq!(next.status.code(), Some(0), "{}", text(&next.stderr));
}

#[test]
fn an_interrupted_run_over_workers_is_told_of_like_a_whole_one() {
    let silent = Raw::start(RawAnswer::Silence);
    let worker = Worker::start(&[]);
    let long = ["--json", "--duration", "600s", "--deadline", "600s", "--in-flight", "40"];
    let mut run = over(&[&worker], &url(silent.address, ""), &long)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("forty requests are in flight", || silent.open() >= 40);
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    let mut printed = String::new();
    run.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let result = checked(&printed);
    assert_eq!((&result["partial"], &result["counts"]["unfinished"]), (&true.into(), &40.into()));
}

#[test]
fn without_the_token_nobody_gives_orders_or_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ours = file("ours", "a token of sixteen or more\n");
    let other = file("other", "another token as long\n");
    let http = Scripted::start();
    let url = url(http.address, "kafka");
    let worker = Worker::start(&["--token-file", &ours]);
    let refused = |output: Output, code: i32, says: &str| {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(says), "{said}");
    };
    refused(over(&[&worker], &url, &[]).output().unwrap(), 1, "the token is not this worker's");
    let with = |token: &str| over(&[&worker], &url, &["--token-file", token]).output().unwrap();
    refused(with(&other), 1, "the token is not this worker's");
    assert_eq!(http.bodies().len(), 0, "nothing was sent");
    assert_eq!(with(&ours).status.code(), Some(0));
    let open = Worker::start(&[]);
    let trusting = over(&[&open], &url, &["--token-file", &ours]).output().unwrap();
    refused(trusting, 1, "the token is not this worker's");

    exits(&["worker", "--listen", "0.0.0.0:0"], 64, "it takes a token");
    exits(&[&url, "--workers-at", "192.0.2.1:7700"], 64, "it takes a token");
    exits(&[&url, "--workers-at", &worker.address, "--token-file", &file("short", "x")], 64, "at least 16");
    let two = "127.0.0.1:1,127.0.0.1:2";
    exits(&[&url, "--workers-at", two, "--workers", "3"], 64, "3 slices cannot be shared out evenly over 2");
}

/// A listener that says this to whoever comes.
fn impostor(frames: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&frames).unwrap();
        // Until the other side has gone.
        stream.read_to_end(&mut Vec::new()).unwrap();
    });
    address
}

fn frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut frame = (bytes.len() as u32).to_be_bytes().to_vec();
    frame.push(kind);
    frame.extend(bytes);
    frame
}

#[test]
fn other_versions_and_what_is_no_worker_are_refused_before_anything_is_sent() {
    let dead = "http://127.0.0.1:1/";
    let greeting =
        br#"{"say":"greeting","protocol":2,"version":"9.9.9","nonce":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}"#;
    let other = impostor(frame(0, greeting));
    exits(&[dead, "--workers-at", &other], 1, "it is loadgen 9.9.9, protocol 2");
    let chatty = impostor(vec![0xff; 64]);
    exits(&[dead, "--workers-at", &chatty], 1, "a message of 4294967295 bytes; the most is 4096");
    let http = impostor(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    exits(&[dead, "--workers-at", &http], 1, "worker 127.0.0.1:");
}
