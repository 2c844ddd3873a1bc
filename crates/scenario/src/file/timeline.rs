//! The tables `[[timeline]]`: what is broken and healed, and when.
//!
//! Keys beside `at`, `at_s` and `fault` are arguments of the fault and are checked against its kind.

use std::collections::BTreeMap;
use std::time::Duration;

use super::section::{Entry, Section};
use crate::fault::{ArgKind, ArgSpec, ArgValue, FaultCall, FaultKind};
use crate::model::{Anchor, At, ClusterPlan, Load, Step};
use gates::did_you_mean;
use gates::units;

/// The most steps of a timeline.
const STEPS_MAX: usize = 1000;
/// The longest name of a topic, as in Kafka; groups are held to the same.
const NAME_CHARS_MAX: usize = 249;
/// The most partitions that one fault can name.
const PARTITIONS_MAX: usize = 10_000;

/// What `at` may say.
const AT_ALLOWED: &str =
    "\"start\", \"outage\" or \"recovery\", and a time after it if any, e.g. \"outage + 300ms\"";

pub(super) fn read(
    root: &mut Section<'_>,
    cluster: &ClusterPlan,
    load: &Load,
    kinds: &[FaultKind],
) -> Vec<Step> {
    let steps = root.get("timeline").and_then(|entry| entry.items(STEPS_MAX)).unwrap_or_default();
    let sections = steps.iter().filter_map(Entry::section);
    let mut timeline: Vec<Step> =
        sections.filter_map(|section| step(section, cluster, load, kinds)).collect();
    // Stable: steps of the same moment keep the order of the file.
    timeline.sort_by_key(|step| load.instant(step.at));
    timeline
}

fn step(mut section: Section<'_>, cluster: &ClusterPlan, load: &Load, kinds: &[FaultKind]) -> Option<Step> {
    let at = moment(&mut section, load);
    let fault = section.require("fault", &format!("one of {}", names(kinds)))?;
    let kind = known_kind(&fault, kinds)?;
    let mut args = BTreeMap::new();
    for spec in kind.args {
        let given =
            if spec.required { section.require(spec.name, spec.help) } else { section.get(spec.name) };
        if let Some(value) = given.and_then(|entry| argument(&entry, spec, cluster)) {
            args.insert(spec.name.to_owned(), value);
        }
    }
    section.finish();
    let call = FaultCall { kind: kind.name.to_owned(), args };
    Some(Step { at: at?, call, heals: kind.healed_by.is_none() })
}

fn known_kind<'k>(fault: &Entry<'_>, kinds: &'k [FaultKind]) -> Option<&'k FaultKind> {
    let name = fault.text(NAME_CHARS_MAX)?;
    let found = kinds.iter().find(|kind| kind.name == name);
    if found.is_none() {
        let hint = did_you_mean(name, kinds.iter().map(|kind| kind.name));
        fault.reject(format!("unknown fault{hint} (allowed: {})", names(kinds)));
    }
    found
}

fn names(kinds: &[FaultKind]) -> String {
    kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

/// Exactly one of `at` and `at_s`, inside of the run.
fn moment(section: &mut Section<'_>, load: &Load) -> Option<At> {
    let end = load.measured();
    let (named, counted) = (section.get("at"), section.get("at_s"));
    let (entry, at) = match (&named, &counted) {
        (Some(entry), None) => (entry, anchored(entry)?),
        (None, Some(entry)) => {
            let seconds = entry.number(0.0..=end.as_secs_f64())?;
            let offset = Duration::from_millis((seconds * 1000.0).round() as u64);
            (entry, At { anchor: Anchor::Start, offset })
        }
        (Some(entry), Some(_)) => {
            entry.reject("goes without at_s: give one of them");
            return None;
        }
        (None, None) => {
            section
                .complain(format!("needs at_s (seconds from the start of measuring) or at ({AT_ALLOWED})"));
            return None;
        }
    };
    if load.instant(at) > end {
        entry.reject(format!("must lie inside the run, which is measured for {}", units::duration(end)));
        return None;
    }
    Some(at)
}

/// `outage`, `outage + 300ms`.
fn anchored(entry: &Entry<'_>) -> Option<At> {
    let text = entry.text(NAME_CHARS_MAX)?;
    let (name, offset) = text.split_once('+').map_or((text, None), |(name, offset)| (name, Some(offset)));
    let anchor = Anchor::NAMES.into_iter().find(|(known, _)| *known == name.trim());
    let offset = offset.map_or(Some(Duration::ZERO), |text| units::parse_duration(text.trim()));
    match (anchor, offset) {
        (Some((_, anchor)), Some(offset)) => Some(At { anchor, offset }),
        _ => {
            entry.reject(format!("must be {AT_ALLOWED}"));
            None
        }
    }
}

fn argument(entry: &Entry<'_>, spec: &ArgSpec, cluster: &ClusterPlan) -> Option<ArgValue> {
    match spec.kind {
        ArgKind::Broker => entry.integer(1..=i64::from(cluster.brokers)).map(ArgValue::Integer),
        ArgKind::DurationMs => entry.integer(0..=3_600_000).map(ArgValue::Integer),
        // The smallest share that means anything is one partition of the largest topic.
        ArgKind::Share => entry.number(0.001..=1.0).map(ArgValue::Number),
        ArgKind::Topic | ArgKind::Group => {
            entry.text(NAME_CHARS_MAX).map(|text| ArgValue::Text(text.to_owned()))
        }
        ArgKind::Partitions => {
            let items = entry.items(PARTITIONS_MAX)?;
            let indices = items.iter().map(|item| item.integer(0..=PARTITIONS_MAX as i64 - 1));
            indices.collect::<Option<_>>().map(ArgValue::Integers)
        }
    }
}
