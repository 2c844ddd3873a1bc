//! When circuits kept customers off the usual way, from `timeline.jsonl`.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::Error;
use crate::run::Lane;

/// A change of a circuit, as the timeline has it.
#[derive(Debug)]
pub(super) struct Mode {
    arm: String,
    at: f64,
    service: String,
    scope: String,
    /// Whether customers are kept off the primary way.
    off: bool,
}

impl Mode {
    pub(super) fn is_of(&self, arm: &str) -> bool {
        self.arm == arm
    }
}

#[derive(Debug, Deserialize)]
struct Line {
    arm: String,
    at_ms: f64,
    kind: String,
    #[serde(default)]
    detail: serde_json::Value,
}

/// The states in which customers, or some of them, go another way.
const OFF: [&str; 4] = ["open", "half_open", "slow_start", "forced_open"];

/// The changes of circuits; none where there is no timeline.
pub(super) fn modes(path: &Path) -> Result<Vec<Mode>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::at(path, error)),
    };
    let mut modes = Vec::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line).map_err(|error| Error::at(path, error))?;
        if line.kind != "mode" {
            continue;
        }
        let text = |name| line.detail.get(name).and_then(serde_json::Value::as_str);
        if let (Some(service), Some(scope), Some(to)) = (text("service"), text("scope"), text("to")) {
            let (service, scope) = (service.to_owned(), scope.to_owned());
            modes.push(Mode { arm: line.arm, at: line.at_ms / 1e3, service, scope, off: OFF.contains(&to) });
        }
    }
    Ok(modes)
}

/// A lane for each service that had circuits off; what is still off at the end ends there.
pub(super) fn lanes<'a>(modes: impl Iterator<Item = &'a Mode>, end: f64) -> Vec<Lane> {
    let mut services: IndexMap<&str, Vec<&Mode>> = IndexMap::new();
    for mode in modes {
        services.entry(&mode.service).or_default().push(mode);
    }
    services.sort_keys();
    let lanes = services.into_iter().map(|(name, modes)| lane(name, &modes, end));
    lanes.filter(|lane| lane.most > 0).collect()
}

fn lane(name: &str, modes: &[&Mode], end: f64) -> Lane {
    let mut off: BTreeSet<&str> = BTreeSet::new();
    let mut spans: Vec<(f64, f64, usize)> = Vec::new();
    let mut since = 0.0;
    for mode in modes {
        let before = off.len();
        if mode.off {
            off.insert(&mode.scope)
        } else {
            off.remove(mode.scope.as_str())
        };
        if off.len() != before {
            if before > 0 && mode.at > since {
                spans.push((since, mode.at, before));
            }
            since = mode.at;
        }
    }
    if !off.is_empty() && end > since {
        spans.push((since, end, off.len()));
    }
    Lane { name: name.to_owned(), most: spans.iter().map(|span| span.2).max().unwrap_or_default(), spans }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(at: f64, scope: &str, off: bool) -> Mode {
        let text = str::to_owned;
        Mode { arm: text("degrade"), at, service: text("quote"), scope: text(scope), off }
    }

    #[test]
    fn a_lane_counts_the_circuits_that_are_off_at_a_time() {
        let modes = [
            mode(5.0, "a", true),
            mode(6.0, "b", true),
            mode(7.0, "a", true),
            mode(8.0, "a", false),
            mode(9.0, "b", false),
            mode(11.0, "b", true),
        ];
        let lanes = lanes(modes.iter(), 12.0);
        assert_eq!(lanes.len(), 1);
        assert_eq!(lanes[0].spans, [(5.0, 6.0, 1), (6.0, 8.0, 2), (8.0, 9.0, 1), (11.0, 12.0, 1)]);
        assert_eq!(lanes[0].most, 2);
    }

    #[test]
    fn a_service_that_was_only_suspicious_has_no_lane() {
        assert_eq!(lanes([mode(5.0, "a", false)].iter(), 12.0), []);
    }
}
