//! A game day that is made up, as files: what `leaderless run` writes, of any length and with everything that can occur.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use recorder::{IntervalLog, Outcome, Phase, Recorder};
use serde_json::{Value, json};

/// What to make up.
pub(crate) struct Sample {
    /// Of which 5 parts of 21 are before the outage, and 8 are in it.
    pub(crate) seconds: u64,
    pub(crate) rate_per_s: u64,
    /// The response times of the usual way are multiplied by it.
    pub(crate) slower: f64,
}

impl Sample {
    /// Writes the files into `dir`.
    pub(crate) fn write(&self, dir: &Path) {
        fs::create_dir_all(dir).expect("the folder can be made");
        let mut arms = serde_json::Map::new();
        for arm in ["hang", "degrade"] {
            let (log, all) = self.measured(arm);
            fs::write(dir.join(page::log_file(arm)), log).expect("the log can be written");
            arms.insert(arm.to_owned(), self.arm(arm, &all));
        }
        let result = json!({
            "schema_version": 2, "scenario": "made-up", "seed": 7, "schedule_hash": "5f".repeat(32), "partial": false,
            "title": "The controller freezes, one broker dies, and nobody can elect",
            "load": {
                "arrivals": "poisson", "rate_per_s": self.rate_per_s, "warmup_ms": 1000, "before_ms": 5000,
                "outage_ms": 8000, "recovery_ms": 8000, "deadline_ms": 12000, "in_flight_max": 2048
            },
            "cluster": {
                "backend": "embedded", "brokers": 9, "zones": 3, "replication_factor": 3, "min_isr": 2, "partitions": 9,
                "placement": "aligned", "clock": { "preset": "compressed", "values_ms": { "session": 1500 } }
            },
            "machine": { "cores": 2, "os": "Linux", "versions": { "leaderless": "0.1.0" } },
            "arms": arms,
            "verdict": {
                "status": "failed",
                "sentence": "Failed: 1 expectation of hang not met; in the outage hang left 96 requests unanswered."
            }
        });
        fs::write(dir.join("result.json"), result.to_string()).expect("the result can be written");
        fs::write(dir.join("timeline.jsonl"), self.timeline()).expect("the timeline can be written");
    }

    fn phase(&self, second: u64) -> Phase {
        match second * 21 / self.seconds {
            0..5 => Phase::Before,
            5..13 => Phase::Outage,
            _ => Phase::Recovery,
        }
    }

    fn begin(&self, part: u64) -> f64 {
        (self.seconds * part) as f64 / 21.0
    }

    fn measured(&self, arm: &str) -> (Vec<u8>, Recorder) {
        let mut all = Recorder::new();
        let second = Duration::from_secs(1);
        let log = IntervalLog::begin(Vec::new(), SystemTime::UNIX_EPOCH, &[]);
        let mut log = log.expect("memory can be written to");
        for at in 0..self.seconds {
            let mut interval = Recorder::new();
            let phase = self.phase(at);
            for k in 0..self.rate_per_s {
                let (outcome, response) = self.request(arm, phase, at * self.rate_per_s + k);
                interval.record(phase, outcome, response, Some(response / 2));
            }
            all.merge(&interval);
            for outcome in Outcome::ALL {
                if let Some(latencies) = interval.response(phase, outcome) {
                    let start = second * u32::try_from(at).expect("a sample is short");
                    let added = log.add(&format!("{outcome}.{phase}"), start, second, latencies);
                    added.expect("memory can be written to");
                }
            }
        }
        (log.into_inner(), all)
    }

    /// Request `k`, with noise that is the same every time.
    fn request(&self, arm: &str, phase: Phase, k: u64) -> (Outcome, Duration) {
        let noise = (k.wrapping_mul(6_364_136_223_846_793_005) >> 33) % 1000;
        let usual =
            Duration::from_micros(((1200 + noise * 4 + noise.pow(3) / 60_000) as f64 * self.slower) as u64);
        let stuck = phase == Phase::Outage && k.is_multiple_of(3);
        match (arm, stuck, k % 7) {
            ("hang", true, 0) => (Outcome::Timeout, Duration::from_secs(12)),
            ("hang", true, _) => (Outcome::OkKafka, Duration::from_millis(200 + noise * 9)),
            ("degrade", true, 0) => (Outcome::RejectedFast, usual / 9),
            ("degrade", true, 1) if noise > 900 => (Outcome::Unknown, Duration::from_millis(302)),
            ("degrade", true, _) => (Outcome::OkDegraded, usual / 3),
            _ => (Outcome::OkKafka, usual),
        }
    }

    fn arm(&self, name: &str, all: &Recorder) -> Value {
        let fault = |part: u64, late_ms: f64, kind: &str, heals: bool, effect: &str| {
            let at_ms = self.begin(part) * 1e3 + late_ms;
            json!({ "at_ms": at_ms, "kind": kind, "args": {}, "heals": heals, "effect": effect })
        };
        let is_degrade = name == "degrade";
        let sign = |ms: f64| if is_degrade { json!(ms) } else { Value::Null };
        json!({
            "strategy": name,
            "phases": all.phases(),
            "labels": {},
            "conservation": { "intended": all.total(), "accounted": all.total(), "holds": true },
            "times": { "detect_ms": sign(215.0), "degrade_ms": sign(218.0), "recover_ms": 3300.0 },
            "schedule_lag_ms": { "p50": 0.1, "p90": 0.2, "p99": 0.8, "p999": 1.0, "max": 1.2 },
            "faults": [
                fault(5, 0.0, "freeze_controller", false, "the controller is frozen"),
                fault(5, 300.0, "kill_broker", false, "broker 2 is dead"),
                fault(13, 0.0, "thaw_controller", true, "the controller goes on"),
                fault(13, 1000.0, "start_broker", true, "broker 2 starts"),
            ],
            "detectors": [
                { "name": "in-flight age", "first_sign_ms": sign(200.0) },
                { "name": "delivery failure", "first_sign_ms": 2400.0 },
                { "name": "metadata: leader -1", "first_sign_ms": null },
            ],
            "fallback": { "served": if is_degrade { 383 } else { 0 }, "refused": 0, "at_once_max": 3, "at_once_limit": 64, "beyond_limit": 0 },
            "ledger": {
                "posted": 855, "balanced": true, "executions": 855, "duplicates": 0, "in_doubt": 4, "unresolved": 0,
                "violations_total": u64::from(!is_degrade),
                "violations": if is_degrade { json!([]) } else { json!(["order <7> was told no, and executed"]) },
            },
            "verdict": {
                "passed": is_degrade, "invalid": null, "sentence": "one",
                "gates": [{
                    "gate": "p99{outcome=ok_degraded,phase=outage} < 50ms", "passed": is_degrade, "measured": "2.9 ms",
                    "sentence": "one"
                }],
            },
        })
    }

    fn timeline(&self) -> String {
        let mode = |service: &str, partition: u64, at_ms: f64, to: &str| {
            let scope = format!("partition {service}-{partition}");
            let detail = json!({ "service": service, "partition": partition, "scope": scope, "from": "closed", "to": to });
            json!({ "arm": "degrade", "at_ms": at_ms, "kind": "mode", "message": "changed", "detail": detail })
        };
        let mut lines = BTreeMap::new();
        for service in ["fee", "quote", "trade"] {
            for partition in 0..3 {
                let late = partition as f64 * 70.0;
                let (open, closed) =
                    (self.begin(5) * 1e3 + 500.0 + late, self.begin(13) * 1e3 + 1500.0 + late * 9.0);
                lines.insert((open as u64, service, partition), mode(service, partition, open, "open"));
                lines.insert((closed as u64, service, partition), mode(service, partition, closed, "closed"));
            }
        }
        lines.values().map(|line| format!("{line}\n")).collect()
    }
}
