//! TLS and HTTP/2: who is trusted, what is told of it, and how many requests a connection carries.

use std::time::Duration;

use crate::certificates::authority;
use crate::mock::{self, Server};
use crate::mock_http2;
use crate::program::{checked, output, text};
use crate::scripted::{request, spec};
use loadgen::{Arrivals, Limits, Mapping, Plan, PlanError, PlanSpec, RunResult, Tls, Trust, Wire, spawn};
use recorder::Outcome;
use serde_json::Value;

fn labelled(servers: Vec<Server>, label: &str) -> Server {
    servers.into_iter().find(|it| it.label == label).expect("a label of ours")
}

/// The output, and the result if it is one of a run.
fn printed(server: &Server, host: &str, more: &[&str]) -> (String, Value) {
    let url = format!("https://{host}:{}/", server.address.port());
    let common = [&url, "--rate", "100", "--duration", "300ms", "--deadline", "20s", "--lag-limit", "20s"];
    let table = output(&[&common, more].concat());
    let json = output(&[&common, more, &["--quiet", "--json"]].concat());
    (text(&table.stderr) + &text(&table.stdout), checked(&text(&json.stdout)))
}

fn all(result: &Value, outcome: &str) {
    assert_eq!(result["counts"][outcome], result["conservation"]["intended"], "{result}");
}

#[test]
fn an_authority_that_is_named_is_trusted_and_nobody_else() {
    let well = labelled(mock::secure(), "Well");
    let authority = authority();
    let named = ["--cacert", authority.to_str().unwrap()];
    let (told, result) = printed(&well, "localhost", &named);
    assert!(!told.contains("insecure") && !told.contains("failed so"), "{told}");
    all(&result, "ok");
    let (told, result) = printed(&well, "127.0.0.1", &[]);
    assert!(told.contains("the first failed so: invalid peer certificate: UnknownIssuer"), "{told}");
    all(&result, "error_connect");
    let other = labelled(mock::secure(), "OtherName");
    let (told, result) = printed(&other, "localhost", &named);
    assert!(told.contains("certificate not valid for name"), "{told}");
    all(&result, "error_connect");
}

#[test]
fn an_insecure_run_takes_any_certificate_and_says_so_before_and_after() {
    let other = labelled(mock::secure(), "OtherName");
    let (told, result) = printed(&other, "localhost", &["--insecure"]);
    assert_eq!(told.matches("insecure: certificates are not checked").count(), 2, "{told}");
    all(&result, "ok");
    assert_eq!(result["load"]["insecure"], true);
}

#[test]
fn http2_is_agreed_on_or_the_connection_fails() {
    let (well, old) = (labelled(mock_http2::secure(), "Well"), labelled(mock_http2::secure(), "Http1"));
    let (told, result) = printed(&well, "localhost", &["--insecure", "--http2"]);
    assert!(told.contains("over HTTP/2"), "{told}");
    all(&result, "ok");
    assert_eq!(result["load"]["http2"], true);
    let (told, result) = printed(&old, "localhost", &["--insecure", "--http2"]);
    assert!(told.contains("failed so: "), "{told}");
    all(&result, "error_connect");
}

#[test]
fn a_file_without_certificates_is_refused_before_anything_is_sent() {
    let refused = |file: &str| output(&["https://localhost:1/", "--cacert", file]);
    for (file, says) in [("nowhere.pem", "nowhere.pem"), (file!(), "certificates in")] {
        let output = refused(file);
        assert_eq!(output.status.code(), Some(64));
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
    }
    let tls = Tls { server_name: "not a name".to_owned(), trust: Trust::System };
    let mut spec =
        PlanSpec { requests: vec![request("it", "x")], ..spec(&[("it", ([127, 0, 0, 1], 1).into())]) };
    spec.targets[0].wire = Wire { http2: false, tls: Some(tls) };
    assert!(matches!(Plan::new(spec), Err(PlanError::Wire { .. })));
}

/// Ten requests within 10 ms to a server of HTTP/2, over one connection.
fn ten(server: &Server, limits: Limits) -> RunResult {
    let mut spec = PlanSpec {
        requests: vec![request(&server.label, "x")],
        arrivals: Arrivals::Constant,
        rate_per_s: 1_000.0,
        duration: Duration::from_millis(10),
        mapping: Mapping::any_service(),
        limits: Limits { connections_max: 1, connections_preopened: 1, ..limits },
        ..spec(&[(&server.label, server.address)])
    };
    spec.targets[0].wire = server.wire.clone();
    let result = spawn(Plan::new(spec).unwrap().into()).unwrap().join().unwrap();
    assert!(result.conservation().holds);
    assert_eq!(result.conservation().intended, 10);
    result
}

#[test]
fn streams_on_a_connection_are_bounded_and_the_wait_for_one_counts() {
    let slow = labelled(mock_http2::plain(), "Slow");
    let patient = Limits { deadline: Duration::from_secs(20), ..Limits::default() };
    let result = ten(&slow, Limits { streams_max: 2, ..patient });
    assert_eq!(result.count(Outcome::Ok), 10);
    assert_eq!(result.connections().opened, 1);
    // Two at a time are five rounds of 30 ms.
    let last = result.observations().map(|it| it.seen()).max().unwrap();
    assert!(last >= Duration::from_millis(150), "{last:?}");
}

#[test]
fn a_timeout_in_http2_resets_its_stream_and_keeps_the_connection() {
    let hangs = labelled(mock_http2::plain(), "Hang");
    let hurried = Limits { deadline: Duration::from_millis(100), ..Limits::default() };
    let result = ten(&hangs, Limits { streams_max: 3, ..hurried });
    assert_eq!(result.count(Outcome::Timeout), 10);
    let seen = result.connections();
    assert_eq!((seen.opened, seen.failed, seen.burned), (1, 0, 0));
}

#[test]
fn a_lane_that_was_given_back_is_used_again() {
    let narrow = labelled(mock_http2::secure(), "Narrow");
    let result =
        ten(&narrow, Limits { deadline: Duration::from_secs(20), streams_max: 1, ..Limits::default() });
    assert_eq!((result.count(Outcome::Ok), result.connections().opened), (10, 1));
}
