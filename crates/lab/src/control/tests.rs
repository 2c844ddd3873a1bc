//! The endpoint over real HTTP on loopback, before an embedded cluster.

use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Access, ControlError, run};
use crate::Lab;
use crate::embedded::{Embedded, EmbeddedSpec};

/// Sends one request as it stands and gives the status, the content type and the body.
async fn send(access: Access, request: &str) -> (u16, String, String) {
    let lab: Arc<dyn Lab> = Arc::new(Embedded::start(EmbeddedSpec::default()).expect("a cluster"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(run(listener, lab, access, async move { drop(stopped.await) }));
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    drop(stop);
    serving.await.expect("no panic").expect("an orderly end");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head[9..12].parse().expect("a status");
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (status, kind.to_owned(), body.to_owned())
}

fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /faults HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn plain(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
}

async fn check(request: String, expect: Expect) {
    let (status, kind, body) = send(Access::anybody(), &request).await;
    expect.assert_eq(&format!("{status} {kind} {body}"));
}

#[tokio::test]
async fn a_fault_says_what_was_done() {
    check(
        post(r#"{"kind": "kill_broker", "broker": 2}"#),
        expect![[
            r#"200 application/json {"kind":"kill_broker","args":{"broker":2},"done":"broker 2 is dead"}"#
        ]],
    )
    .await;
}

#[tokio::test]
async fn errors_are_problems_that_name_the_field() {
    check(
        post(r#"{"kind": "kill_broker", "broker": 7}"#),
        expect![[r#"400 application/problem+json {"title":"an argument is wrong","status":400,"detail":"`broker` of kill_broker is 7, which there is not (allowed: 1, 2, 3)","field":"broker","value":7,"allowed":"1, 2, 3"}"#]],
    )
    .await;
    check(
        post("nonsense"),
        expect![[r#"400 application/problem+json {"title":"the body is not a JSON object","status":400,"detail":"Failed to parse the request body as JSON: expected ident at line 1 column 2"}"#]],
    )
    .await;
    check(
        plain("GET", "/elsewhere", ""),
        expect![[
            r#"404 application/problem+json {"title":"nothing is here","status":404,"detail":"see GET /"}"#
        ]],
    )
    .await;
    check(
        plain("PUT", "/faults", ""),
        expect![[r#"405 application/problem+json {"title":"not with this method","status":405,"detail":"see GET /"}"#]],
    )
    .await;
}

#[tokio::test]
async fn a_web_page_cannot_break_anything_with_a_simple_request() {
    let body = r#"{"kind": "freeze_controller"}"#;
    let request = post(body).replace("application/json", "text/plain");
    assert_eq!(send(Access::anybody(), &request).await.0, 415);
}

#[tokio::test]
async fn the_state_and_the_catalogue_are_json() {
    for path in ["/state", "/faults"] {
        let (status, kind, body) = send(Access::anybody(), &plain("GET", path, "")).await;
        assert_eq!((status, kind.as_str()), (200, "application/json"));
        serde_json::from_str::<Value>(&body).expect("JSON");
    }
    let (status, _, healed) = send(Access::anybody(), &plain("DELETE", "/faults", "")).await;
    assert_eq!((status, healed.as_str()), (200, "[]"));
}

#[tokio::test]
async fn a_token_is_asked_for_where_one_is_set() {
    let access = Access::token("secret");
    let ask =
        |headers: &'static str| send(access.clone(), Box::leak(plain("GET", "/", headers).into_boxed_str()));
    assert_eq!(ask("").await.0, 401);
    assert_eq!(ask("authorization: Bearer wrong\r\n").await.0, 401);
    assert_eq!(ask("authorization: Bearer secret\r\n").await.0, 200);
}

#[tokio::test]
async fn off_loopback_it_does_not_run_without_a_token() {
    let lab: Arc<dyn Lab> = Arc::new(Embedded::start(EmbeddedSpec::default()).expect("a cluster"));
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("bound");
    let refused = run(listener, lab, Access::anybody(), std::future::pending()).await;
    assert!(matches!(refused, Err(ControlError::TokenRequired(_))));
}
