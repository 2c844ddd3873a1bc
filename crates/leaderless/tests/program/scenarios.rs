//! Scenario files that are small enough for a test: three brokers, a few requests, phases of about a second.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The faults of [`Tiny`], in their order.
pub(crate) const FAULTS: [&str; 4] = ["freeze_controller", "kill_broker", "thaw_controller", "start_broker"];

/// A scenario whose controller freezes and whose broker 2 dies.
pub(crate) struct Tiny {
    pub(crate) outage_s: f64,
    /// What is expected of both arms.
    pub(crate) expect: &'static str,
}

impl Default for Tiny {
    fn default() -> Self {
        Self { outage_s: 0.8, expect: "ledger = balanced" }
    }
}

impl Tiny {
    pub(crate) fn text(&self) -> String {
        let Self { outage_s, expect } = self;
        format!(
            r#"[incident]
title = "A broker lost for a second"
sources = ["a test"]
reported = ["nothing"]
modelled = ["everything"]

[cluster]
brokers = 3
partitions = 3
clock = "compressed"

[load]
rate_per_s = 30
accounts = 9
warmup_s = 0.2
before_s = 0.6
outage_s = {outage_s}
recovery_s = 1.6
deadline_ms = 3000
in_flight_max = 256
lag_ms_max = 60000

[[timeline]]
at = "outage"
fault = "freeze_controller"

[[timeline]]
at = "outage + 200ms"
fault = "kill_broker"
broker = 2

[[timeline]]
at = "recovery"
fault = "thaw_controller"

[[timeline]]
at = "recovery + 200ms"
fault = "start_broker"
broker = 2

[arms.hang]
strategy = "hang"

[arms.degrade]
strategy = "degrade"

[expect]
hang = ["{expect}"]
degrade = ["{expect}"]
"#
        )
    }

    /// Writes it to `tiny.toml` in `folder`.
    pub(crate) fn file(&self, folder: &Path) -> String {
        write(folder, &self.text())
    }
}

/// Writes a scenario to `tiny.toml` in `folder`.
pub(crate) fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("tiny.toml");
    std::fs::write(&path, text).expect("a temporary folder can be written to");
    path_text(&path).to_owned()
}

pub(crate) fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// The files of a run of `tiny.toml` under `out`.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn of(out: &Path, seed: u64) -> Self {
        Self(out.join(format!("tiny-{seed}")))
    }

    pub(crate) fn on_apache(out: &Path, seed: u64) -> Self {
        Self(out.join(format!("tiny-{seed}-apache")))
    }

    pub(crate) fn result(&self) -> Value {
        serde_json::from_str(&self.read(report::RESULT_FILE)).expect("the result is JSON")
    }

    pub(crate) fn timeline(&self) -> Vec<report::TimelineEntry> {
        let text = self.read(report::TIMELINE_FILE);
        text.lines().map(|line| serde_json::from_str(line).expect("an entry a line")).collect()
    }

    fn read(&self, name: &str) -> String {
        let path = self.0.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// What does not match the schema of results.
pub(crate) fn problems(result: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(report::SCHEMA).expect("the schema is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    validator.iter_errors(result).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The faults of an arm as (kind, arguments), in the order in which they were called.
pub(crate) fn faults(arm: &Value) -> Vec<(String, Value)> {
    let faults = arm["faults"].as_array().expect("a list of faults");
    faults.iter().map(|it| (it["kind"].as_str().unwrap_or_default().to_owned(), it["args"].clone())).collect()
}
