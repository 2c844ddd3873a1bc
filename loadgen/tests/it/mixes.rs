//! Mixes from a file: what is sent, and how mistakes are told.

use std::net::SocketAddr;
use std::path::Path;

use crate::program::{checked, exits, output, text};
use crate::scripted::{Scripted, refusing};

/// A mix of two requests over two seconds, the second of which is an outage; `more` comes after it.
pub(crate) fn mix(address: SocketAddr, folder: &Path, more: &str) -> String {
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
