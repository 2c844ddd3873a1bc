//! Lines of a run's timeline, from what the parts of the system saw.

use std::time::Instant;

use cluster::Change;
use lab::timeline::{Entry, What};
use report::{EntryKind, FaultRecord, TimelineEntry};
use service_kit::health::ModeNotice;

/// Milliseconds from `from` to `at`; negative if it was before.
#[must_use]
pub(super) fn ms_between(from: Instant, at: Instant) -> f64 {
    let ms = |time: std::time::Duration| time.as_micros() as f64 / 1e3;
    match at.checked_duration_since(from) {
        Some(after) => ms(after),
        None => -ms(from.duration_since(at)),
    }
}

/// A fault that the game day called.
#[must_use]
pub(super) fn fault_line(arm: &str, fault: &FaultRecord) -> TimelineEntry {
    TimelineEntry {
        arm: arm.to_owned(),
        at_ms: fault.at_ms,
        kind: EntryKind::Fault,
        message: format!("{}: {}", fault.kind, fault.effect),
        detail: serde_json::json!(fault.args),
    }
}

/// A circuit that changed its state.
#[must_use]
pub(super) fn mode_line(arm: &str, notice: &ModeNotice, from: Instant) -> TimelineEntry {
    TimelineEntry {
        arm: arm.to_owned(),
        at_ms: ms_between(from, notice.at),
        kind: EntryKind::Mode,
        message: notice.to_string(),
        detail: serde_json::json!({
            "service": notice.service,
            "partition": notice.change.partition(),
            "scope": notice.change.scope(),
            "from": notice.change.states().0,
            "to": notice.change.states().1,
        }),
    }
}

/// A change of the cluster; `None` for faults, which the game day notes itself.
#[must_use]
pub(super) fn cluster_line(arm: &str, entry: &Entry, born: Instant, from: Instant) -> Option<TimelineEntry> {
    let What::Cluster(change) = &entry.what else { return None };
    Some(TimelineEntry {
        arm: arm.to_owned(),
        at_ms: ms_between(from, born + entry.at),
        kind: EntryKind::Cluster,
        message: words(change),
        detail: serde_json::json!(change),
    })
}

fn words(change: &Change) -> String {
    match change {
        Change::Leader { partition, leader: Some(leader), epoch } => {
            format!(
                "{}-{} is led by broker {} in epoch {epoch}",
                partition.topic, partition.partition, leader.0
            )
        }
        Change::Leader { partition, leader: None, .. } => {
            format!("{}-{} has no leader", partition.topic, partition.partition)
        }
        Change::Isr { partition, isr } => {
            let ids: Vec<String> = isr.iter().map(|broker| broker.0.to_string()).collect();
            format!("{}-{} has {} in sync", partition.topic, partition.partition, ids.join(","))
        }
        Change::Fenced { broker, fenced: true } => format!("broker {} is fenced", broker.0),
        Change::Fenced { broker, fenced: false } => format!("broker {} is back", broker.0),
        Change::Controller { frozen: true } => "the controller is frozen".to_owned(),
        Change::Controller { frozen: false } => "the controller goes on".to_owned(),
    }
}
